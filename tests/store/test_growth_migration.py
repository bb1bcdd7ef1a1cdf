"""The growth migration: a database with a history comes through it whole, there and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from ops.dev.services import Services
from ops.migrate import downgrade, migrate
from ops.migrations.versions import names
from ops.store.ledger import seal, verify
from ops.store.partitions import HISTORY, partitions
from tests.store.conftest import Books
from tests.store.growing import a_copy, a_database, entries, events, fact, seeded

pytestmark = pytest.mark.services
KEY = b"a" * 32
NOW = datetime.now(UTC)
TIMES = (NOW - timedelta(days=400), NOW - timedelta(days=1), NOW)

#: Everything of a history in one value.
DIGEST = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) AS all_rows FROM {} t"


@pytest.fixture(scope="module")
def model(servers: Services) -> Iterator[Books]:
    with a_database(servers, "paylink_to_grow", "0012") as books:
        seeded(books)
        for at in TIMES:
            entries(books.engine, at, 3)
            events(books.engine, at, 2, published=at != NOW)
            fact(books, at)
        yield books


@pytest.fixture
def before(servers: Services, model: Books) -> Iterator[Books]:
    with a_copy(servers, "paylink_grown", model) as books:
        yield books


def digests(books: Books) -> list[object]:
    return [books.sql(DIGEST.format(source)) for source in HISTORY]


def test_a_history_is_the_same_after_it_and_goes_on_and_back(before: Books) -> None:
    whole = digests(before)
    (last,) = before.sql("SELECT max(id) AS id FROM audit_logs")

    migrate(before.url)

    assert digests(before) == whole
    with before.engine.connect() as db:
        firsts = [one for one in partitions(db) if one.name.endswith("_first")]
    assert [one.since for one in firsts] == [None, None, None]
    assert all(NOW + timedelta(days=27) < one.until < NOW + timedelta(days=63) for one in firsts)

    entries(before.engine, NOW)
    (newer,) = before.sql("SELECT max(id) AS id FROM audit_logs")
    assert int(str(newer["id"])) > int(str(last["id"]))
    sealed = sum(iter(lambda: seal(before.engine, KEY, everything=True), 0))
    verdict = verify(before.engine, KEY)
    assert (verdict.entries, verdict.broken, verdict.overdue) == (sealed, None, 0)

    grown = digests(before)
    downgrade(before.url, "0012")
    assert digests(before) == grown
    entries(before.engine, NOW)  # the ids go on
    migrate(before.url)
    assert verify(before.engine, KEY).broken is None


def test_the_old_rows_are_guarded_as_before(before: Books) -> None:
    migrate(before.url)

    for source, column in (("audit_logs", "action"), ("attempt_facts", "source")):
        for place in (source, f"partitions.{source}_first"):
            for deed in (f"UPDATE {place} SET {column} = ''", f"DELETE FROM {place}"):
                with pytest.raises(DBAPIError, match="append-only"):
                    before.sql(deed)
            with pytest.raises(DBAPIError, match="append-only"):
                before.sql(f"TRUNCATE {place}")
    with pytest.raises(DBAPIError, match="attempt_id_fkey"):
        before.sql(
            "INSERT INTO attempt_facts (attempt_id, source, outcome, told)"
            " VALUES (gen_random_uuid(), 's', 'o', '{}')"
        )
    (found,) = before.sql(
        "SELECT count(*) AS n FROM pg_constraint WHERE contype = 'f'"
        " AND conrelid = 'partitions.attempt_facts_first'::regclass"
    )
    assert found["n"] == 1


def test_one_that_was_stopped_halfway_is_run_again(before: Books) -> None:
    """What it prepared beside the traffic is there already, as an interrupted run leaves it."""
    whole = digests(before)
    with psycopg.connect(before.url, autocommit=True) as db:
        db.execute("CREATE SCHEMA partitions")
        db.execute("CREATE UNIQUE INDEX audit_logs_in_time ON audit_logs (id, created_at)")
        db.execute(
            "ALTER TABLE audit_logs ADD CONSTRAINT audit_logs_first"
            " CHECK (created_at < now() + interval '40 days') NOT VALID"
        )

    migrate(before.url)

    assert digests(before) == whole
    (left,) = before.sql("SELECT count(*) AS n FROM pg_constraint WHERE conname ~ '_first$'")
    assert left["n"] == 0


def test_several_at_once_do_it_once(before: Books) -> None:
    """Building an index waits for everybody who has a statement open: nobody may wait in one."""
    whole = digests(before)
    with ThreadPoolExecutor(3) as pool:
        reached = list(pool.map(lambda _: migrate(before.url), range(3)))

    assert set(reached) == {names()[-1]}
    assert digests(before) == whole


def test_old_programs_write_on_while_it_runs(before: Books) -> None:
    """Whoever writes meanwhile waits for an instant: nothing is refused and nothing is lost."""
    over = threading.Event()

    def write() -> int:
        count = 0
        while not over.is_set():
            fact(before, NOW)
            entries(before.engine, NOW)
            events(before.engine, NOW)
            count += 1
        return count

    written = [before.sql(f"SELECT count(*) AS n FROM {source}")[0]["n"] for source in HISTORY]
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            migrate(before.url)
        finally:
            over.set()
        count = sum(one.result() for one in writers)

    assert count > 0
    for source, n in zip(HISTORY, written, strict=True):
        assert before.sql(f"SELECT count(*) AS n FROM {source}") == [{"n": int(str(n)) + count}]
