"""Retention: idempotency keys are forgotten when their time is over, a few at a time.

Everything else that grows is history, which nothing but `paylink archive` takes away.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, text

#: Keys per transaction: a few milliseconds of row locks that nobody waits for.
BATCH: Final = 1_000
#: Batches per call: 20,000 keys a minute outrun a million payments a day thirty times.
BATCHES: Final = 20

# By the index on what expires; a key that somebody is reading for update waits for the next time.
# MATERIALIZED: read once. As the inner side of a join it could be read, and locked anew, per row.
FORGET: Final = """
WITH old AS MATERIALIZED (
    SELECT merchant_id, mode, key FROM idempotency_keys WHERE expires_at < now()
     ORDER BY expires_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_keys k USING old
 WHERE (k.merchant_id, k.mode, k.key) = (old.merchant_id, old.mode, old.key)
"""
_FORGET = text(FORGET)


def forget_keys(engine: Engine, batch: int = BATCH, batches: int = BATCHES) -> int:
    """Delete keys that have expired, the oldest first; returns how many, at most batch x batches."""
    forgotten = 0
    for _ in range(batches):
        with engine.begin() as db:
            gone = db.execute(_FORGET, {"batch": batch}).rowcount
        forgotten += gone
        if gone < batch:
            break
    return forgotten
