"""The backlog on PostgreSQL: what waits for a worker is counted, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.attempt import State
from domain.idempotency import Recorded
from domain.payment import Mode, Status
from ops.store.backlog import BacklogReads
from tests.store.books import a_charge, a_payment
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
T = TypeVar("T")


def asked(books: Books, use: Callable[[BacklogReads], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with AsyncConnectionPool(books.url, min_size=1, max_size=2, open=False) as pool:
            return await use(BacklogReads(pool))

    return asyncio.run(run())


def waiting(books: Books, most: int = 100) -> int:
    return asked(books, lambda rows: rows.waiting(most))


def at(seconds: float) -> dict[str, Any]:
    """A row that is due then, and announced then."""
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"next_run_at": when, "wake_at": when}


def test_what_is_due_of_every_kind_waits(books: Books) -> None:
    first = a_payment(books, **at(-5))
    a_payment(books, Status.PROCESSING, **at(-500))
    a_charge(books, first, state=State.UNKNOWN, **at(-1))

    assert waiting(books) == 3
    assert waiting(books, 2) == 2


def test_what_looks_for_a_gateway_again_in_a_moment_waits_and_what_is_for_later_does_not(
    books: Books,
) -> None:
    a_payment(books, **at(5))
    a_payment(books, Status.PROCESSING, **at(1_800))
    a_payment(books, Status.CAPTURED)

    assert waiting(books) == 1


def test_a_row_that_was_announced_again_and_again_still_waits(books: Books) -> None:
    a_payment(books, **(at(-90) | {"wake_at": at(60)["wake_at"], "wakes": 9}))

    assert waiting(books) == 1


def test_a_key_tells_what_it_was_answered(books: Books) -> None:
    resource, recorded = books.new_id(), Recorded(b"f" * 32, 202, b"{}")
    with books.store.begin() as work:
        assert work.win_key(MERCHANT, Mode.TEST, "k", recorded.fingerprint) is None
        work.record_key(MERCHANT, Mode.TEST, "k", resource, recorded)

    known = asked(books, lambda rows: rows.answered((MERCHANT, "test", "k")))
    other = asked(books, lambda rows: rows.answered((MERCHANT, "live", "k")))

    assert known is not None
    assert (known.recorded, known.resource_id) == (recorded, resource)
    assert other is None
