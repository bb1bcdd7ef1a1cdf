"""Backlog: how many rows wait to be worked on, and what a key was answered, for a door that is full."""

from __future__ import annotations

from typing import Final, cast

from domain.idempotency import Claimed, Recorded
from ops.store.accept import KeyId, Pool
from ops.store.fetching import one_of
from ops.store.sweep import TABLES

#: Due now or in a moment: who finds no gateway looks again every few seconds and waits as well. The
#: sweep's index gives them: it announces no row for longer than a minute ahead.
_DUE: Final = """
SELECT 1 FROM {table} WHERE next_run_at <= now() + interval '10 s'
   AND wake_at <= now() + interval '70 s'
"""
_COUNT: Final = f"""
SELECT count(*) AS n FROM (
    SELECT 1 FROM ({" UNION ALL ".join(_DUE.format(table=table) for table in TABLES)}) due
     LIMIT %s
) waiting
"""
_KEY: Final = """
SELECT fingerprint, status, body, resource_id FROM idempotency_keys
 WHERE (merchant_id, mode, key) = (%s, %s, %s)
"""


class BacklogReads:
    """What the door asks about its backlog."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, most: int) -> int:
        """Return how many rows of every kind wait for a worker; it stops counting at `most`."""
        found = await one_of(self._pool, _COUNT, (most,))
        assert found is not None, "a count has one row"
        return cast("int", found["n"])

    async def answered(self, id_: KeyId) -> Claimed | None:
        """Return what an idempotency key was answered; None: it was not used."""
        found = await one_of(self._pool, _KEY, id_)
        if found is None:
            return None
        recorded = Recorded(bytes(found["fingerprint"]), found["status"], bytes(found["body"]))
        return Claimed(recorded, found["resource_id"])
