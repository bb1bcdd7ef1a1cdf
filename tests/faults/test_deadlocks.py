"""Real deadlocks: what PostgreSQL undoes for the sake of another transaction is done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg_pool import AsyncConnectionPool

from domain.attempt import Attempt
from domain.commands import Command
from domain.outcome import Lookup
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Delay, Rule
from ops.store.accept import Acceptance, Accepted, Answer
from ops.store.engine import session, session_options
from ops.store.inbox import Came, Inbox, Stored
from tests.faults.shop import Shop
from tests.scripted import Scripted
from tests.store.conftest import MERCHANT, Books
from tests.store.test_accept import TERMS, an_ask
from tests.workers.circuit_rig import until

pytestmark = pytest.mark.services

#: Ours notices a deadlock and is undone; the rival does not, and gives up a little later, before
#: our next try would notice the next one.
NOTICED = "700ms"
GIVEN_UP = "1100ms"
_KEY = (
    "INSERT INTO idempotency_keys (merchant_id, mode, key, fingerprint, status, body, resource_id,"
    " expires_at) VALUES (%s, 'test', %s, '', 202, '', gen_random_uuid(), now())"
)
_WEBHOOK = (
    "INSERT INTO webhook_events (id, gateway_id, dedupe_key, body, copies, request_id)"
    " VALUES (gen_random_uuid(), 'one', %s, '', 1, '')"
)


@dataclass
class Rival:
    """A transaction that takes the same locks the other way round, and gives up in the end."""

    db: Connection[Any]
    thread: ThreadPoolExecutor

    def blocks(self) -> bool:
        """Whether somebody waits for it."""
        found = self.db.execute(
            "SELECT 1 FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        ).fetchone()
        return found is not None

    def cross(self, query: str, values: tuple[object, ...]) -> Future[None]:
        """Once somebody waits for us, wait for them, and then give everything back."""

        def crossing() -> None:
            until(self.blocks, "the other one to wait")
            with suppress(LockNotAvailable):
                self.db.execute(query, values)
            self.db.rollback()

        return self.thread.submit(crossing)


@pytest.fixture
def rival(books: Books) -> Iterator[Rival]:
    with (
        psycopg.connect(
            books.url, options=f"-c deadlock_timeout=60s -c lock_timeout={GIVEN_UP}"
        ) as db,
        ThreadPoolExecutor(1) as thread,
    ):
        yield Rival(db, thread)
        db.rollback()


def test_a_batch_that_is_undone_is_accepted_one_by_one(books: Books, rival: Rival) -> None:
    asks = [an_ask(books, key) for key in ("a", "b", "c")]
    rival.db.execute(_KEY, (MERCHANT, "b"))
    crossing = rival.cross(_KEY, (MERCHANT, "a"))

    answers = _at_the_door(books, lambda pool: Acceptance(pool, books.vault, TERMS)(asks))
    crossing.result()

    assert [_accepted(one) for one in answers] == [(ask.payment_id, False) for ask in asks]
    assert books.sql("SELECT count(*) AS n FROM payments") == [{"n": 3}]


def test_webhooks_that_are_undone_are_stored_one_by_one(books: Books, rival: Rival) -> None:
    came = [Came(books.new_id(), "one", key, b"{}", "req") for key in ("a", "b", "c")]
    rival.db.execute(_WEBHOOK, ("b",))
    crossing = rival.cross(_WEBHOOK, ("a",))

    stored = _at_the_door(books, lambda pool: Inbox(pool, books.vault)(came))
    crossing.result()

    assert stored == [Stored(one.id, new=True) for one in came]


def test_an_answer_whose_transaction_is_undone_is_stored_in_the_next(
    shop: Shop, sql: Relay, books: Books, rival: Rival
) -> None:
    sql.rules.arm(Rule("INSERT INTO attempt_facts", Delay(0), times=10))
    payment_id = shop.a_payment()
    crossing: list[Future[None]] = []

    def take(attempt: Attempt) -> Lookup:
        """While the provider works, somebody locks the attempt, and then wants its payment."""
        hold = "SELECT 1 FROM payment_attempts WHERE id = %s FOR UPDATE"
        rival.db.execute(hold, (attempt.id,))
        want = "SELECT 1 FROM payments WHERE id = %s FOR UPDATE"
        crossing.append(rival.cross(want, (payment_id,)))
        return shop.till.take(attempt)

    shop.board(Scripted("one", take))
    with _noticed_early(books):
        shop.run(Command.SCREEN, payment_id)
        shop.run(Command.CHARGE, payment_id)
    crossing[0].result()

    assert shop.crashes == []
    assert len(sql.rules.struck) > 1, "nothing was tried again"
    shop.paid_once(payment_id)


@contextmanager
def _noticed_early(books: Books) -> Iterator[None]:
    """Sessions that begin in this block notice a deadlock at once, if their role may say so."""
    name = books.url.rpartition("/")[2]
    books.sql(f"ALTER DATABASE {name} SET deadlock_timeout = '{NOTICED}'")
    try:
        yield
    finally:
        books.sql(f"ALTER DATABASE {name} RESET deadlock_timeout")


def _at_the_door(books: Books, use: Callable[[Any], Any]) -> list[Any]:
    async def run() -> list[Any]:
        terms = session(f"{session_options('tests')} -c deadlock_timeout={NOTICED}")
        async with AsyncConnectionPool(
            books.url, min_size=1, max_size=2, kwargs=terms, open=False
        ) as pool:
            found: list[Any] = await use(pool)
            return found

    return asyncio.run(run())


def _accepted(answer: Answer) -> tuple[UUID, bool]:
    assert isinstance(answer, Accepted), answer
    return answer.payment_id, answer.replayed
