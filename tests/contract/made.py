"""Payments, refunds, payouts, their attempts and budgets, for adapters."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.payment import CaptureMethod, Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.ports import Budget, Gateway
from domain.refund import Refund, RefundKind, RefundStatus
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from domain.vaulted import Detachment

#: Enough for a simulator on a busy machine; only a fault that hangs should need it all.
PATIENCE_S = 10.0
#: For faults that hang on purpose.
IMPATIENCE_S = 0.8
MERCHANT = UUID(int=1)


def money(minor: int, currency: str = "EUR") -> Money:
    return Money(minor, CURRENCIES[currency])


def a_payment(amount: int = 1250, currency: str = "EUR", **changes: Any) -> Payment:
    now = datetime.now(UTC)
    payment = Payment(
        id=uuid4(),
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=money(amount, currency),
        status=Status.PENDING,
        method=Method("card", "tok_1"),
        created_at=now,
        expires_at=now + timedelta(minutes=30),
        due=Due(now),
        return_url="https://shop.example/done",
        metadata={"cart": "42"},
        request_id="req-0123456789",
    )
    return replace(payment, **changes)


def a_hold(amount: int = 1250, currency: str = "EUR", **changes: Any) -> Payment:
    """A payment whose money is to be held first."""
    return a_payment(amount, currency, capture_method=CaptureMethod.MANUAL, **changes)


def a_refund_row(charge: Attempt, minor: int | None = None, **changes: Any) -> Refund:
    now = datetime.now(UTC)
    assert charge.payment_id is not None
    refund = Refund(
        id=uuid4(),
        payment_id=charge.payment_id,
        charge_id=charge.id,
        merchant_id=charge.merchant_id,
        mode=charge.mode,
        money=replace(charge.money, minor=charge.money.minor if minor is None else minor),
        kind=RefundKind.REFUND,
        status=RefundStatus.PENDING,
        reason="requested_by_customer",
        requested_by="merchant",
        gateway_id="gateway",
        created_at=now,
        due=Due(now),
    )
    return replace(refund, **changes)


def a_payout_row(amount: int = 4200, currency: str = "EUR", **changes: Any) -> Payout:
    now = datetime.now(UTC)
    payout = Payout(
        id=uuid4(),
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=money(amount, currency),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "ba_1"),
        created_at=now,
        expires_at=now + timedelta(days=1),
        due=Due(now),
        metadata={"invoice": "7"},
        request_id="req-0123456789",
    )
    return replace(payout, **changes)


def a_detachment(token: str = "tok_1") -> Detachment:
    now = datetime.now(UTC)
    return Detachment(uuid4(), MERCHANT, Mode.TEST, "gateway", token, Due(now), "req-0123456789")


def an_attempt(gateway: Gateway, payment: Payment | None = None, **changes: Any) -> Attempt:
    """Return what a charge run would have committed before its call."""
    payment = payment or a_payment()
    made = _committed(gateway, Charge(payment), Operation.CHARGE, payment.money)
    links: dict[str, Any] = {"payment_id": payment.id, "captures": payment.captures_at_once}
    return replace(made, **links | changes)


def a_capture(gateway: Gateway, charge: Attempt, minor: int | None = None) -> Attempt:
    """Return the capture of a charge whose provider id is known."""
    wanted = replace(charge.money, minor=charge.money.minor if minor is None else minor)
    made = _committed(gateway, Capture(charge, wanted), Operation.CAPTURE, wanted)
    return replace(made, payment_id=charge.payment_id, target=charge.provider_id)


def a_void(gateway: Gateway, charge: Attempt) -> Attempt:
    """Return the void of a charge whose provider id is known."""
    made = _committed(gateway, Void(charge), Operation.VOID, charge.money)
    return replace(made, payment_id=charge.payment_id, target=charge.provider_id)


def a_refund(gateway: Gateway, charge: Attempt, minor: int | None = None) -> Attempt:
    """Return a refund of a charge whose provider id is known."""
    row = a_refund_row(charge, minor)
    made = _committed(gateway, GiveBack(charge, row), Operation.REFUND, row.money)
    made = replace(made, payment_id=charge.payment_id, refund_id=row.id)
    return replace(made, target=charge.provider_id)


def a_payout(gateway: Gateway, row: Payout | None = None) -> Attempt:
    row = row or a_payout_row()
    made = _committed(gateway, PayOut(row), Operation.PAYOUT, row.money)
    return replace(made, payout_id=row.id)


def _committed(gateway: Gateway, task: Task, operation: Operation, asked: Money) -> Attempt:
    id_, now = uuid4(), datetime.now(UTC)
    request = gateway.compose(task, id_.hex)
    assert request is not None
    promise = gateway.declaration.promises[operation]
    return Attempt(
        id=id_,
        payment_id=None,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        operation=operation,
        number=1,
        gateway_id="gateway",
        adapter_version=gateway.declaration.adapter_version,
        money=asked,
        state=State.SENDING,
        request=request,
        send_before=now + timedelta(seconds=2),
        deadline_at=now + timedelta(seconds=12),
        key_window_ends=now + promise.key_window,
        created_at=now,
        due=Due(now),
        request_id="req-0123456789",
        confirming=not promise.split,
    )


def within(deadline_s: float = PATIENCE_S, send_s: float = PATIENCE_S) -> Budget:
    now = time.monotonic()
    return Budget(now + send_s, now + deadline_s)
