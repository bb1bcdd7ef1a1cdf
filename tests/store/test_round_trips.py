"""Round trips: what the door asks of the database, counted, however many requests share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from domain.payment import Mode, Payment
from ingress.lookups import Lookups
from ops.store.accept import Acceptance, Accepted, Pool
from ops.store.inbox import Came, Inbox, Stored
from tests.store.conftest import MERCHANT, Books
from tests.store.test_accept import TERMS, an_ask
from tests.store.test_inbox import came

pytestmark = pytest.mark.services


def counted(books: Books, use: Callable[[Pool], Awaitable[object]]) -> int:
    """Return how often the database was waited for, on sessions as the door has them."""
    waits = 0

    class Counting(AsyncConnection[tuple[Any, ...]]):
        async def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
            return await super().wait(watched(gen), *args, **more)

    def watched(asking: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass it on; one that ends without waiting, as a commit of nothing does, is none."""
        nonlocal waits
        said, waited = None, False
        while True:
            try:
                wanted = asking.send(said)
            except StopIteration as end:
                return end.value
            waits, waited = waits + (not waited), True
            said = yield wanted

    async def run() -> None:
        nonlocal waits
        pool: Pool = AsyncConnectionPool(
            books.url,
            connection_class=Counting,
            min_size=1,
            max_size=1,
            kwargs={"autocommit": True},
            open=False,
        )
        async with pool:
            await pool.wait()
            waits = 0
            await use(pool)

    asyncio.run(run())
    return waits


@pytest.mark.parametrize("size", [1, 50])
def test_a_batch_of_checkouts_takes_one(books: Books, size: int) -> None:
    """One statement, once the time is known: asking for it is one more."""

    async def use(pool: Pool) -> None:
        door = Acceptance(pool, books.vault, TERMS, monotonic=lambda: 0.0)
        await door([an_ask(books, "first")])
        answers = await door([an_ask(books, f"key-{n}", order_id=f"o-{n}") for n in range(size)])
        assert all(isinstance(answer, Accepted) for answer in answers)

    assert counted(books, use) == 2 + 1


def test_known_keys_take_one_more(books: Books) -> None:
    async def use(pool: Pool) -> None:
        door = Acceptance(pool, books.vault, TERMS, monotonic=lambda: 0.0)
        await door([an_ask(books, f"key-{n}") for n in range(5)])
        answers = await door([an_ask(books, f"key-{n}") for n in range(10)])
        assert [a.replayed for a in answers if isinstance(a, Accepted)] == [True] * 5 + [False] * 5

    assert counted(books, use) == 2 + 2


@pytest.mark.parametrize("size", [1, 50])
def test_a_batch_of_proven_webhooks_takes_one(books: Books, size: int) -> None:
    async def use(pool: Pool) -> None:
        events: list[Came] = [came(books, f"evt_{n}") for n in range(size)]
        stored = await Inbox(pool, books.vault)(events)
        assert all(isinstance(one, Stored) and one.new for one in stored)

    assert counted(books, use) == 1


def test_payments_that_are_read_together_share_a_query(books: Books) -> None:
    asks = [an_ask(books, f"key-{n}", 100 + n) for n in range(20)]
    stranger = UUID(int=77)

    async def use(pool: Pool) -> None:
        await Acceptance(pool, books.vault, TERMS)(asks)
        reads = Lookups(pool, books.vault, depth=100)
        ids = [ask.payment_id for ask in asks]
        found = await asyncio.gather(
            *(reads.payment(id_, MERCHANT, Mode.TEST) for id_ in [*ids, ids[0]]),
            *(
                reads.payment(ids[1], *other)
                for other in ((stranger, Mode.TEST), (MERCHANT, Mode.LIVE))
            ),
        )
        amounts = [one.money.minor if isinstance(one, Payment) else None for one in found]
        assert amounts == [*range(100, 120), 100, None, None]

    assert counted(books, use) == 2 + 1
