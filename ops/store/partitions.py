"""Partitions: history in monthly pieces, made long before they are needed and taken off when old.

There is no default partition: nothing could be taken off beside one without stopping the writers.
So the months ahead must be there. The clock makes them half a year early, and without a clock no
payment is retried either: that it is away is noticed within seconds, not months.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, Engine, text

#: What is in partitions, by the column that says when a row was written. Facts come last: only they
#: need a lock beyond their own table, and must not keep the others waiting for it.
HISTORY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "audit_logs": "created_at",
        "outbox_events": "created_at",
        "attempt_facts": "observed_at",
    }
)
SCHEMA: Final = "partitions"
#: Whole months that are there beyond the running one.
AHEAD_MONTHS: Final = 6
#: Names the one lock under which partitions are made and taken off.
PARTITION_LOCK: Final = 7_305_809_221_003
#: A new partition needs a moment's lock on the table that its rows refer to. Who waits longer for it
#: holds up the writers behind: better to try again ten minutes later, for half a year.
LOCK_TIMEOUT: Final = "1s"

_ALL = text("""
SELECT parent.relname AS source, child.relname AS name, inhdetachpending AS half_off,
       pg_get_expr(child.relpartbound, child.oid) AS bounds,
       pg_total_relation_size(child.oid) AS size, child.reltuples::bigint AS rows
  FROM pg_inherits JOIN pg_class parent ON parent.oid = inhparent
  JOIN pg_class child ON child.oid = inhrelid
 WHERE parent.relnamespace = 'public'::regnamespace AND parent.relkind = 'p'
   AND child.relkind = 'r'
""")
_MONTH = text("SELECT date_trunc('month', now(), 'UTC') AS month")
_ADD = text("SELECT partitions.add(:parent, :since, :until)")
_UNTIL: Final = re.compile(r"TO \('(.+?)'\)")
_SINCE: Final = re.compile(r"FROM \('(.+?)'\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of a history: rows written from `since` (None: ever) until just before `until`."""

    source: str
    name: str
    since: datetime | None
    until: datetime
    #: Bytes, with its indexes.
    size: int
    #: As last estimated; -1 before it was ever looked at.
    rows: int
    #: Taking it off was begun and not ended.
    half_off: bool = False

    @property
    def place(self) -> str:
        """Its name in SQL."""
        return f"{SCHEMA}.{self.name}"


def partitions(db: Connection) -> list[Partition]:
    """Return every partition, each history's in order of time."""
    found = [
        Partition(
            row.source,
            row.name,
            _moment(_SINCE, row.bounds),
            _required(_moment(_UNTIL, row.bounds), row.name),
            row.size,
            row.rows,
            row.half_off,
        )
        for row in db.execute(_ALL)
    ]
    return sorted(found, key=lambda one: (one.source, one.until))


def make_ahead(engine: Engine, months: int = AHEAD_MONTHS) -> list[str]:
    """Make the partitions that are missing up to so many months ahead; returns their names.

    Each is a transaction of its own. Somebody else making them means there is nothing to do.
    """
    made: list[str] = []
    while name := _make_next(engine, months):
        made.append(name)
    return made


def days_ahead(engine: Engine) -> dict[str, float]:
    """Return for how many days from now each history has partitions."""
    with engine.connect() as db:
        now: datetime = db.execute(text("SELECT now()")).scalar_one()
        ends = {one.source: one.until for one in partitions(db)}
    return {source: (ends[source] - now).total_seconds() / 86_400 for source in HISTORY}


def month_after(month: datetime, count: int = 1) -> datetime:
    """Return the first moment of the `count`th month after this one, in UTC."""
    years, index = divmod(month.month - 1 + count, 12)
    return datetime(month.year + years, index + 1, 1, tzinfo=UTC)


def _make_next(engine: Engine, months: int) -> str | None:
    with engine.begin() as db:
        db.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        ours = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not db.execute(ours, {"key": PARTITION_LOCK}).scalar_one():
            return None
        until = month_after(db.execute(_MONTH).scalar_one(), months + 1)
        ends = {one.source: one.until for one in partitions(db)}
        for source in HISTORY:
            since = ends[source]
            if since < until:
                asked = {"parent": source, "since": since, "until": month_after(since)}
                made: str = db.execute(_ADD, asked).scalar_one()
                return made
    return None


def _moment(pattern: re.Pattern[str], bounds: str) -> datetime | None:
    found = pattern.search(bounds)
    return None if found is None else datetime.fromisoformat(found[1]).astimezone(UTC)


def _required(until: datetime | None, name: str) -> datetime:
    if until is None:
        raise ValueError(f"{SCHEMA}.{name} has no end: it was not made here")
    return until
