"""Archive files: a partition as compressed JSON lines with a manifest, written and read back."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from domain.audit import canonical, link
from ops.store.archives import Archive
from ops.store.ledger import said_of

#: Rows between two words about how far it is.
STEP: Final = 10_000
_CHUNK: Final = 1 << 20

Progress = Callable[[int], None]


class Unsound(Exception):
    """A file does not hold what it should; the text says where."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds, as it was read from it."""

    rows: int
    first_id: int | None
    last_id: int | None
    sha256: bytes


def rows_file(folder: Path, name: str) -> Path:
    """Return where the rows of a partition lie."""
    return folder / f"{name}.jsonl.gz"


def manifest_file(folder: Path, name: str) -> Path:
    """Return where it is written what the rows' file must be."""
    return folder / f"{name}.json"


def write_rows(path: Path, lines: Iterable[str], progress: Progress) -> None:
    """Write the lines and have them on the disk under their name when this returns."""
    half = path.with_name(path.name + ".part")
    with half.open("wb") as raw:
        with gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
            for number, line in enumerate(lines, start=1):
                file.write(line.encode() + b"\n")
                if number % STEP == 0:
                    progress(number)
        raw.flush()
        os.fsync(raw.fileno())
    half.replace(path)
    _sync_folder(path.parent)


def read_back(path: Path, source: str, progress: Progress) -> Contents:
    """Read a file from the disk, and hold audit entries against the links beside them.

    Raises Unsound, naming the line.
    """
    rows, first, last = 0, None, None
    try:
        for row in _rows(path):
            rows += 1
            if last is not None and row["id"] <= last:
                raise Unsound(f"{path.name}: line {rows} is not in order")
            first, last = first or row["id"], row["id"]
            if source == "audit_logs" and not _follows(row):
                raise Unsound(f"{path.name}: line {rows} is not what its link says")
            if rows % STEP == 0:
                progress(rows)
    except (EOFError, gzip.BadGzipFile, ValueError, KeyError, TypeError) as error:
        raise Unsound(f"{path.name}: unreadable after line {rows}") from error
    return Contents(rows, first, last, digest(path))


def digest(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    made = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    return made.digest()


def write_manifest(folder: Path, archive: Archive, mac: bytes) -> None:
    """Write beside the rows what they are, so that the file explains itself."""
    said = {
        "partition": archive.name,
        "table": archive.source,
        "until": archive.until.isoformat(),
        "rows": archive.rows,
        "first_id": archive.first_id,
        "last_id": archive.last_id,
        "sha256": archive.sha256.hex(),
        "mac": mac.hex(),
    }
    path = manifest_file(folder, archive.name)
    with path.open("w", encoding="utf-8") as file:
        json.dump(said, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(folder)


def _rows(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _follows(row: Any) -> bool:
    """Whether an entry is the one that was sealed, by the link that is written beside it."""
    entry = said_of({**row, "created_at": datetime.fromisoformat(row["created_at"])})
    hash_ = link(_bytes(row["prev_hash"]), row["seq"], canonical(entry))
    return hmac.compare_digest(hash_, _bytes(row["hash"]))


def _bytes(text: str) -> bytes:
    """Read a bytea as PostgreSQL writes it into JSON."""
    return bytes.fromhex(text.removeprefix("\\x"))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
