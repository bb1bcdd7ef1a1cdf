"""Reconcile: have the workers compare our books with the providers' own, and report what differs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from uuid_utils.compat import uuid7

from domain.commands import Command
from domain.reconcile import Window
from ops.cli.deeds import operator
from ops.cli.reconcile_report import as_csv, as_json, as_table
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import note, screen
from ops.cli.where import Books, open_books
from ops.queue.broker import open_wakes
from ops.store.reconciliation_reads import ItemRow, RunRow, ask_runs, read_items, read_runs

#: How often the runs are looked at while they are under way (s).
LOOK_S: Final = 0.2
#: The longest window: beyond it a report is a project, not a command.
LONGEST: Final = timedelta(days=366)


class Format(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def reconcile(
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="ID", help="One gateway; else all.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="A day or a time, in UTC; else today."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="TIME", help="Not included; else the end of that day, or now."
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What is written.")] = Format.TABLE,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file; else the output.")
    ] = None,
    wait_s: Annotated[
        float, typer.Option("--wait", min=1, max=3600, help="Seconds to wait for the workers.")
    ] = 120.0,
) -> None:
    """Compare our books with what each provider itself lists, and say what differs.

    A worker does it; what the providers prove is applied, and everything else becomes a discrepancy
    with an owner. Exit code 1 while there is one that is not resolved, or a list that could not be
    read. The day before is compared by itself, once a day.
    """
    window = _window(since, until, datetime.now(UTC))
    if out is not None and out.exists():
        raise Misuse("--out", f"{out} exists", "choose a new name: a report is not overwritten")
    with open_books() as books:
        ids = _asked(books, gateway, window)
        runs = _waited(books, ids, wait_s)
        with books.engine.connect() as db:
            items = read_items(db, [run.id for run in runs])
    _write(runs, items, form, out)
    _judge(runs, items)


def _asked(books: Books, gateway: str | None, window: Window) -> list[UUID]:
    request_id = f"cli-{uuid7().hex}"
    with books.engine.begin() as db:
        ids = ask_runs(db, gateway, window, operator(), request_id, uuid7)
    if not ids and gateway is not None:
        raise Misuse("--gateway", f"there is no {gateway}", "see `paylink gateways list`")
    wakes = open_wakes(books.settings.redis_url, queue_depth=books.settings.queue_depth)
    wakes.wake(Command.RECONCILE, "due", request_id)
    return ids


def _waited(books: Books, ids: Sequence[UUID], wait_s: float) -> list[RunRow]:
    """Look until every run is over. Raises Refusal when the time is."""
    deadline = time.monotonic() + wait_s
    pause = threading.Event()
    with screen(stderr=True).status("comparing ...") as status:
        while True:
            with books.engine.connect() as db:
                runs = read_runs(db, ids)
            left = [run for run in runs if run.status == "due"]
            if not left:
                return runs
            if time.monotonic() >= deadline:
                names = ", ".join(sorted({run.gateway_id for run in left}))
                begun = any(run.starts for run in left)
                reason = f"{names}: not done in {wait_s:g} s, {'begun' if begun else 'not begun'}"
                fix = "it goes on: ask again later" if begun else "start a worker (or `paylink up`)"
                raise Refusal("the workers", reason, fix)
            status.update(f"comparing ... {len(runs) - len(left)} of {len(runs)} windows")
            pause.wait(LOOK_S)


def _write(
    runs: Sequence[RunRow], items: Sequence[ItemRow], form: Format, out: Path | None
) -> None:
    match form:
        case Format.TABLE:
            content = as_table(runs, items, None if out is None else 240)
        case Format.JSON:
            content = as_json(runs, items)
        case Format.CSV:
            content = as_csv(items)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with out.open("xb") as file:
            file.write(content)
    except OSError as error:
        fix = "choose a new name in a folder that you may write in"
        raise Misuse("--out", f"{out}: {error.strerror}", fix) from None
    note(f"written to {out}")


def _judge(runs: Sequence[RunRow], items: Sequence[ItemRow]) -> None:
    """Raises Refusal, which is exit code 1, unless everything agrees."""
    failed = [run for run in runs if run.status == "failed"]
    if failed:
        said = "; ".join(f"{run.gateway_id}: {run.cause}" for run in failed)
        raise Refusal("the list", f"it could not be read: {said}", "see `paylink gateways show`")
    open_ = [item for item in items if item.resolved_at is None]
    if open_:
        fix = "find out each one's cause with the provider; `paylink payments show` has our side"
        raise Refusal("discrepancies", f"{len(open_)} are not resolved", fix)


def _window(since: str | None, until: str | None, now: datetime) -> Window:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins, _ = (today, True) if since is None else _time("--from", since)
    if until is not None:
        ends, is_day = _time("--to", until)
        ends += timedelta(days=1) if is_day else timedelta(0)
    elif since is None:
        ends = now
    else:
        ends = begins.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    ends = min(ends, now)
    if not timedelta(0) < ends - begins <= LONGEST:
        fix = "give a --from in the past and a --to after it, at most 366 days later"
        raise Misuse("--from", f"from {begins.isoformat()} to {ends.isoformat()} is no window", fix)
    return Window(begins, ends)


def _time(option: str, typed: str) -> tuple[datetime, bool]:
    """Return an instant, and whether a whole day was meant."""
    try:
        when = datetime.fromisoformat(typed.strip())
    except ValueError:
        fix = "write a day as 2026-03-31, a time as 2026-03-31T12:00:00Z"
        raise Misuse(option, f"{typed} is no time", fix) from None
    is_day = len(typed.strip()) == len("2026-03-31")
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC), is_day
