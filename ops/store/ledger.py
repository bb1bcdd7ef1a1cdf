"""The audit chain on PostgreSQL: one sealer appends links, anyone can verify them."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine, insert, text

from domain.audit import GENESIS, canonical, checkpoint_mac, link
from ops.store import tables
from ops.store.archives import read_archives
from ops.store.transaction import Transaction

#: Names the one lock under which links are appended.
SEALER_LOCK = 7_305_809_221_002
#: Entries per sealing transaction: a bound on its length, not on throughput.
BATCH = 2_000
#: Entries commit out of order, so the sealer looks back this far for late ones each second. It reads
#: every entry of that time each time; a session that says nothing for half of it is ended...
RECENT = "30 seconds"
#: ...and now and then from where everything is known to be sealed, less this: no transaction of ours
#: is open for so long. Unsealed for longer than this is an alarm.
OVERDUE = "1 hour"

_SAID = (
    "l.id, l.merchant_id, l.mode, l.actor, l.actor_id, l.action, l.entity, l.entity_id, l.before,"
    " l.after, l.request_id, l.created_at"
)
# In order of time, which is that of the partitions and of an index of each. The bound has to be a
# constant of the statement (`now()`): `clock_timestamp()` would be asked for every row of history.
_UNSEALED = f"""
SELECT {_SAID} FROM audit_logs l
 WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry_id = l.id) {{since}}
 ORDER BY l.created_at, l.id LIMIT {BATCH}
"""
#: Thousands of links at once: an INSERT of each costs twelve times that here, and twice at the server.
_APPEND = "COPY audit_chain (seq, entry_id, prev_hash, hash) FROM STDIN"
_RECENT = f"AND l.created_at > now() - interval '{RECENT}'"
_REST = "AND l.created_at > (SELECT coalesce(max(sealed_until), '-infinity') FROM audit_progress)"
_HEAD = text("SELECT seq, hash FROM audit_chain ORDER BY seq DESC LIMIT 1")
_REACHED = text(f"""
INSERT INTO audit_progress (id, sealed_until) VALUES (1, now() - interval '{OVERDUE}')
ON CONFLICT (id) DO UPDATE SET sealed_until = excluded.sealed_until
""")
# A batch's entries lie together, whichever months they are in: their span is read once, instead of
# asking every partition for every entry.
_LINKS = text(f"""
WITH links AS MATERIALIZED (
    SELECT seq, entry_id, prev_hash, hash FROM audit_chain
     WHERE seq > :after ORDER BY seq LIMIT :batch
), span AS MATERIALIZED (SELECT min(entry_id) AS least, max(entry_id) AS most FROM links)
SELECT c.seq, c.entry_id, c.prev_hash, c.hash, {_SAID}
  FROM links c LEFT JOIN audit_logs l ON l.id = c.entry_id
       AND l.id BETWEEN (SELECT least FROM span) AND (SELECT most FROM span)
 ORDER BY c.seq
""")
_OVERDUE = text(f"""
SELECT count(*) FROM audit_logs l
 WHERE NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.entry_id = l.id)
   AND l.created_at < now() - interval '{OVERDUE}'
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
    #: Entries that lie in archives: their links hold, their words are in files.
    archived: int = 0


def seal(engine: Engine, key: bytes, *, everything: bool = False, doubting: bool = False) -> int:
    """Append a link for every unsealed entry, at most a batch. Returns how many.

    Looks at the newest entries; with `everything` at all since the last time that nothing was left,
    and if `doubting` at the whole history. Somebody else sealing at this moment means there is
    nothing to do: returns 0.
    """
    since = "" if doubting else _REST if everything else _RECENT
    with Transaction(engine) as transaction:
        db = transaction.connection
        ours = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not db.execute(ours, {"key": SEALER_LOCK}).scalar_one():
            return 0
        with transaction.driver.cursor(row_factory=dict_row) as cursor:
            entries = cursor.execute(_UNSEALED.format(since=since).encode()).fetchall()
        if everything and len(entries) < BATCH:
            db.execute(_REACHED)
        if not entries:
            return 0
        head = db.execute(_HEAD).one_or_none()
        seq, prev = (head.seq, bytes(head.hash)) if head else (0, GENESIS)
        links = []
        for entry in entries:
            seq += 1
            hash_ = link(prev, seq, canonical(said_of(entry)))
            links.append(f"{seq}\t{entry['id']}\t\\\\x{prev.hex()}\t\\\\x{hash_.hex()}\n")
            prev = hash_
        with transaction.driver.cursor() as cursor, cursor.copy(_APPEND) as copy:
            copy.write("".join(links))
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
        archives = read_archives(db, "audit_logs")
        overdue = db.execute(_OVERDUE).scalar_one()
        seq, prev, away = 0, GENESIS, 0

        def so_far(broken: Broken | None) -> Verdict:
            return Verdict(seq, len(marks), overdue, broken, away)

        for one in archives:
            if not one.is_genuine(key):
                return so_far(Broken(0, None, f"nobody with the key archived {one.archive.name}"))
        for row in _links(db):
            is_away = row["id"] is None and any(
                one.archive.covers(row["entry_id"]) for one in archives if one.is_away
            )
            if broken := _check(row, seq, prev, is_away):
                return so_far(broken)
            seq, prev, away = row["seq"], bytes(row["hash"]), away + is_away
            mark = marks.get(seq)
            if mark and not _genuine(mark, key, prev):
                wrong = Broken(seq, row["entry_id"], "the checkpoint does not match the chain")
                return so_far(wrong)
        if marks and max(marks) > seq:
            gone = f"a checkpoint knows {max(marks)} links"
            return so_far(Broken(seq + 1, None, f"cut short: {gone}"))
        if seq and seq not in marks:
            return so_far(Broken(seq, None, "the chain's end has no checkpoint"))
        if away != (filed := sum(one.archive.rows for one in archives if one.is_away)):
            other = f"{away} entries are missing, and {filed} were archived"
            return so_far(Broken(seq, None, other))
        return so_far(None)


def unsealed(engine: Engine) -> int:
    """Return how many of the recent entries wait for their link, at most a batch."""
    count = f"SELECT count(*) FROM ({_UNSEALED.format(since=_RECENT)}) waiting"
    with engine.connect() as db:
        return int(db.execute(text(count)).scalar_one())


def _links(db: Connection) -> Iterator[Any]:
    after = 0
    while batch := db.execute(_LINKS, {"after": after, "batch": BATCH}).mappings().all():
        yield from batch
        after = batch[-1]["seq"]


def _check(row: Any, seq: int, prev: bytes, is_away: bool) -> Broken | None:
    if row["seq"] != seq + 1:
        return Broken(seq + 1, None, "this link is missing")
    if row["id"] is None and not is_away:
        return Broken(row["seq"], row["entry_id"], "the audit entry is missing")
    if bytes(row["prev_hash"]) != prev:
        return Broken(row["seq"], row["entry_id"], "it does not follow from the link before it")
    if is_away:  # its words were held against this link when they were archived
        return None
    if not hmac.compare_digest(link(prev, row["seq"], canonical(said_of(row))), bytes(row["hash"])):
        return Broken(row["seq"], row["entry_id"], "the audit entry was changed")
    return None


def _genuine(mark: Any, key: bytes, head: bytes) -> bool:
    return bytes(mark.head) == head and hmac.compare_digest(
        checkpoint_mac(key, mark.links, head), bytes(mark.mac)
    )


def said_of(row: Any) -> dict[str, object]:
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
