"""Payouts on PostgreSQL: ordered once per key, sealed, and read by their merchant alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.commands import Command
from domain.flows.withdraw import Counter, Order, Taken, Withdrawal, withdraw
from domain.means import Customer
from domain.payment import Mode
from domain.payout import Destination, PayoutStatus
from ops.store.reads_payouts import PayoutReads, PayoutsWanted
from tests.store.conftest import MERCHANT, Books
from tests.store.reading import OURS, Whose

pytestmark = pytest.mark.services
Answer = TypeVar("Answer")

TOKEN = "acct_that_must_not_be_readable"


def order(key: str, **asked: Any) -> Order:
    withdrawal = Withdrawal(
        5_000, "USD", Destination("bank_account", TOKEN), Customer(id="user-1"), **asked
    )
    return Order(withdrawal, MERCHANT, Mode.TEST, "key:k", key, "req-1")


def take(books: Books, asked: Order, woken: list[UUID] | None = None) -> Taken:
    def wake(command: Command, id_: UUID, request_id: str) -> None:
        if woken is not None:
            woken.append(id_)

    counter = Counter(
        books.store, books.new_id, wake, lambda payout: payout.id.bytes, timedelta(hours=1)
    )
    return withdraw(asked, counter)


def read(books: Books, ask: Callable[[PayoutReads], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with AsyncConnectionPool(books.url, min_size=1, open=False) as pool:
            return await ask(PayoutReads(pool, books.vault))

    return asyncio.run(run())


def page(books: Books, whose: Whose = OURS, limit: int = 100, **more: Any) -> list[UUID]:
    before = more.pop("before", None)
    asked = PayoutsWanted(**more)
    found = read(books, lambda reads: reads.payouts(whose, asked, limit=limit, before=before))
    return [payout.id for payout in found]


def test_many_at_once_under_one_key_are_one_payout(books: Books) -> None:
    woken: list[UUID] = []

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: take(books, order("k"), woken), range(50)))

    assert len({answer.recorded for answer in answers}) == 1
    assert woken == [answers[0].payout_id]
    assert books.sql("SELECT count(*) AS n FROM payouts") == [{"n": 1}]
    (told,) = books.sql("SELECT action, actor_id FROM audit_logs WHERE entity = 'payout'")
    assert told == {"action": "payout.created", "actor_id": "key:k"}
    assert books.sql("SELECT type FROM outbox_events WHERE aggregate = 'payout'")


def test_it_is_read_back_as_it_was_ordered_and_sealed_at_rest(books: Books) -> None:
    taken = take(books, order("k", reference="r-1", metadata={"a": "b"}, country="US"))

    payout = read(books, lambda reads: reads.payout(OURS, taken.payout_id))

    assert payout is not None
    assert payout.destination == Destination("bank_account", TOKEN)
    assert (payout.customer.id, payout.reference, payout.country) == ("user-1", "r-1", "US")
    assert (payout.money.minor, payout.status) == (5_000, PayoutStatus.PENDING)
    (row,) = books.sql("SELECT payouts::text AS stored FROM payouts")
    assert TOKEN not in str(row)
    assert TOKEN.encode().hex() not in str(row)


def test_nobody_else_finds_it(books: Books) -> None:
    id_ = take(books, order("k")).payout_id

    for whose in (Whose(merchant_id=UUID(int=9)), Whose(mode=Mode.LIVE)):
        assert read(books, lambda reads, w=whose: reads.payout(w, id_)) is None  # type: ignore[misc]
        assert page(books, whose) == []
    assert read(books, lambda reads: reads.payout(OURS, UUID(int=9))) is None


def test_pages_go_from_the_newest_to_the_oldest_and_wishes_are_met(books: Books) -> None:
    ids = [take(books, order(f"k{n}", reference=f"r-{n % 2}")).payout_id for n in range(5)]
    newest = ids[::-1]

    assert page(books) == newest
    assert page(books, limit=2) == newest[:2]
    assert page(books, limit=2, before=newest[1]) == newest[2:4]
    assert page(books, before=newest[-1]) == []
    assert page(books, reference="r-1") == [ids[3], ids[1]]
    assert page(books, status=PayoutStatus.PENDING, reference="r-0") == [ids[4], ids[2], ids[0]]
    assert page(books, status=PayoutStatus.FAILED) == []
