"""Archiving: an old partition is closed, written to a file, read back, and only then taken off.

Every step may be the last one before the power goes; the same command goes on where it ended:
closed -> file written and read back -> recorded with a keyed mark -> taken off -> dropped.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from domain.audit import checkpoint_mac
from domain.events import Json
from ops.store.archive_files import (
    Progress,
    Unsound,
    digest,
    read_back,
    rows_file,
    write_manifest,
    write_rows,
)
from ops.store.archives import Archive, Kept, keep_archive, read_archives
from ops.store.changes import ChangeRefused, changed
from ops.store.partitions import HISTORY, LOCK_TIMEOUT, SCHEMA, Partition, partitions

#: The longest transaction of ours is a quarter of this; a backup's may be longer.
PATIENCE: Final = "60s"
#: Rows fetched at a time.
_BATCH: Final = 1_000

# What is asked of each history before any of it goes; each counts what must still stay.
_UNSEALED = """
SELECT count(*) FROM {place} l
 WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry_id = l.id)
"""
_UNLINKED = """
SELECT count(*) FROM {place} l JOIN audit_chain c ON c.entry_id = l.id
 WHERE c.seq > 1 AND NOT EXISTS (
     SELECT 1 FROM audit_chain b WHERE b.seq = c.seq - 1 AND b.hash = c.prev_hash)
"""
_UNPUBLISHED = "SELECT count(*) FROM {place} WHERE published_at IS NULL"
_OPEN = """
SELECT count(*) FROM {place} f JOIN payment_attempts a ON a.id = f.attempt_id
  LEFT JOIN payments p ON p.id = a.payment_id
 WHERE a.state IN ('sending', 'unknown', 'pending', 'requires_action', 'authorized')
    OR a.next_run_at IS NOT NULL OR a.parked_at IS NOT NULL
    OR p.next_run_at IS NOT NULL OR p.parked_at IS NOT NULL
"""
_STAYS: Final = {
    "audit_logs": (
        (_UNSEALED, "entries are not sealed", "`paylink audit verify --seal-first` seals them"),
        (_UNLINKED, "links do not follow from the one before", "`paylink audit verify` says more"),
    ),
    "outbox_events": (
        (_UNPUBLISHED, "events are not published", "start a worker: it publishes them"),
    ),
    "attempt_facts": (
        (_OPEN, "facts are about money that is not settled", "see `paylink parked list`"),
    ),
}
_LAST_MARK = text("""
SELECT p.count AS links, p.head, p.mac, c.hash
  FROM audit_checkpoints p LEFT JOIN audit_chain c ON c.seq = p.count
 WHERE p.count >= :seq ORDER BY p.count LIMIT 1
""")
_LINES = "SELECT row_to_json(r)::text FROM (SELECT * FROM {place} ORDER BY id) r"
_SEALED_LINES = """
SELECT row_to_json(r)::text FROM (
    SELECT l.*, c.seq, c.prev_hash, c.hash
      FROM {place} l JOIN audit_chain c ON c.entry_id = l.id ORDER BY l.id) r
"""
_CLOSED = text(f"""
SELECT count(*) FROM pg_constraint
 WHERE conname = 'closed' AND connamespace = '{SCHEMA}'::regnamespace
   AND conrelid = CAST(:place AS regclass)
""")
_LOOSE = text(f"SELECT to_regclass('{SCHEMA}.' || :name) IS NOT NULL")


class Stage(StrEnum):
    """How far a partition has come."""

    WHOLE = "in the database"
    FILED = "in a file, not taken off yet"
    LOOSE = "taken off, not dropped yet"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A partition that is wholly older than asked, or what is left of one."""

    name: str
    source: str
    until: datetime
    size: int
    stage: Stage
    half_off: bool = False

    @property
    def place(self) -> str:
        """Its name in SQL."""
        return f"{SCHEMA}.{self.name}"


def candidates(db: Connection, before: datetime) -> list[Candidate]:
    """Return what may be archived, the oldest of each history first."""
    found = []
    for source in HISTORY:
        filed = {one.archive.name: one for one in read_archives(db, source)}
        attached = [one for one in partitions(db) if one.source == source]
        names = {one.name for one in attached}
        found += [_loose(db, one) for name, one in filed.items() if name not in names]
        found += [_attached(one, one.name in filed) for one in attached if one.until <= before]
    return [one for one in found if one is not None]


def hindrance(db: Connection, key: bytes, one: Candidate) -> ChangeRefused | None:
    """Say why a partition must stay; None: all of it is final, sealed, published."""
    if one.stage is not Stage.WHOLE:
        return None
    for count, what, fix in _STAYS[one.source]:
        if left := db.execute(text(count.format(place=one.place))).scalar_one():
            return ChangeRefused(one.name, f"{left} {what}", fix)
    if one.source == "audit_logs" and not _is_marked(db, key, one):
        fix = "`paylink audit verify` says more; check that AUDIT_KEY is the key that seals"
        return ChangeRefused(one.name, "no genuine checkpoint covers its entries", fix)
    return None


def archive(
    engine: Engine, key: bytes, one: Candidate, folder: Path, by: str, progress: Progress
) -> Archive:
    """Bring a partition to its file and out of the database; returns what the file holds.

    Raises ChangeRefused, whose partition is still in the database or can be gone on with.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        # A whole partition is read here, in minutes and not in seconds.
        db.execute(text("SET statement_timeout = 0"))
        db.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        try:
            if one.stage is Stage.WHOLE:
                done = _file(db, key, one, folder, progress)
                with engine.begin() as recording:
                    keep_archive(recording, done, key)
                    said: Json = {"rows": done.rows, "sha256": done.sha256.hex()}
                    changed(recording, by, "partition.archived", "partition", one.name, after=said)
                write_manifest(folder, done, done.mark(key))
            done = _proven(db, key, one, folder)
            if one.stage is not Stage.LOOSE:
                # It waits for whoever has the history open, and keeps nobody waiting meanwhile.
                db.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
                end = "FINALIZE" if one.half_off else "CONCURRENTLY"
                db.execute(text(f"ALTER TABLE {one.source} DETACH PARTITION {one.place} {end}"))
                db.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            db.execute(text(f"DROP TABLE {one.place}"))
        finally:
            db.invalidate()  # its limits are not those of the pool
    return done


def _file(db: Connection, key: bytes, one: Candidate, folder: Path, progress: Progress) -> Archive:
    """Close a partition and write it down; what cannot go on opens it again."""
    _close(db, one)
    path = rows_file(folder, one.name)
    try:
        # Once more: only what is closed can be judged for good.
        if (refused := hindrance(db, key, one)) is not None:
            raise refused
        write_rows(path, _lines(db, one), progress)
        held = read_back(path, one.source, progress)
        if (there := _counted(db, one)) != (held.rows, held.first_id, held.last_id):
            raise Unsound(f"{path.name} has {held.rows} rows, the partition {there[0]}")
    except (OSError, Unsound, ChangeRefused) as error:
        db.execute(text(f"ALTER TABLE {one.place} DROP CONSTRAINT closed"))
        if isinstance(error, ChangeRefused):
            raise
        reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        fix = "it is in the database as before: try another folder, or `paylink audit verify`"
        raise ChangeRefused(one.name, reason, fix) from error
    return Archive(
        one.name, one.source, one.until, held.rows, held.first_id, held.last_id, held.sha256
    )


def _proven(db: Connection, key: bytes, one: Candidate, folder: Path) -> Archive:
    """Return the record, if it is genuine and its file is in the folder. Raises ChangeRefused."""
    (kept,) = [k for k in read_archives(db, one.source) if k.archive.name == one.name]
    path = rows_file(folder, one.name)
    if not kept.is_genuine(key):
        fix = "check that AUDIT_KEY is the key that archived it"
        raise ChangeRefused(one.name, "its record was not written with our AUDIT_KEY", fix)
    if not path.exists():
        fix = "name the folder that it was archived to"
        raise ChangeRefused("--to", f"{path} does not exist, and was written before", fix)
    if not hmac.compare_digest(digest(path), kept.archive.sha256):
        fix = "bring back the file that was written"
        raise ChangeRefused("--to", f"{path} is not the file that was written", fix)
    return kept.archive


def _close(db: Connection, one: Candidate) -> None:
    """Let nothing into the partition any more: what is in the file is then all there ever was."""
    if not db.execute(_CLOSED, {"place": one.place}).scalar_one():
        db.execute(text(f"ALTER TABLE {one.place} ADD CONSTRAINT closed CHECK (false) NOT VALID"))


def _lines(db: Connection, one: Candidate) -> Iterator[str]:
    query = _SEALED_LINES if one.source == "audit_logs" else _LINES
    # Streamed: SQLAlchemy's server-side cursor lives in a transaction, which autocommit has not.
    with db.engine.connect() as reading:
        reading.execute(text("SET LOCAL statement_timeout = 0"))
        rows = reading.execution_options(yield_per=_BATCH).execute(
            text(query.format(place=one.place))
        )
        for (line,) in rows:
            yield line


def _counted(db: Connection, one: Candidate) -> tuple[Any, ...]:
    found = db.execute(text(f"SELECT count(*), min(id), max(id) FROM {one.place}")).one()
    return tuple(found)


def _is_marked(db: Connection, key: bytes, one: Candidate) -> bool:
    """Whether a checkpoint after the partition's last link is genuine."""
    last = text(f"SELECT max(c.seq) FROM {one.place} l JOIN audit_chain c ON c.entry_id = l.id")
    seq = db.execute(last).scalar_one()
    if seq is None:
        return True
    mark = db.execute(_LAST_MARK, {"seq": seq}).one_or_none()
    if mark is None or mark.hash is None or bytes(mark.hash) != bytes(mark.head):
        return False
    genuine = checkpoint_mac(key, mark.links, bytes(mark.head))
    return hmac.compare_digest(genuine, bytes(mark.mac))


def _attached(one: Partition, is_filed: bool) -> Candidate:
    stage = Stage.FILED if is_filed else Stage.WHOLE
    return Candidate(one.name, one.source, one.until, one.size, stage, one.half_off)


def _loose(db: Connection, one: Kept) -> Candidate | None:
    there = one.archive
    if not db.execute(_LOOSE, {"name": there.name}).scalar_one():
        return None
    size = text(f"SELECT pg_total_relation_size('{SCHEMA}.{there.name}')")
    return Candidate(
        there.name, there.source, there.until, db.execute(size).scalar_one(), Stage.LOOSE
    )
