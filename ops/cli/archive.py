"""Archive: history that is old and settled goes into files, and out of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlalchemy import Engine, text

from ops.cli.deeds import operator
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import moment, note, screen, table
from ops.cli.where import open_books
from ops.store.archive_files import Progress
from ops.store.archiving import Candidate, candidates, hindrance
from ops.store.archiving import archive as take
from ops.store.changes import ChangeRefused

#: What is younger is still being asked about: by payers, by providers, by reconciliation.
LEAST_AGE: Final = timedelta(days=30)


def archive(
    before: Annotated[
        str, typer.Option("--before", metavar="DATE", help="Only what is wholly older, in UTC.")
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where the files go; it must exist.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
) -> None:
    """Write months of audit, facts and events to files, and take them out of the database.

    A month goes only if all of it is settled: entries sealed, events published, no fact about money
    that is still open. It is dropped after its file was read back and held against it; the audit
    chain keeps its links and still verifies. Payments and transactions stay. Exit code 1 if a month
    had to stay; run again, the command goes on where it was stopped.
    """
    end = _day(before, datetime.now(UTC))
    if not to.is_dir():
        raise Misuse("--to", f"{to} is not a folder", "make it, with room for the files")
    with open_books() as books:
        key = books.settings.secrets.audit
        with books.engine.connect() as db:
            found = candidates(db, end)
        if not found:
            note(f"no month ended before {moment(end)} that is still in the database")
            return
        judged = [(one, _judge(books.engine, key, one)) for one in found]
        screen().print(_listed(judged))
        if not dry_run:
            for one, refused in judged:
                if refused is None:
                    _take(books.engine, key, one, to)
    _complain([refused for _, refused in judged if refused is not None])


def _judge(engine: Engine, key: bytes, one: Candidate) -> ChangeRefused | None:
    with (
        screen(stderr=True).status(f"looking through {one.name} ..."),
        engine.connect() as db,
    ):
        db.execute(text("SET LOCAL statement_timeout = 0"))
        return hindrance(db, key, one)


def _take(engine: Engine, key: bytes, one: Candidate, to: Path) -> None:
    with screen(stderr=True).status(f"archiving {one.name} ...") as status:

        def progress(rows: int) -> None:
            status.update(f"archiving {one.name}: {rows} rows")

        done = _kindly(engine, key, one, to, progress)
    screen().print(f"{one.name}: {done} rows archived")


def _kindly(engine: Engine, key: bytes, one: Candidate, to: Path, progress: Progress) -> int:
    try:
        return take(engine, key, one, to, operator(), progress).rows
    except ChangeRefused as refused:
        raise Refusal(refused.field, refused.reason, refused.fix) from None


def _listed(judged: list[tuple[Candidate, ChangeRefused | None]]) -> Table:
    lines = [
        (
            one.name,
            moment(one.until),
            f"{one.size / 1e6:.1f} MB",
            f"stays: {refused.reason}" if refused else f"ready: {one.stage}",
        )
        for one, refused in judged
    ]
    return table(("partition", "until", "size", ""), lines)


def _complain(refused: list[ChangeRefused]) -> None:
    """Raise what the first month that had to stay waits for."""
    if refused:
        first = refused[0]
        raise Refusal(first.field, first.reason, first.fix)


def _day(said: str, now: datetime) -> datetime:
    try:
        day = datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Misuse("--before", f"{said} is not a day", "write it as 2026-01-31") from None
    if day > now - LEAST_AGE:
        fix = f"name a day at least {LEAST_AGE.days} days ago"
        raise Misuse("--before", f"{said} is too young to be archived", fix)
    return day
