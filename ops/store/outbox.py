"""The outbox: events leave in order, at least once, after the move that made them has committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy import Engine, text

from ops.store.transaction import Transaction

#: Events per transaction: small enough that a slow consumer holds few rows.
BATCH = 500

_TAKE = """
SELECT id, type, aggregate, aggregate_id, merchant_id, mode, payload, request_id, created_at
  FROM outbox_events WHERE published_at IS NULL
 ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# The times say which partitions the events are in: the others are not even opened.
_DONE = """
UPDATE outbox_events SET published_at = clock_timestamp()
 WHERE id = ANY(%s) AND created_at BETWEEN %s AND %s
"""


def publish(engine: Engine, consume: Callable[[Any], None], batch: int = BATCH) -> int:
    """Hand at most `batch` events to `consume`, and mark them. Returns how many.

    A consumer that raises leaves the batch unpublished: every event arrives at least once.
    """
    with (
        Transaction(engine) as transaction,
        transaction.driver.cursor(row_factory=dict_row) as cursor,
    ):
        events = cursor.execute(_TAKE, (batch,)).fetchall()
        for event in events:
            consume(event)
        if events:
            times = [event["created_at"] for event in events]
            ids = [event["id"] for event in events]
            cursor.execute(_DONE, (ids, min(times), max(times)))
    return len(events)


def unpublished(engine: Engine) -> int:
    """Return how many events wait."""
    with engine.connect() as db:
        found = text("SELECT count(*) FROM outbox_events WHERE published_at IS NULL")
        return int(db.execute(found).scalar_one())
