"""Rows written directly, past the code, for tests of what the database itself holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text

from domain.attempt import HARMLESS, State
from domain.checkout import Checkout
from domain.payment import FINAL, Method, Mode, Payment, Status
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
) -> UUID:
    """Write a charge attempt in any state and return its id."""
    id_ = books.new_id()
    now = text("clock_timestamp()")
    with books.engine.begin() as db:
        db.execute(
            insert(tables.payment_attempts).values(
                id=id_,
                payment_id=payment_id,
                merchant_id=MERCHANT,
                mode="test",
                operation="charge",
                number=number,
                gateway_id=gateway,
                adapter_version=1,
                amount=1000,
                currency="USD",
                state=state.value,
                proof=proof if state in HARMLESS else None,
                request=books.vault.seal(
                    b"{}", table="payment_attempts", column="request", row=id_.hex
                ),
                send_before=now,
                deadline_at=now,
                key_window_ends=now,
                created_at=now,
                request_id="req-1",
            )
        )
    return id_
