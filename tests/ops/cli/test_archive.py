"""`paylink archive`: months leave in files that are proven first, and the chain still verifies."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from domain.attempt import State
from ops.dev.services import Services
from ops.store.archive_files import rows_file
from ops.store.archiving import Candidate, archive, candidates
from ops.store.ledger import seal
from ops.store.partitions import HISTORY, month_after
from tests.ops.cli.stage import AUDIT_KEY, KEY, Ran, run
from tests.store.conftest import PEPPER, Books
from tests.store.growing import (
    FIRST,
    a_copy,
    a_database,
    entries,
    events,
    fact,
    seeded,
    with_old_months,
)

pytestmark = pytest.mark.services

SECOND = month_after(FIRST)
#: In the second month, which is not over then.
BEFORE = f"{SECOND + timedelta(days=14):%Y-%m-%d}"
ENTRIES, EVENTS, FACTS = 7, 3, 2
_AUDIT_KEY = AUDIT_KEY.encode()


def of_first(source: str) -> str:
    """Return the name of the first month's partition."""
    return f"{source}_{FIRST:%Y_%m}"


class Archivist:
    """Old books in a state to be archived, and the command on them."""

    def __init__(self, books: Books, folder: Path) -> None:
        self.books = books
        self.folder = folder
        self.environ = {
            "DATABASE_URL": books.url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "ENCRYPTION_KEY": f"k1:{KEY.hex()}",
            "API_KEY_PEPPER": PEPPER.decode(),
            "AUDIT_KEY": AUDIT_KEY,
        }

    def run(self, *args: str, code: int = 0, **environ: str) -> Ran:
        ran = run(*args, **(self.environ | environ))
        assert ran.code == code, ran
        return ran

    def archive(self, *more: str, code: int = 0) -> Ran:
        return self.run("archive", "--before", BEFORE, "--to", str(self.folder), *more, code=code)

    def verify(self, code: int = 0, **environ: str) -> Ran:
        return self.run("audit", "verify", "--seal-first", code=code, **environ)

    def months(self) -> set[str]:
        """The partitions of the first month that are still there."""
        found = self.books.sql(
            "SELECT relname FROM pg_class WHERE relname ~ :month AND relkind = 'r'",
            month=f"{FIRST:_%Y_%m}$",
        )
        return {str(row["relname"]) for row in found}

    def candidate(self, source: str) -> Candidate:
        with self.books.engine.connect() as db:
            found = candidates(db, SECOND)
        (one,) = [one for one in found if one.source == source]
        return one


@pytest.fixture(scope="module")
def model(servers: Services) -> Iterator[Books]:
    with a_database(servers, "paylink_to_archive") as books:
        seeded(books)
        with_old_months(books)
        at = FIRST + timedelta(days=4)
        entries(books.engine, at, ENTRIES)
        entries(books.engine, SECOND + timedelta(days=1), 2)
        events(books.engine, at, EVENTS)
        for _ in range(FACTS):
            fact(books, at)
        while seal(books.engine, _AUDIT_KEY, everything=True):
            pass
        yield books


@pytest.fixture
def archivist(servers: Services, model: Books, tmp_path: Path) -> Iterator[Archivist]:
    with a_copy(servers, "paylink_archived", model) as books:
        yield Archivist(books, tmp_path)


WHOLE = {of_first(source) for source in HISTORY}


def test_settled_months_go_into_files_and_the_chain_still_verifies(archivist: Archivist) -> None:
    dry = archivist.archive("--dry-run")
    assert archivist.months() == WHOLE
    assert list(archivist.folder.iterdir()) == []
    assert dry.out.count("ready: in the database") == len(WHOLE)

    out = archivist.archive().out

    assert archivist.months() == set()
    assert f"{of_first('audit_logs')}: {ENTRIES} rows archived" in out
    assert f"{of_first('outbox_events')}: {EVENTS} rows archived" in out
    assert f"{of_first('attempt_facts')}: {FACTS} rows archived" in out
    name = of_first("audit_logs")
    with gzip.open(rows_file(archivist.folder, name), "rt") as file:
        lines = [json.loads(line) for line in file]
    assert [line["action"] for line in lines] == [f"deed {n + 1}" for n in range(ENTRIES)]
    assert lines[0]["after"] == {"text": "tab\t, \\ and \u00e9"}
    manifest = json.loads((archivist.folder / f"{name}.json").read_text())
    assert (manifest["rows"], manifest["table"]) == (ENTRIES, "audit_logs")

    assert f"{ENTRIES} of them in archives" in archivist.verify().out
    assert "no month ended" in archivist.archive().err  # the second is not over before that day
    told = archivist.books.sql(
        "SELECT action, entity_id FROM audit_logs WHERE entity = 'partition'"
    )
    assert {row["entity_id"] for row in told} == WHOLE


def test_what_is_not_settled_stays_and_everything_else_goes(archivist: Archivist) -> None:
    at = FIRST + timedelta(days=6)
    events(archivist.books.engine, at, published=False)
    fact(archivist.books, at, State.UNKNOWN)

    ran = archivist.archive(code=1)

    assert archivist.months() == {of_first("outbox_events"), of_first("attempt_facts")}
    assert "1 events are not published" in ran.err + ran.out
    assert "1 facts are about money that is not settled" in ran.out
    archivist.verify()


def test_an_entry_that_is_not_sealed_keeps_its_month(archivist: Archivist) -> None:
    entries(archivist.books.engine, FIRST + timedelta(days=6))

    ran = archivist.archive(code=1)

    assert "1 entries are not sealed" in ran.err
    assert "paylink audit verify --seal-first" in ran.err
    assert archivist.months() == {of_first("audit_logs")}
    archivist.verify()
    archivist.archive()
    assert archivist.months() == set()


def test_another_key_neither_archives_nor_verifies(archivist: Archivist) -> None:
    other = "another key of at least 32 characters"
    asked = ("archive", "--before", BEFORE, "--to", str(archivist.folder))

    ran = archivist.run(*asked, code=1, AUDIT_KEY=other)

    assert "no genuine checkpoint covers its entries" in ran.out
    assert archivist.months() == {of_first("audit_logs")}


def test_a_changed_entry_is_found_before_anything_is_dropped(archivist: Archivist) -> None:
    with archivist.books.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text("UPDATE audit_logs SET actor_id = 'x' WHERE action = 'deed 3'"))

    ran = archivist.archive(code=1)

    assert "line 3 is not what its link says" in ran.err
    assert of_first("audit_logs") in archivist.months()
    entries(archivist.books.engine, FIRST + timedelta(days=7))  # it is open again


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM audit_logs WHERE created_at > :second", "the audit entry is missing"),
        (
            "UPDATE archives SET last_id = 1000000",
            "nobody with the key archived audit_logs",
        ),
        ("UPDATE archives SET rows = rows + 1", "nobody with the key archived"),
        ("DELETE FROM archives", "the audit entry is missing"),
    ],
)
def test_archives_hide_nothing_else(archivist: Archivist, statement: str, says: str) -> None:
    archivist.archive()
    archivist.verify()
    with archivist.books.engine.begin() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text(statement), {"second": SECOND} if ":second" in statement else {})

    assert says in archivist.verify(code=1).err


def test_a_dropped_month_that_was_not_archived_is_found(archivist: Archivist) -> None:
    archivist.books.sql(f"DROP TABLE partitions.{of_first('audit_logs')}")

    assert "the audit entry is missing" in archivist.verify(code=1).err


class PowerCut(Exception):
    """It went away."""


def stopped(archivist: Archivist, source: str, at: str) -> None:
    """Archive the first month until a statement that begins like this is sent."""

    def stop(db: object, cursor: object, statement: str, *_: object) -> None:
        if at in statement:
            raise PowerCut

    engine, one = archivist.books.engine, archivist.candidate(source)
    event.listen(engine, "before_cursor_execute", stop)
    try:
        with pytest.raises(PowerCut):
            archive(engine, _AUDIT_KEY, one, archivist.folder, "me", lambda _: None)
    finally:
        event.remove(engine, "before_cursor_execute", stop)


@pytest.mark.parametrize(
    ("source", "at"),
    [
        ("audit_logs", "INSERT INTO archives"),
        ("audit_logs", "DETACH PARTITION"),
        ("audit_logs", "DROP TABLE"),
        ("attempt_facts", "DROP TABLE"),
    ],
)
def test_it_goes_on_where_it_was_stopped(archivist: Archivist, source: str, at: str) -> None:
    stopped(archivist, source, at)
    assert of_first(source) in archivist.months()
    archivist.verify()

    archivist.archive()

    assert archivist.months() == set()
    archivist.verify()


def test_it_goes_on_only_with_the_file_that_was_written(archivist: Archivist) -> None:
    stopped(archivist, "audit_logs", "DETACH PARTITION")
    one = archivist.candidate("audit_logs")
    file = rows_file(archivist.folder, one.name)
    whole = file.read_bytes()

    file.write_bytes(whole[:-1])
    assert "is not the file that was written" in archivist.archive(code=1).err
    file.unlink()
    assert "does not exist, and was written before" in archivist.archive(code=1).err
    assert one.name in archivist.months()

    file.write_bytes(whole)
    archivist.archive()
    assert one.name not in archivist.months()


def test_late_facts_and_old_times_never_meet_a_closed_month(archivist: Archivist) -> None:
    """A fact about an old attempt is told now, so it lies in the running month."""
    (found,) = archivist.books.sql("SELECT attempt_id FROM attempt_facts LIMIT 1")
    archivist.archive()

    archivist.books.sql(
        "INSERT INTO attempt_facts (attempt_id, source, outcome, told)"
        " VALUES (:a, 'webhook', 'TakenBack', '{}')",
        a=found["attempt_id"],
    )
    assert archivist.books.sql("SELECT outcome FROM attempt_facts") == [{"outcome": "TakenBack"}]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--before", "soon"), "--before: soon is not a day"),
        (("--before", f"{datetime.now(UTC):%Y-%m-%d}"), "is too young to be archived"),
        (("--before", BEFORE, "--to", "/nowhere/at/all"), "is not a folder"),
    ],
    ids=["no day", "young", "no folder"],
)
def test_wrong_arguments_are_named(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    ran = run("archive", "--to", str(tmp_path), *args, DATABASE_URL="postgresql://x@127.0.0.1:1/x")

    assert ran.code == 2
    assert says in ran.err
