"""Payments, attempts and budgets for adapters."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.money import CURRENCIES, Money
from domain.payment import Method, Mode, Payment, Status
from domain.ports import Budget, Gateway

#: Enough for a simulator on a busy machine; only a fault that hangs should need it all.
PATIENCE_S = 10.0
#: For faults that hang on purpose.
IMPATIENCE_S = 0.8


def a_payment(amount: int = 1250, currency: str = "EUR", **changes: Any) -> Payment:
    now = datetime.now(UTC)
    payment = Payment(
        id=uuid4(),
        merchant_id=UUID(int=1),
        mode=Mode.TEST,
        money=Money(amount, CURRENCIES[currency]),
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


def an_attempt(gateway: Gateway, payment: Payment | None = None, **changes: Any) -> Attempt:
    """Return what a charge run would have committed before its call."""
    payment = payment or a_payment()
    id_, now = uuid4(), datetime.now(UTC)
    request = gateway.compose(payment, id_.hex)
    assert request is not None
    attempt = Attempt(
        id=id_,
        payment_id=payment.id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        operation=Operation.CHARGE,
        number=1,
        gateway_id="gateway",
        adapter_version=gateway.declaration.adapter_version,
        money=payment.money,
        state=State.SENDING,
        request=request,
        send_before=now + timedelta(seconds=2),
        deadline_at=now + timedelta(seconds=12),
        key_window_ends=now + gateway.declaration.key_window,
        created_at=now,
        due=Due(now),
        request_id=payment.request_id,
    )
    return replace(attempt, **changes)


def within(deadline_s: float = PATIENCE_S, send_s: float = PATIENCE_S) -> Budget:
    now = time.monotonic()
    return Budget(now + send_s, now + deadline_s)
