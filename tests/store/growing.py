"""A database of its own whose history lies in months of long ago, and what is written into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import uuid_utils.compat
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from domain.attempt import State
from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import Sandbox, seed
from ops.store.engine import driver_url
from ops.store.partitions import HISTORY, month_after
from ops.store.postgres import PostgresStore
from ops.vault import Vault
from tests.store.books import a_charge, a_payment
from tests.store.conftest import PEPPER, Books

#: The first month of the history, and how many there are before the running one's partition.
FIRST = month_after(datetime.now(UTC), -10)
MONTHS = 3


@contextmanager
def a_database(servers: Services, name: str, revision: str = "head") -> Iterator[Books]:
    """Make a database, migrated to `revision`, and drop it when the block ends."""
    with _made(servers, name, "template0") as books:
        migrate(books.url, revision)
        yield books


@contextmanager
def a_copy(servers: Services, name: str, model: Books) -> Iterator[Books]:
    """Make a copy of a database that nobody is connected to, and drop it when the block ends."""
    with _made(servers, name, model.url.rpartition("/")[2]) as books:
        yield books


@contextmanager
def _made(servers: Services, name: str, template: str) -> Iterator[Books]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        # Files are copied: through the log it would take as long as migrating.
        db.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
    url = f"{servers.database_url.rpartition('/')[0]}/{name}"
    engine = create_engine(
        driver_url(url), poolclass=NullPool, connect_args={"options": "-c timezone=UTC"}
    )
    vault = Vault({"k1": b"k" * 32})
    store = PostgresStore(engine, vault, uuid_utils.compat.uuid7)
    yield Books(url, engine, vault, store, apikeys.new_key(Mode.TEST)[1])
    engine.dispose()
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def with_old_months(books: Books) -> None:
    """Put months of long ago before the empty history's first partition, which begins after them."""
    with books.engine.begin() as db:
        for source in HISTORY:
            bound = "pg_get_expr(relpartbound, oid)"
            first = f"SELECT {bound} FROM pg_class WHERE relname = '{source}_first'"
            until = db.execute(text(first)).scalar_one().partition("TO ")[2]
            db.execute(text(f"ALTER TABLE {source} DETACH PARTITION partitions.{source}_first"))
            since = FIRST
            for _ in range(MONTHS):
                asked = {"source": source, "since": since, "until": month_after(since)}
                db.execute(text("SELECT partitions.add(:source, :since, :until)"), asked)
                since = month_after(since)
            db.execute(
                text(
                    f"ALTER TABLE {source} ATTACH PARTITION partitions.{source}_first"
                    f" FOR VALUES FROM ('{since.isoformat()}') TO {until}"
                )
            )


def seeded(books: Books) -> None:
    """Write a merchant and two gateways."""
    sandboxes = [Sandbox(id_, "http://127.0.0.1:1", "sk", "whsec") for id_ in ("one", "two")]
    seed(books.engine, books.vault, PEPPER, books.key, sandboxes)


def entries(engine: Engine, at: datetime, count: int = 1) -> None:
    """Write audit entries at a time, as if it were then."""
    say = text(
        "INSERT INTO audit_logs (actor, actor_id, action, entity, entity_id, before, after,"
        " request_id, created_at) SELECT 'worker', 'w', 'deed ' || n, 'payment', 'pay_' || n,"
        ' \'{"b": 1.50, "a": null}\', \'{"text": "tab\\t, \\\\ and \\u00e9"}\', \'r\','
        " :at + n * interval '1 ms' FROM generate_series(1, :count) n"
    )
    with engine.begin() as db:
        db.execute(say, {"at": at, "count": count})


def events(engine: Engine, at: datetime, count: int = 1, *, published: bool = True) -> None:
    """Write events at a time."""
    say = text(
        "INSERT INTO outbox_events (type, aggregate, aggregate_id, payload, request_id, created_at,"
        " published_at) SELECT 't', 'payment', 'pay_' || n, '{}', 'r', :at,"
        " CASE WHEN :published THEN :at END FROM generate_series(1, :count) n"
    )
    with engine.begin() as db:
        db.execute(say, {"at": at, "count": count, "published": published})


def fact(books: Books, at: datetime, state: State = State.CAPTURED) -> UUID:
    """Write a fact at a time, of a new charge in this state; returns the attempt."""
    payment = a_payment(books)
    attempt: UUID = a_charge(books, payment, state=state)
    with books.engine.begin() as db:
        # In a worker's order: the attempt before its fact.
        settled = "UPDATE {0} SET next_run_at = NULL, wake_at = NULL WHERE id = :id"
        db.execute(text(settled.format("payment_attempts")), {"id": attempt})
        db.execute(
            text(
                "INSERT INTO attempt_facts (attempt_id, source, outcome, told, observed_at)"
                " VALUES (:attempt, 'answer', 'Succeeded', '{\"amount\": 7}', :at)"
            ),
            {"attempt": attempt, "at": at},
        )
        db.execute(text(settled.format("payments")), {"id": payment})
    return attempt
