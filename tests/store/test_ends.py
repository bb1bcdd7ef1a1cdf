"""Both kinds of books note by themselves when a payment came to its end, and nobody else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.books import Store
from domain.due import NEVER
from domain.payment import NOTED, Payment, Status
from domain.routing import GatewayRow
from ops.store import rows, tables
from ops.store.memory.store import MemoryStore
from tests.store.books import checkout_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def holding(books: Books, status: Status) -> tuple[UUID, tuple[Store, Store]]:
    """Write one payment into both; return its id, and PostgreSQL's store and the one in memory."""
    money = 1_000 if status is Status.CAPTURED else 0
    payment = replace(
        checkout_payment(books),
        status=status,
        due=NEVER,
        amount_authorized=money,
        amount_captured=money,
    )
    values = rows.payment_insert(payment, books.vault)
    update = rows.payment_update(payment, books.vault, LONG_AGO) | {"version": 1}
    with books.engine.begin() as db:
        db.execute(insert(tables.payments).values(values | update))
    gateways: list[GatewayRow] = []
    memory = MemoryStore(lambda: datetime.now(UTC), gateways, lives=lambda owner: False)
    with memory.begin() as work:
        work.books.add_payment(payment)
    return payment.id, (books.store, memory)


def saved(store: Store, id_: UUID, **changes: object) -> Payment:
    """Change a payment; what is returned must be what is read afterwards."""
    with store.begin() as work:
        after = work.save_payment(replace(work.lock_payment(id_), **changes))  # type: ignore[arg-type]
    with store.begin() as work:
        assert work.payment(id_) == after
    return after


def ends(payment: Payment) -> dict[str, datetime]:
    """Return the times that are noted."""
    found = {name: getattr(payment, name) for name in NOTED.values()}
    return {name: at for name, at in found.items() if at is not None}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Status.PENDING, Status.FAILED),
        (Status.PROCESSING, Status.CANCELLED),
        (Status.REQUIRES_ACTION, Status.EXPIRED),
        (Status.CAPTURED, Status.REFUNDED),
    ],
)
def test_an_end_is_noted_once_at_its_time(books: Books, start: Status, end: Status) -> None:
    id_, stores = holding(books, start)
    for store in stores:
        before = datetime.now(UTC)

        first = saved(store, id_, status=end)

        (when,) = ends(first).values()
        assert ends(first) == {NOTED[end]: when}
        assert before - timedelta(seconds=1) < when < datetime.now(UTC) + timedelta(seconds=1)
        assert ends(saved(store, id_, runs=3)) == ends(first)


def test_no_other_status_has_a_time(books: Books) -> None:
    id_, stores = holding(books, Status.PENDING)
    for store in stores:
        for status in (Status.PROCESSING, Status.REQUIRES_ACTION, Status.IN_REVIEW):
            assert ends(saved(store, id_, status=status)) == {}


def test_what_a_flow_says_of_an_end_is_not_written_down(books: Books) -> None:
    id_, stores = holding(books, Status.PENDING)
    wrong = dict.fromkeys(NOTED.values(), LONG_AGO)
    for store in stores:
        assert ends(saved(store, id_, **wrong)) == {}
        noted = ends(saved(store, id_, status=Status.FAILED, **wrong))
        assert list(noted) == ["failed_at"]
        assert noted["failed_at"] > LONG_AGO
        assert ends(saved(store, id_, **dict.fromkeys(NOTED.values()))) == noted


def test_a_refund_that_failed_later_leaves_when_all_had_been_given_back(books: Books) -> None:
    id_, stores = holding(books, Status.CAPTURED)
    for store in stores:
        first = saved(store, id_, status=Status.REFUNDED).refunded_at
        assert first is not None
        assert saved(store, id_, status=Status.CAPTURED).refunded_at == first
        again = saved(store, id_, status=Status.REFUNDED).refunded_at
        assert again is not None
        assert again > first
