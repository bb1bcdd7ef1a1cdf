"""The outbox: events leave in order, at least once, after the move that made them has committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text

#: Events per transaction: small enough that a slow consumer holds few rows.
BATCH = 100

_TAKE = text("""
SELECT id, type, aggregate, aggregate_id, merchant_id, mode, payload, request_id, created_at
  FROM outbox_events WHERE published_at IS NULL
 ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
""")
# The times say which partitions the events are in: the others are not even opened.
_DONE = text("""
UPDATE outbox_events SET published_at = clock_timestamp()
 WHERE id = ANY(:ids) AND created_at BETWEEN :first AND :last
""")


def publish(engine: Engine, consume: Callable[[Any], None], batch: int = BATCH) -> int:
    """Hand at most `batch` events to `consume`, and mark them. Returns how many.

    A consumer that raises leaves the batch unpublished: every event arrives at least once.
    """
    with engine.begin() as db:
        events = db.execute(_TAKE, {"batch": batch}).mappings().all()
        for event in events:
            consume(event)
        if events:
            times = [event["created_at"] for event in events]
            ids = [event["id"] for event in events]
            db.execute(_DONE, {"ids": ids, "first": min(times), "last": max(times)})
    return len(events)


def unpublished(engine: Engine) -> int:
    """Return how many events wait."""
    with engine.connect() as db:
        found = text("SELECT count(*) FROM outbox_events WHERE published_at IS NULL")
        return int(db.execute(found).scalar_one())
