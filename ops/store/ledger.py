"""The audit chain on PostgreSQL: one sealer appends links, anyone can verify them."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from domain.audit import GENESIS, canonical, checkpoint_mac, link
from ops.store import tables

#: Names the one lock under which links are appended.
SEALER_LOCK = 7_305_809_221_002
#: Entries per sealing transaction: a bound on its length, not on throughput.
BATCH = 2_000
#: Entries commit out of order, so the sealer looks back this far for late ones...
RECENT = "15 minutes"
#: ...and now and then through everything. Unsealed for longer than this is an alarm.
OVERDUE = "1 hour"

_UNSEALED = """
SELECT l.* FROM audit_logs l
 WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry_id = l.id) {since}
 ORDER BY l.id LIMIT :batch
"""
_HEAD = text("SELECT seq, hash FROM audit_chain ORDER BY seq DESC LIMIT 1")
_LINKS = text("""
SELECT c.seq, c.entry_id, c.prev_hash, c.hash, l.*
  FROM audit_chain c LEFT JOIN audit_logs l ON l.id = c.entry_id
 WHERE c.seq > :after ORDER BY c.seq LIMIT :batch
""")
_OVERDUE = text(f"""
SELECT count(*) FROM audit_logs l
 WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry_id = l.id)
   AND l.created_at < clock_timestamp() - interval '{OVERDUE}'
""")


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain does not hold."""

    seq: int
    entry_id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found; `broken` is None when everything holds."""

    entries: int
    checkpoints: int
    overdue: int
    broken: Broken | None


def seal(engine: Engine, key: bytes, *, everything: bool = False) -> int:
    """Append a link for every unsealed entry, at most a batch. Returns how many.

    Somebody else sealing at this moment means there is nothing to do: returns 0.
    """
    since = "" if everything else f"AND l.created_at > clock_timestamp() - interval '{RECENT}'"
    with engine.begin() as db:
        ours = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not db.execute(ours, {"key": SEALER_LOCK}).scalar_one():
            return 0
        entries = db.execute(text(_UNSEALED.format(since=since)), {"batch": BATCH}).mappings().all()
        if not entries:
            return 0
        head = db.execute(_HEAD).one_or_none()
        seq, prev = (head.seq, bytes(head.hash)) if head else (0, GENESIS)
        links = []
        for entry in entries:
            seq += 1
            hash_ = link(prev, seq, canonical(_said(entry)))
            links.append({"seq": seq, "entry_id": entry["id"], "prev_hash": prev, "hash": hash_})
            prev = hash_
        db.execute(insert(tables.audit_chain), links)
        mark = {"count": seq, "head": prev, "mac": checkpoint_mac(key, seq, prev)}
        db.execute(insert(tables.audit_checkpoints), [mark])
    return len(links)


def verify(engine: Engine, key: bytes) -> Verdict:
    """Walk the whole chain and every checkpoint; stop at the first broken link.

    One snapshot: links that are sealed while we walk belong to the next verification.
    """
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as db:
        kept = db.execute(text("SELECT count AS links, head, mac FROM audit_checkpoints"))
        marks: dict[int, Any] = {row.links: row for row in kept}
        overdue = db.execute(_OVERDUE).scalar_one()
        seq, prev = 0, GENESIS
        for row in _links(db):
            if broken := _check(row, seq, prev):
                return Verdict(seq, len(marks), overdue, broken)
            seq, prev = row["seq"], bytes(row["hash"])
            mark = marks.get(seq)
            if mark and not _genuine(mark, key, prev):
                wrong = Broken(seq, row["entry_id"], "the checkpoint does not match the chain")
                return Verdict(seq, len(marks), overdue, wrong)
        if marks and max(marks) > seq:
            gone = f"a checkpoint knows {max(marks)} links"
            return Verdict(seq, len(marks), overdue, Broken(seq + 1, None, f"cut short: {gone}"))
        if seq and seq not in marks:
            bare = Broken(seq, None, "the chain's end has no checkpoint")
            return Verdict(seq, len(marks), overdue, bare)
    return Verdict(seq, len(marks), overdue, None)


def unsealed(engine: Engine) -> int:
    """Return how many of the recent entries wait for their link."""
    since = f"AND l.created_at > clock_timestamp() - interval '{RECENT}'"
    count = f"SELECT count(*) FROM ({_UNSEALED.format(since=since)}) waiting"
    with engine.connect() as db:
        return int(db.execute(text(count), {"batch": BATCH}).scalar_one())


def _links(db: Connection) -> Iterator[Any]:
    after = 0
    while batch := db.execute(_LINKS, {"after": after, "batch": BATCH}).mappings().all():
        yield from batch
        after = batch[-1]["seq"]


def _check(row: Any, seq: int, prev: bytes) -> Broken | None:
    if row["seq"] != seq + 1:
        return Broken(seq + 1, None, "this link is missing")
    if row["id"] is None:
        return Broken(row["seq"], row["entry_id"], "the audit entry is missing")
    if bytes(row["prev_hash"]) != prev:
        return Broken(row["seq"], row["entry_id"], "it does not follow from the link before it")
    if not hmac.compare_digest(link(prev, row["seq"], canonical(_said(row))), bytes(row["hash"])):
        return Broken(row["seq"], row["entry_id"], "the audit entry was changed")
    return None


def _genuine(mark: Any, key: bytes, head: bytes) -> bool:
    return bytes(mark.head) == head and hmac.compare_digest(
        checkpoint_mac(key, mark.links, head), bytes(mark.mac)
    )


def _said(row: Any) -> dict[str, object]:
    """Return exactly what an entry's hash covers, as JSON values."""
    return {
        "id": row["id"],
        "merchant_id": str(row["merchant_id"]) if row["merchant_id"] else None,
        "mode": row["mode"],
        "actor": row["actor"],
        "actor_id": row["actor_id"],
        "action": row["action"],
        "entity": row["entity"],
        "entity_id": row["entity_id"],
        "before": row["before"],
        "after": row["after"],
        "request_id": row["request_id"],
        "created_at": row["created_at"].isoformat(),
    }
