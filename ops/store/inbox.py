"""The inbox: webhooks, many in one statement; a copy costs a counter and at most a re-read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from domain.errors import Overloaded
from ops.store.accept import Pool, may_be_one_row
from ops.store.arrays import Array, blobs, longs, teach, texts, uuids
from ops.vault import Vault

#: How many webhooks of one gateway may wait for a certificate. A stranger can make them up, and
#: each costs a worker a fetch; those of a genuine new certificate are a few seconds' worth.
MAX_UNVERIFIED: Final = 1_000

# A copy that comes after the last re-read began may tell of a newer change: it arms the row again.
_ON_COPY = """
ON CONFLICT (gateway_id, dedupe_key) DO UPDATE
   SET copies = webhook_events.copies + excluded.copies, last_copy_at = clock_timestamp(),
       next_run_at = CASE WHEN webhook_events.parked_at IS NULL
                          THEN coalesce(webhook_events.next_run_at, clock_timestamp()) END,
       wake_at = CASE WHEN webhook_events.parked_at IS NULL
                      THEN coalesce(webhook_events.wake_at, clock_timestamp() + interval '5 s') END
RETURNING id, gateway_id, dedupe_key, xmax = 0 AS is_new
"""

_STORE = f"""
INSERT INTO webhook_events
       (id, gateway_id, dedupe_key, body, copies, request_id, next_run_at, wake_at)
SELECT i, g, d, b, n, r, clock_timestamp(), clock_timestamp() + interval '5 s'
  FROM unnest(%s, %s, %s, %s, %s, %s) AS came(i, g, d, b, n, r)
{_ON_COPY}"""

# Each gateway's bound counts what waits there and what comes before in this batch; what was given up
# waits no more: it must not lock the genuine ones out for good. Two batches at the same time may
# pass it by one batch: it bounds what strangers can do, and nothing else.
_STORE_UNVERIFIED = f"""
INSERT INTO webhook_events
       (id, gateway_id, dedupe_key, body, copies, request_id, headers, status, next_run_at, wake_at)
SELECT i, g, d, b, n, r, h, 'unverified', clock_timestamp(), clock_timestamp() + interval '5 s'
  FROM (SELECT came.*, row_number() OVER (PARTITION BY g) AS place
          FROM unnest(%s, %s, %s, %s, %s, %s, %s) AS came(i, g, d, b, n, r, h)) AS came
 WHERE place + (SELECT count(*) FROM (SELECT FROM webhook_events
                 WHERE gateway_id = g AND status = 'unverified' AND parked_at IS NULL
                 LIMIT {MAX_UNVERIFIED}) AS waiting)
       <= {MAX_UNVERIFIED}
{_ON_COPY}"""


@dataclass(frozen=True, slots=True)
class Came:
    """One webhook at the door."""

    id: UUID
    gateway_id: str
    dedupe_key: str
    body: bytes = field(repr=False)
    request_id: str
    #: What is to prove its sender; empty: the sender is proven.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """The row it became, or joined."""

    id: UUID
    new: bool


Event: TypeAlias = tuple[str, str]

#: How each column of a row is sent; the last one is of those that are not proven alone.
_ARRAYS: Final[tuple[Callable[[Any], Array], ...]] = (
    uuids,
    texts,
    texts,
    blobs,
    longs,
    texts,
    blobs,
)


class Inbox:
    """Stores batches of webhooks."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def __call__(self, came: Sequence[Came]) -> list[Stored | Exception]:
        """Store a batch; each copy of an event gets the event's one row.

        One whose sender is not proven may find no room: it gets `Overloaded`.
        """
        events: dict[Event, list[Came]] = {}
        for one in came:
            events.setdefault((one.gateway_id, one.dedupe_key), []).append(one)
        ordered = [copies for _, copies in sorted(events.items())]
        try:
            found = await self._transaction(ordered)
        except psycopg.Error as error:
            if len(ordered) == 1 or not may_be_one_row(error):
                raise
            return await self._one_by_one(came, ordered)
        return [_answer(one, found) for one in came]

    async def _one_by_one(
        self, came: Sequence[Came], events: Sequence[Sequence[Came]]
    ) -> list[Stored | Exception]:
        """One row spoils the batch: store each alone, so that only the bad one is refused.

        Raises what is no row's fault: then nobody is told that anything was stored.
        """
        found: dict[Event, tuple[UUID, bool]] = {}
        refused: dict[Event, Exception] = {}
        for copies in events:
            try:
                found |= await self._transaction([copies])
            except psycopg.Error as error:
                if not may_be_one_row(error):
                    raise
                refused[copies[0].gateway_id, copies[0].dedupe_key] = error
        return [
            refused.get((one.gateway_id, one.dedupe_key)) or _answer(one, found) for one in came
        ]

    async def _transaction(
        self, events: Sequence[Sequence[Came]]
    ) -> dict[Event, tuple[UUID, bool]]:
        proven = [copies for copies in events if not copies[0].headers]
        doubtful = [copies for copies in events if copies[0].headers]
        async with self._pool.connection() as db:
            if not doubtful:  # a statement that is alone is a transaction, where sessions commit by
                return await self._write(db, _STORE, proven)  # themselves
            async with db.transaction():
                found = await self._write(db, _STORE, proven)
                return found | await self._write(db, _STORE_UNVERIFIED, doubtful)

    async def _write(
        self, db: AsyncConnection[Any], query: str, events: Sequence[Sequence[Came]]
    ) -> dict[Event, tuple[UUID, bool]]:
        if not events:
            return {}
        columns = zip(*map(self._row, events), strict=True)
        values = [array(column) for array, column in zip(_ARRAYS, columns, strict=False)]
        teach(db)
        cursor = await db.execute(query, values, prepare=True)
        return {(row[1], row[2]): (row[0], row[3]) for row in await cursor.fetchall()}

    def _row(self, copies: Sequence[Came]) -> tuple[object, ...]:
        one = copies[0]
        event = (one.id, one.gateway_id, one.dedupe_key, self._sealed(one, "body", one.body))
        row = (*event, len(copies), one.request_id)
        if not one.headers:
            return row
        return (*row, self._sealed(one, "headers", json.dumps(dict(one.headers)).encode()))

    def _sealed(self, one: Came, column: str, value: bytes) -> bytes:
        return self._vault.seal(value, table="webhook_events", column=column, row=one.id.hex)


def _answer(one: Came, found: Mapping[Event, tuple[UUID, bool]]) -> Stored | Exception:
    kept = found.get((one.gateway_id, one.dedupe_key))
    if kept is None:
        return Overloaded("too many webhooks of this gateway wait for their certificate")
    return Stored(kept[0], kept[1] and one.id == kept[0])
