"""Hot plans: whatever runs all the time costs the same whatever was paid before.

Each deed is done by the program's own functions on a database with a history; the database tells how
it did every statement of it. None may read a table of history whole, or walk along an index of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from domain.commands import Command
from domain.ids import Kind, public
from domain.payment import Mode
from domain.reconcile import Window
from domain.schemes import Scheme
from domain.schemes import Watched as Card
from domain.webhook import Hint
from ops.bench.history import fill, in_flight, with_past_months
from ops.bench.instant import asks, pay, runtime, terms
from ops.dev.services import Services
from ops.seed import DEMO_MERCHANT
from ops.store.accept import Acceptance, Accepted
from ops.store.backlog import BacklogReads
from ops.store.engine import driver_url, session, session_options
from ops.store.inbox import Came, Inbox
from ops.store.jobs import gateway_of
from ops.store.ledger import BATCH as LINKS
from ops.store.ledger import seal, unsealed, verify
from ops.store.outbox import publish, unpublished
from ops.store.parking import list_parked
from ops.store.reads import Reads
from ops.store.reconciliation import PostgresRolls
from ops.store.retention import forget_keys
from ops.store.sweep import lag_s, parked, sweep
from ops.store.tale import read_tale
from tests.store.conftest import Books
from tests.store.growing import a_database, seeded
from tests.store.plans import BIG, SMALL, Step, Watched, explained, large, watched

pytestmark = pytest.mark.services

PAYMENTS = 6_000
FLYING = 2_000
KEY = b"a" * 32
#: What one deed may look at of one table: a few rows, a batch, a day; never a month.
MOST = 250


@dataclass(frozen=True, slots=True)
class Grown:
    """Books with a history, and what the deeds are about."""

    books: Books
    log: Path
    big: set[str]
    #: A payment that is paid, and one that is accepted.
    paid: UUID
    accepted: UUID
    attempt: UUID


@pytest.fixture(scope="module")
def grown(servers: Services) -> Iterator[Grown]:
    assert servers.postgres is not None
    with a_database(servers, "paylink_hot") as books:
        seeded(books)
        with_past_months(books.url)
        fill(books.url, PAYMENTS, lambda _: None)
        in_flight(books.url, FLYING)
        books.sql("ANALYZE payments")
        books.sql("ANALYZE payment_attempts")
        paid, accepted = accepted_by(books, 2, "first")
        pay([paid], runtime(books.engine, books.vault))
        (found,) = books.sql("SELECT id FROM payment_attempts WHERE payment_id = :id", id=paid)
        explained(books.url)
        attempt = UUID(str(found["id"]))
        yield Grown(books, servers.postgres.log, large(books.url), paid, accepted, attempt)


async def with_pool(books: Books, use: Callable[[Any], Any]) -> Any:
    options = session(session_options("tests"))
    async with AsyncConnectionPool(books.url, min_size=1, kwargs=options, open=False) as pool:
        return await use(pool)


def door(books: Books, use: Callable[[Any], Any]) -> Any:
    return asyncio.run(with_pool(books, use))


def accepted_by(books: Books, number: int, name: str) -> list[UUID]:
    async def accept(pool: Any) -> list[UUID]:
        found = await Acceptance(pool, books.vault, terms())(asks(number, name))
        return [one.payment_id for one in found if isinstance(one, Accepted)]

    return list(door(books, accept))


Deed = Callable[[Grown], object]


def at_work(do: Callable[[Any, Grown], object]) -> Deed:
    def deed(grown: Grown) -> None:
        with grown.books.store.begin() as work:
            do(work, grown)

    return deed


def at_door(do: Callable[[Any, Grown], Any]) -> Deed:
    return lambda grown: door(grown.books, lambda pool: do(pool, grown))


def in_database(do: Callable[[Any, Grown], object]) -> Deed:
    def deed(grown: Grown) -> None:
        with grown.books.engine.connect() as db:
            do(db, grown)

    return deed


def reads(grown: Grown, pool: Any) -> Reads:
    return Reads(pool, grown.books.vault)


def came(key: str) -> Came:
    return Came(uuid_utils.compat.uuid7(), "one", key, b"{}", "req")


def whole(grown: Grown) -> None:
    (id_,) = accepted_by(grown.books, 1, f"w-{uuid_utils.compat.uuid7().hex}")
    pay([id_], runtime(grown.books.engine, grown.books.vault))


DAY = Window(datetime.now(UTC) - timedelta(days=100), datetime.now(UTC) - timedelta(days=99))
OURS = (DEMO_MERCHANT, Mode.TEST)
CARD = Card(next(iter(Scheme)), bytes(32))

#: Every statement that programs send all the time, by what it is for, with a table it must ask.
DEEDS: dict[str, tuple[str, Deed]] = {
    "accept": ("payments", lambda g: accepted_by(g.books, 3, uuid_utils.compat.uuid7().hex)),
    "accept again": ("idempotency_keys", lambda g: accepted_by(g.books, 2, "first")),
    "key": (
        "idempotency_keys",
        at_door(lambda pool, g: BacklogReads(pool).answered((DEMO_MERCHANT, "test", "first-0"))),
    ),
    "backlog": ("payments", at_door(lambda pool, g: BacklogReads(pool).waiting(1_000))),
    "inbox": ("webhook_events", at_door(lambda pool, g: Inbox(pool, g.books.vault)([came("new")]))),
    "inbox, a copy": (
        "webhook_events",
        at_door(lambda pool, g: Inbox(pool, g.books.vault)([came("new"), came("evt_no")])),
    ),
    "claim": ("payments", at_work(lambda work, g: work.claim_payment(g.accepted, 7, 10.0))),
    "claim an attempt": (
        "payment_attempts",
        at_work(lambda work, g: work.claim_attempt(g.attempt, 7, 10.0)),
    ),
    "claim a webhook": (
        "webhook_events",
        at_work(lambda work, g: work.claim_notice(g.attempt, 7, 10.0)),
    ),
    "a payment from claim to capture": ("transactions", whole),
    "lock": ("payments", at_work(lambda work, g: work.lock_payment(g.paid))),
    "attempts": ("payment_attempts", at_work(lambda work, g: work.attempts(g.paid))),
    "attempt": ("payment_attempts", at_work(lambda work, g: work.attempt(g.attempt))),
    "find by reference": (
        "payment_attempts",
        at_work(lambda work, g: work.find_attempt("one", Hint(g.attempt.hex, None, "t"))),
    ),
    "find by provider": (
        "payment_attempts",
        at_work(lambda work, g: work.find_attempt("one", Hint(None, "ch_nobody", "t"))),
    ),
    "card tries": ("payment_attempts", at_work(lambda work, g: work.card_tries(CARD))),
    "gateway of a job": (
        "payment_attempts",
        lambda g: gateway_of(g.books.engine, Command.RESOLVE, g.attempt),
    ),
    "sweep": ("payments", lambda g: sweep(g.books.engine)),
    "lag": ("payments", lambda g: lag_s(g.books.engine)),
    "parked by reason": ("payments", lambda g: parked(g.books.engine)),
    "parked list": ("payment_attempts", in_database(lambda db, g: list_parked(db, 50))),
    "unsealed": ("audit_logs", lambda g: unsealed(g.books.engine)),
    "seal": ("audit_chain", lambda g: seal(g.books.engine, KEY)),
    "unpublished": ("outbox_events", lambda g: unpublished(g.books.engine)),
    "publish": ("outbox_events", lambda g: publish(g.books.engine, lambda _: None)),
    "forget keys": ("idempotency_keys", lambda g: forget_keys(g.books.engine, 50, 1)),
    "read a payment": ("payments", at_door(lambda pool, g: reads(g, pool).payment(g.paid, *OURS))),
    "read its version": (
        "payments",
        at_door(lambda pool, g: reads(g, pool).version(g.paid, *OURS)),
    ),
    "read its attempts": (
        "payment_attempts",
        at_door(lambda pool, g: reads(g, pool).attempts(g.paid, *OURS)),
    ),
    "read its mismatch": (
        "payments",
        at_door(lambda pool, g: reads(g, pool).mismatch(g.paid, *OURS)),
    ),
    "its story": ("audit_logs", in_database(lambda db, g: read_tale(db, g.paid))),
    "reconcile by name": (
        "payment_attempts",
        lambda g: PostgresRolls(g.books.engine, uuid_utils.compat.uuid7).tried(
            "one", [public(Kind.ATTEMPT, g.attempt)], ["ch_nobody"]
        ),
    ),
}


def wasteful(grown: Grown, seen: Watched, most: int) -> list[Step]:
    """Return the steps that history makes dearer."""
    return [
        step
        for step in seen.steps
        if step.table in BIG
        and step.partition in grown.big
        and (step.kind == "Seq Scan" or step.rows > most)
    ]


@pytest.mark.parametrize("name", DEEDS)
def test_what_runs_all_the_time_costs_no_more_for_a_history(grown: Grown, name: str) -> None:
    table, deed = DEEDS[name]
    with watched(grown.log) as seen:
        deed(grown)

    assert seen.of(table), f"nothing asked {table}: {seen.statements}"
    assert wasteful(grown, seen, MOST) == []


def test_a_window_of_time_is_found_by_block_ranges(grown: Grown) -> None:
    """Of so small a table a range is most of it, so reading it whole is forbidden here."""
    options = {"options": "-c timezone=UTC -c enable_seqscan=off"}
    engine = create_engine(driver_url(grown.books.url), connect_args=options, poolclass=NullPool)
    with watched(grown.log) as seen:
        PostgresRolls(engine, uuid_utils.compat.uuid7).tried_in("one", DAY, 100)

    by_time = {"payment_attempts_by_time", "transactions_by_time"}
    assert by_time <= {step.index for step in seen.steps}


def test_two_thousand_in_flight_are_not_looked_at_by_the_sweep(grown: Grown) -> None:
    sweep(grown.books.engine)
    with watched(grown.log) as seen:
        sweep(grown.books.engine)

    read = [step for step in seen.steps if step.index in ("payments_due", "payment_attempts_due")]
    assert read
    assert sum(step.rows for step in read) < 10
    assert all("wake_at" in step.condition for step in read)


def test_a_plan_that_reads_history_would_be_noticed(grown: Grown) -> None:
    with watched(grown.log) as seen, psycopg.connect(grown.books.url) as db:
        db.execute("SELECT count(*) FROM audit_logs WHERE action = 'nothing'")
        db.execute("SELECT min(amount) FROM payments WHERE merchant_id = %s", [DEMO_MERCHANT])

    assert {step.table for step in wasteful(grown, seen, MOST)} == {"audit_logs", "payments"}


def test_verification_reads_a_batch_of_links_and_their_entries(grown: Grown) -> None:
    """The history's links are noise, so it ends at the first; what it read was one batch, and of a
    month that has just begun everything."""
    with watched(grown.log) as seen:
        assert verify(grown.books.engine, KEY).broken is not None
    (links,) = [one for one in seen.statements if "WITH links" in one]
    steps = [step for step in seen.steps if step.statement == links and step.table in BIG]

    assert {step.table for step in steps} == {"audit_chain", "audit_logs"}
    for table in ("audit_chain", "audit_logs"):
        assert sum(step.rows for step in steps if step.table == table) <= LINKS + SMALL
