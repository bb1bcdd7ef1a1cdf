"""The inbox: verified webhooks, many in one statement; a copy costs a counter and at most a re-read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ops.store.accept import Pool
from ops.vault import Vault

# A copy that comes after the last re-read began may tell of a newer change: it arms the row again.
_STORE = """
INSERT INTO webhook_events
       (id, gateway_id, dedupe_key, body, copies, request_id, next_run_at, wake_at)
SELECT i, g, d, b, n, r, clock_timestamp(), clock_timestamp() + interval '5 s'
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::int[], %s::text[])
       AS came(i, g, d, b, n, r)
ON CONFLICT (gateway_id, dedupe_key) DO UPDATE
   SET copies = webhook_events.copies + excluded.copies, last_copy_at = clock_timestamp(),
       next_run_at = CASE WHEN webhook_events.parked_at IS NULL
                          THEN coalesce(webhook_events.next_run_at, clock_timestamp()) END,
       wake_at = CASE WHEN webhook_events.parked_at IS NULL
                      THEN coalesce(webhook_events.wake_at, clock_timestamp() + interval '5 s') END
RETURNING id, gateway_id, dedupe_key, xmax = 0 AS is_new
"""


@dataclass(frozen=True, slots=True)
class Came:
    """One verified webhook at the door."""

    id: UUID
    gateway_id: str
    dedupe_key: str
    body: bytes = field(repr=False)
    request_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The row it became, or joined."""

    id: UUID
    new: bool


class Inbox:
    """Stores batches of webhooks."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def __call__(self, came: Sequence[Came]) -> list[Stored | Exception]:
        """Store a batch; each copy of an event gets the event's one row."""
        events: dict[tuple[str, str], list[Came]] = {}
        for one in came:
            events.setdefault((one.gateway_id, one.dedupe_key), []).append(one)
        written = [
            (
                copies[0].id,
                *event,
                self._vault.seal(
                    copies[0].body, table="webhook_events", column="body", row=copies[0].id.hex
                ),
                len(copies),
                copies[0].request_id,
            )
            for event, copies in sorted(events.items())
        ]
        columns = [list(column) for column in zip(*written, strict=True)]
        async with self._pool.connection() as db:
            cursor = await db.execute(_STORE, columns)
            found = {(row[1], row[2]): (row[0], row[3]) for row in await cursor.fetchall()}
        answers: list[Stored | Exception] = []
        for one in came:
            id_, new = found[(one.gateway_id, one.dedupe_key)]
            answers.append(Stored(id_, new and one.id == id_))
        return answers
