"""Archives: which partitions lie in files now, each vouched for by a keyed mark."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, text

from domain.audit import canonical
from ops.store import tables

_NAME: Final = b"paylink-archive"
# Away: neither a partition any more nor on its way to be none.
_READ = text("""
SELECT a.*, NOT EXISTS (
           SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE c.relname = a.name AND c.relnamespace = 'partitions'::regnamespace
              AND NOT i.inhdetachpending
       ) AS is_away
  FROM archives a WHERE a.source = :source ORDER BY a.until
""")


@dataclass(frozen=True, slots=True)
class Archive:
    """One partition as it was written to a file."""

    name: str
    source: str
    until: datetime
    rows: int
    #: None: it held nothing.
    first_id: int | None
    last_id: int | None
    #: Of the file.
    sha256: bytes

    def mark(self, key: bytes) -> bytes:
        """Return the keyed mark: whoever has only the database cannot vouch for what they took."""
        said = {
            "name": self.name,
            "source": self.source,
            "until": self.until.timestamp(),
            "rows": self.rows,
            "first_id": self.first_id,
            "last_id": self.last_id,
            "sha256": self.sha256.hex(),
        }
        return hmac.digest(key, _NAME + canonical(said), "sha256")

    def covers(self, id_: int) -> bool:
        """Whether a row of this id may have been in it."""
        if self.first_id is None or self.last_id is None:
            return False
        return self.first_id <= id_ <= self.last_id


@dataclass(frozen=True, slots=True)
class Kept:
    """An archive as the database knows it."""

    archive: Archive
    mac: bytes
    #: Whether its rows are in the file only.
    is_away: bool

    def is_genuine(self, key: bytes) -> bool:
        """Whether somebody with the key wrote it."""
        return hmac.compare_digest(self.archive.mark(key), self.mac)


def read_archives(db: Connection, source: str) -> list[Kept]:
    """Return what was archived of a history, oldest first."""
    return [_kept(row) for row in db.execute(_READ, {"source": source})]


def keep_archive(db: Connection, archive: Archive, key: bytes) -> None:
    """Write down that a partition lies in a file."""
    values = {
        "name": archive.name,
        "source": archive.source,
        "until": archive.until,
        "rows": archive.rows,
        "first_id": archive.first_id,
        "last_id": archive.last_id,
        "sha256": archive.sha256,
        "mac": archive.mark(key),
    }
    db.execute(insert(tables.archives).values(values))


def _kept(row: Any) -> Kept:
    archive = Archive(
        row.name,
        row.source,
        row.until,
        row.rows,
        row.first_id,
        row.last_id,
        bytes(row.sha256),
    )
    return Kept(archive, bytes(row.mac), row.is_away)
