"""Rows written directly, past the code, for tests of what the database itself holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from domain.attempt import HARMLESS, Operation, State
from domain.checkout import Checkout
from domain.due import Due
from domain.means import Customer, Method
from domain.money import CURRENCIES, Money
from domain.payment import FINAL, Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from domain.review import Case, CaseKind
from ops.presence import Presence
from ops.store import rows, tables
from tests.store.conftest import MERCHANT, Books


def checkout_payment(books: Books, *, ttl_s: float = 1800, order_id: str | None = None) -> Payment:
    """Return a payment as accepting makes it, not written yet."""
    checkout = Checkout(1000, "USD", Method("card", "tok"), order_id=order_id)
    now = datetime.now(UTC)
    lifetime = timedelta(seconds=ttl_s)
    return checkout.payment(books.new_id(), MERCHANT, Mode.TEST, now, lifetime, "req-1")


def a_payment(books: Books, status: Status = Status.PENDING, **more: object) -> UUID:
    """Write a payment in any status and return its id."""
    payment = checkout_payment(books)
    values = rows.payment_insert(payment, books.vault) | {"status": status.value} | more
    if status in FINAL:
        values |= {"next_run_at": None, "wake_at": None}
    if status in (Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.REVERSED):
        values |= {"amount_authorized": 1000, "amount_captured": 1000}
    with books.engine.begin() as db:
        db.execute(insert(tables.payments).values(values))
    return payment.id


def a_charge(
    books: Books,
    payment_id: UUID,
    *,
    state: State,
    number: int = 1,
    gateway: str = "one",
    proof: str | None = "read_back",
    **more: object,
) -> UUID:
    """Write a charge attempt in any state and return its id."""
    told = {"gateway_id": gateway, "proof": proof if state in HARMLESS else None}
    return an_attempt(
        books, Operation.CHARGE, state, number=number, payment_id=payment_id, **(told | more)
    )


def an_attempt(books: Books, operation: Operation, state: State, **more: object) -> UUID:
    """Write an attempt of any operation in any state and return its id."""
    id_, now = books.new_id(), text("clock_timestamp()")
    values = {
        "id": id_,
        "merchant_id": MERCHANT,
        "mode": "test",
        "operation": operation.value,
        "number": 1,
        "gateway_id": "one",
        "adapter_version": 1,
        "amount": 1000,
        "currency": "USD",
        "state": state.value,
        "proof": "read_back" if state in HARMLESS else None,
        "request": books.vault.seal(b"{}", table="payment_attempts", column="request", row=id_.hex),
        "send_before": now,
        "deadline_at": now,
        "key_window_ends": now,
        "created_at": now,
        "request_id": "req-1",
    }
    with books.engine.begin() as db:
        db.execute(insert(tables.payment_attempts).values(values | more))
    return id_


def paid(books: Books) -> tuple[UUID, UUID]:
    """Write a captured payment with its charge; return both ids."""
    payment = a_payment(books, Status.CAPTURED)
    return payment, a_charge(books, payment, state=State.CAPTURED, provider_id="ch_1")


def new_refund(books: Books, payment: UUID, charge: UUID, **changes: Any) -> Refund:
    """Return a refund of 400 as a merchant asks for it, not written yet."""
    now = datetime.now(UTC)
    refund = Refund(
        id=books.new_id(),
        payment_id=payment,
        charge_id=charge,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=Money(400, CURRENCIES["USD"]),
        kind=RefundKind.REFUND,
        status=RefundStatus.PENDING,
        reason="returned goods",
        requested_by="key:k",
        gateway_id="one",
        created_at=now,
        due=Due(now),
        request_id="req-2",
    )
    return replace(refund, **changes)


def asked_back(books: Books, payment: UUID, charge: UUID, **changes: Any) -> Refund:
    """Ask a refund of a payment, as the door does."""
    refund = new_refund(books, payment, charge, **changes)
    with books.store.begin() as work:
        held = work.lock_payment(payment)
        work.add_refund(refund)
        if refund.kind is not RefundKind.LATE:
            work.save_payment(rebalanced(held, None, refund))
    return refund


def new_payout(books: Books, **changes: Any) -> Payout:
    """Return a payout of 700 as a merchant asks for it, not written yet."""
    now = datetime.now(UTC)
    payout = Payout(
        id=books.new_id(),
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=Money(700, CURRENCIES["USD"]),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "ba_secret"),
        created_at=now,
        expires_at=now + timedelta(hours=1),
        due=Due(now),
        customer=Customer("c-1", "payer@example.com"),
        request_id="req-3",
    )
    return replace(payout, **changes)


def a_payout(books: Books, **changes: Any) -> Payout:
    """Write a payout."""
    payout = new_payout(books, **changes)
    with books.store.begin() as work:
        work.add_payout(payout)
    return payout


def a_case(payment: UUID, id_: UUID, **changes: Any) -> Case:
    """Return an open question about a payment, not written yet."""
    return replace(Case(id_, payment, CaseKind.FRAUD, "it looks odd", datetime.now(UTC)), **changes)


def gone(books: Books, presence: Presence, within_s: float = 10.0) -> None:
    """Close a presence, and wait until the server has noticed: its lock is free."""
    presence.close()
    until, pause = monotonic() + within_s, Event()
    held = (
        "SELECT pg_try_advisory_lock_shared(:owner) AND pg_advisory_unlock_shared(:owner) AS free"
    )
    while books.sql(held, owner=presence.owner) != [{"free": True}]:
        assert monotonic() < until, "the session of a closed presence lives on"
        pause.wait(0.01)
