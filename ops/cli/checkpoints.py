"""Checkpoints outside the database: written as JSON lines, read back, and held against the chain."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from domain.audit import checkpoint_mac

#: Checkpoints compared per statement.
_BATCH: Final = 1_000

_HEADS = text("SELECT seq, hash FROM audit_chain WHERE seq = ANY(:seqs)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How long the chain was, its last hash then, and the keyed mark of both."""

    count: int
    head: bytes
    mac: bytes


def written(row: Any) -> str:
    """Return a row of `audit_checkpoints` as one line."""
    said = {
        "count": row.links,
        "head": bytes(row.head).hex(),
        "mac": bytes(row.mac).hex(),
        "created_at": row.created_at.isoformat(),
    }
    return json.dumps(said) + "\n"


def write_export(path: Path, lines: Iterable[str]) -> int:
    """Write a new file and return how many lines. Raises FileExistsError and other OSErrors."""
    count = 0
    with path.open("x", encoding="utf-8") as file:
        try:
            for line in lines:
                file.write(line)
                count += 1
        except BaseException:
            path.unlink()  # half an export would pass for a shorter chain
            raise
    return count


def read_export(path: Path) -> list[Checkpoint]:
    """Read an export. Raises OSError, and ValueError naming the first line that is not one."""
    found = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                said = json.loads(line)
                mark = Checkpoint(
                    int(said["count"]), bytes.fromhex(said["head"]), bytes.fromhex(said["mac"])
                )
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"line {number} is not a checkpoint") from None
            found.append(mark)
    return found


def disagreement(db: Connection, key: bytes, exported: Sequence[Checkpoint]) -> str | None:
    """Say where the chain is not the one that was exported; None: it is the same, or longer."""
    for start in range(0, len(exported), _BATCH):
        batch = exported[start : start + _BATCH]
        seqs = [mark.count for mark in batch]
        heads = {row.seq: bytes(row.hash) for row in db.execute(_HEADS, {"seqs": seqs})}
        for mark in batch:
            if not hmac.compare_digest(checkpoint_mac(key, mark.count, mark.head), mark.mac):
                return f"the export's checkpoint {mark.count} was not written with our AUDIT_KEY"
            if mark.count not in heads:
                return f"the chain has lost link {mark.count}, which the export knows"
            if heads[mark.count] != mark.head:
                return f"link {mark.count} is not the one that the export knows"
    return None
