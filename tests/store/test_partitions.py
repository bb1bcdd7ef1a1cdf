"""Partitions: the months ahead are there, keep what the whole table kept, and hold up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ops.dev.services import Services
from ops.store.ledger import seal, verify
from ops.store.outbox import publish
from ops.store.partitions import (
    AHEAD_MONTHS,
    HISTORY,
    Partition,
    days_ahead,
    make_ahead,
    month_after,
    partitions,
)
from tests.store.conftest import Books
from tests.store.growing import (
    FIRST,
    MONTHS,
    a_database,
    entries,
    events,
    fact,
    seeded,
    with_old_months,
)

pytestmark = pytest.mark.services
KEY = b"a" * 32


@pytest.fixture(scope="module")
def old(servers: Services) -> Iterator[Books]:
    with a_database(servers, "paylink_partitions") as books:
        seeded(books)
        with_old_months(books)
        yield books


def of(books: Books, source: str) -> list[Partition]:
    with books.engine.connect() as db:
        return [one for one in partitions(db) if one.source == source]


def write(books: Books, source: str, at: datetime) -> None:
    match source:
        case "audit_logs":
            entries(books.engine, at)
        case "outbox_events":
            events(books.engine, at)
        case _:
            fact(books, at)


def gone(books: Books, one: Partition) -> None:
    books.sql(f"DROP TABLE {one.place}")


def test_every_month_follows_the_one_before_and_half_a_year_is_ahead(old: Books) -> None:
    make_ahead(old.engine)

    for source in HISTORY:
        found = of(old, source)
        assert len(found) == MONTHS + AHEAD_MONTHS
        assert [one.since for one in found[1:]] == [one.until for one in found[:-1]]
        assert found[0].since == FIRST
        assert days_ahead(old.engine)[source] >= 30 * AHEAD_MONTHS


def test_what_is_missing_is_made_and_then_nothing_more(old: Books) -> None:
    make_ahead(old.engine)
    whole = {source: [one.name for one in of(old, source)] for source in HISTORY}
    missing = {one for source in HISTORY for one in of(old, source)[-2:]}
    for one in missing:
        gone(old, one)

    made = make_ahead(old.engine)

    assert set(made) == {one.name for one in missing}
    assert make_ahead(old.engine) == []
    assert {source: [one.name for one in of(old, source)] for source in HISTORY} == whole


def test_years_are_made_without_a_gap(old: Books) -> None:
    make_ahead(old.engine, 14)

    for source in HISTORY:
        found = of(old, source)
        assert [one.since for one in found[1:]] == [one.until for one in found[:-1]]
        assert days_ahead(old.engine)[source] >= 30 * 14
        for one in found[MONTHS + AHEAD_MONTHS :]:
            gone(old, one)


@pytest.mark.parametrize("source", HISTORY)
def test_a_row_of_every_month_finds_its_partition(old: Books, source: str) -> None:
    for one in of(old, source):
        (before,) = old.sql(f"SELECT count(*) AS n FROM {one.place}")
        at = (one.since or FIRST) + timedelta(days=3)
        write(old, source, at)
        write(old, source, one.until - timedelta(microseconds=1_001))

        (after,) = old.sql(f"SELECT count(*) AS n FROM {one.place}")
        assert int(str(after["n"])) - int(str(before["n"])) == 2


@pytest.mark.parametrize("source", ["audit_logs", "attempt_facts"])
def test_history_is_append_only_however_it_is_reached(old: Books, source: str) -> None:
    make_ahead(old.engine)
    column = "action" if source == "audit_logs" else "source"
    for one in (of(old, source)[0], of(old, source)[MONTHS], of(old, source)[-1]):
        write(old, source, (one.since or FIRST) + timedelta(days=5))
        for deed in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"):
            for table in (one.place, source):
                with pytest.raises(DBAPIError, match="append-only"):
                    old.sql(deed.format(table, column))


def test_a_fact_of_nothing_is_refused_in_every_month(old: Books) -> None:
    for one in of(old, "attempt_facts"):
        with pytest.raises(DBAPIError, match="attempt_id_fkey"):
            old.sql(
                "INSERT INTO attempt_facts (attempt_id, source, outcome, told, observed_at)"
                " VALUES (gen_random_uuid(), 's', 'o', '{}', :at)",
                at=one.until - timedelta(days=2),
            )


def test_making_a_month_waits_for_no_writer_of_audit_and_events(old: Books) -> None:
    make_ahead(old.engine)
    for source in HISTORY:
        gone(old, of(old, source)[-1])
    with psycopg.connect(old.url) as writer:
        for source in ("audit_logs", "outbox_events"):
            writer.execute(f"SELECT 1 FROM {source} LIMIT 1".encode())
            writer.execute(f"LOCK TABLE {source} IN ROW EXCLUSIVE MODE".encode())
        made = make_ahead(old.engine)  # while the writer is at it
    assert len(made) == len(HISTORY)


def test_a_month_of_facts_gives_way_to_whoever_writes_attempts(old: Books) -> None:
    make_ahead(old.engine)
    last = of(old, "attempt_facts")[-1]
    gone(old, last)
    with psycopg.connect(old.url) as writer:
        writer.execute("LOCK TABLE payment_attempts IN ROW EXCLUSIVE MODE")
        with pytest.raises(DBAPIError, match="lock timeout"):
            make_ahead(old.engine)
    assert make_ahead(old.engine) == [last.name]


def test_events_on_both_sides_of_a_months_end_leave_in_order(old: Books) -> None:
    old.sql("UPDATE outbox_events SET published_at = now() WHERE published_at IS NULL")
    end = month_after(FIRST)
    for at in (end - timedelta(seconds=1), end, end - timedelta(seconds=2)):
        events(old.engine, at, 2, published=False)
    heard: list[Any] = []

    publish(old.engine, heard.append, batch=4)
    publish(old.engine, heard.append)

    ids = [event["id"] for event in heard]
    assert ids == sorted(ids)
    assert len(ids) == 6
    assert publish(old.engine, heard.append) == 0


def test_entries_of_all_months_are_one_chain_and_a_forgotten_one_is_found(old: Books) -> None:
    for number in range(MONTHS):
        entries(old.engine, month_after(FIRST, number), 3)
    while seal(old.engine, KEY, everything=True):
        pass
    assert (verify(old.engine, KEY).broken, verify(old.engine, KEY).overdue) == (None, 0)

    # It came from nowhere, long after everything of its time was sealed: the alarm, then the cure.
    entries(old.engine, FIRST + timedelta(days=9))
    assert seal(old.engine, KEY, everything=True) == 0
    assert verify(old.engine, KEY).overdue == 1
    assert seal(old.engine, KEY, everything=True, doubting=True) == 1
    assert verify(old.engine, KEY).overdue == 0


def test_what_waited_through_a_long_night_is_sealed_by_the_next_full_pass(old: Books) -> None:
    seal(old.engine, KEY, everything=True)
    old.sql("UPDATE audit_progress SET sealed_until = now() - interval '3 days'")
    (now,) = old.sql("SELECT now() AS at")
    at = now["at"]
    assert isinstance(at, datetime)
    entries(old.engine, at - timedelta(days=2), 2)

    assert seal(old.engine, KEY) == 0  # not new
    assert seal(old.engine, KEY, everything=True) == 2
    with old.engine.connect() as db:
        since = db.execute(text("SELECT now() - sealed_until FROM audit_progress")).scalar_one()
    assert timedelta(minutes=59) < since < timedelta(minutes=62)
