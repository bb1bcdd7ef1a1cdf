"""Audit: walk the chain of sealed entries, and take its checkpoints to a safe place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine, text

from ops.cli.checkpoints import Checkpoint, disagreement, read_export, write_export, written
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import note, screen
from ops.cli.where import open_books
from ops.store.ledger import OVERDUE, Verdict, seal
from ops.store.ledger import verify as walk

_LINKS = text("SELECT count(*) FROM audit_chain")
_CHECKPOINTS = text(
    "SELECT count AS links, head, mac, created_at FROM audit_checkpoints ORDER BY 1"
)
#: Rows fetched at a time: an export is as long as the system is old.
_BATCH = 1_000


def verify(
    seal_first: Annotated[
        bool, typer.Option("--seal-first", help="Seal what is not sealed yet, then verify.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="An earlier export: finds a chain that was cut and sealed again."
        ),
    ] = None,
) -> None:
    """Walk the whole audit chain and every checkpoint; name the first place that does not hold.

    Finds entries that were changed or are missing, links cut off the end, and entries that nobody
    sealed for an hour. Exit code 1 if anything is wrong. Writes nothing without --seal-first.
    """
    exported = [] if against is None else _read(against)
    with open_books() as books:
        key = books.settings.secrets.audit
        if seal_first:
            _seal_all(books.engine, key)
        # One snapshot: links sealed meanwhile must not look like links without a checkpoint.
        snapshot = books.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with screen(stderr=True).status("counting ...") as status:
            with snapshot.connect() as db:
                links = db.execute(_LINKS).scalar_one()
            status.update(f"walking {links} links ...")
            verdict = walk(snapshot, key)
            status.update(f"comparing {len(exported)} exported checkpoints ...")
            with snapshot.connect() as db:
                parted = disagreement(db, key, exported)
    _report(verdict, parted)


def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new file, or - for the standard output.")
    ],
) -> None:
    """Write every checkpoint (length, head and keyed mark of the chain) as JSON lines.

    Kept where nobody can change it, the file proves later what the chain was: verify --against FILE.
    """
    with open_books() as books, books.engine.connect() as db:
        rows = db.execution_options(yield_per=_BATCH).execute(_CHECKPOINTS)
        lines = (written(row) for row in rows)
        if str(file) == "-":
            sys.stdout.writelines(lines)
            return
        try:
            count = write_export(file, lines)
        except FileExistsError:
            fix = "choose a new name: an earlier export is evidence, and is not overwritten"
            raise Misuse("FILE", f"{file} exists", fix) from None
        except OSError as error:
            fix = "choose a folder that exists and that you may write in"
            raise Misuse("FILE", f"{file}: {error.strerror}", fix) from None
    note(f"{count} checkpoints written to {file}")


def _report(verdict: Verdict, parted: str | None) -> None:
    """Print what was found. Raises Refusal with the first thing that does not hold."""
    out = screen()
    archived = f", {verdict.archived} of them in archives" if verdict.archived else ""
    out.print(f"entries      {verdict.entries} sealed{archived}")
    out.print(f"checkpoints  {verdict.checkpoints}")
    out.print(f"overdue      {verdict.overdue} not sealed for longer than {OVERDUE}")
    if broken := verdict.broken:
        entry = f" (audit entry {broken.entry_id})" if broken.entry_id is not None else ""
        fix = "keep a copy of the database as it is: it is the evidence"
        if "checkpoint does not match" in broken.what:
            fix = "check that AUDIT_KEY is the key that wrote it; if so, " + fix
        raise Refusal("the audit chain", f"broken at link {broken.seq}{entry}: {broken.what}", fix)
    if parted is not None:
        raise Refusal("--against", parted, "keep the export and a copy of the database: evidence")
    if verdict.overdue:
        reason = f"{verdict.overdue} entries are not sealed; what is sealed holds"
        fix = "start the clock and a worker, or: paylink audit verify --seal-first"
        raise Refusal("the audit chain", reason, fix)
    out.print("the chain holds")


def _seal_all(engine: Engine, key: bytes) -> None:
    with screen(stderr=True).status("sealing ...") as status:
        total = 0
        while sealed := seal(engine, key, everything=True, doubting=True):
            total += sealed
            status.update(f"sealing ... {total}")
    note(f"sealed {total} entries")


def _read(path: Path) -> list[Checkpoint]:
    try:
        return read_export(path)
    except OSError as error:
        raise Misuse("--against", f"{path}: {error.strerror}", "name an export's file") from None
    except ValueError as error:
        fix = "name a file that `paylink audit export` wrote"
        raise Misuse("--against", f"{path}: {error}", fix) from None
