"""The door's reads on the database under test, and every statement that they send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import insert

from domain.payment import Mode, Payment, Status
from ops.store import rows, tables
from ops.store.reads import Reads
from ops.store.reads_money import MoneyReads
from ops.store.wanted import first_id
from tests.store.books import checkout_payment
from tests.store.conftest import MERCHANT, Books

Answer = TypeVar("Answer")
Ask = Callable[[Reads, MoneyReads], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Whose:
    """An owner of rows."""

    merchant_id: UUID = MERCHANT
    mode: Mode = Mode.TEST


OURS = Whose()


def read(books: Books, ask: Ask[Answer], seen: list[tuple[str, Any]] | None = None) -> Answer:
    """Ask the books as the door does; `seen` collects what was sent to them."""

    class Recording(AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            if seen is not None:
                seen.append((query, params))
            return await super().execute(query, params, **more)

    async def configure(db: AsyncConnection[Any]) -> None:
        db.cursor_factory = Recording

    async def run() -> Answer:
        pool = AsyncConnectionPool(books.url, min_size=1, configure=configure, open=False)
        async with pool:
            return await ask(Reads(pool, books.vault), MoneyReads(pool))

    return asyncio.run(run())


def plan_of(books: Books, query: str, values: Any) -> dict[str, Any]:
    """Run a statement and return what the database did for it."""
    url = books.url
    with psycopg.connect(url) as db:
        found = db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode(), values).fetchone()
    assert found is not None
    (told,) = found[0] if isinstance(found[0], list) else json.loads(found[0])
    plan: dict[str, Any] = told["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every step of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def write(books: Books, *payments: Payment) -> Sequence[UUID]:
    """Write payments as they are; returns their ids."""
    with books.engine.begin() as db:
        for payment in payments:
            values = rows.payment_insert(payment, books.vault)
            db.execute(insert(tables.payments).values(values))
    return [payment.id for payment in payments]


def some_payment(books: Books, at: datetime | None = None, **changes: Any) -> Payment:
    """Return a payment as accepting makes it, if `at` is given at that time; not written yet."""
    payment = checkout_payment(books)
    if at is not None:
        id_ = UUID(int=first_id(at).int + payment.id.int % 2**70)
        payment = replace(payment, id=id_, created_at=at)
    return replace(payment, **changes)


def ids(found: Sequence[Any]) -> list[UUID]:
    return [one.id for one in found]


STATUSES = (Status.PENDING, Status.FAILED, Status.CANCELLED)
