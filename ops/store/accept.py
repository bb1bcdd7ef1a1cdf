"""Accepting: many checkouts in one transaction, each answered exactly as if it had come alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.checkout import Checkout
from domain.errors import DomainError, KeyInFlight
from domain.events import Actor, payment_told
from domain.idempotency import Recorded
from domain.payment import INACTIVE, Mode, Payment
from ops.store import rows
from ops.store.engine import is_undone
from ops.store.story import entry_values, event_values
from ops.vault import Vault

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]
KeyId: TypeAlias = tuple[UUID, str, str]

#: A concurrent duplicate waits for the first one's commit at most this long (law 7), then 409.
LOCK_TIMEOUT_MS = 2_000
#: Tries of one checkout that the database undoes for the sake of another transaction.
MAX_TRIES = 3

# A key is won by whoever inserts it; everybody else waits for that commit and reads the answer.
_KEYS = """
INSERT INTO idempotency_keys
       (merchant_id, mode, key, fingerprint, status, body, resource_id, expires_at)
SELECT m, o, k, f, 202, b, r, clock_timestamp() + %s
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::uuid[])
       AS asked(m, o, k, f, b, r)
ON CONFLICT DO NOTHING RETURNING merchant_id, mode, key
"""
_LOSERS = """
SELECT merchant_id, mode, key, fingerprint, status, body, resource_id FROM idempotency_keys
  JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS asked(m, o, k)
    ON (merchant_id, mode, key) = (m, o, k)
"""
_COLUMNS = (
    ("id", "uuid"), ("merchant_id", "uuid"), ("mode", "text"), ("order_id", "text"),
    ("amount", "bigint"), ("currency", "text"), ("country", "text"), ("method_type", "text"),
    ("preference", "text"), ("details", "bytea"), ("description", "text"), ("metadata", "jsonb"),
    ("kind", "text"), ("capture_method", "text"), ("confirmed", "boolean"),
    ("customer_id", "uuid"), ("method_id", "uuid"),
    ("status", "text"), ("next_command", "text"), ("request_id", "text"),
    ("created_at", "timestamptz"), ("expires_at", "timestamptz"),
    ("next_run_at", "timestamptz"), ("wake_at", "timestamptz"),
)  # fmt: skip
_PAYMENTS = f"""
INSERT INTO payments ({", ".join(name for name, _ in _COLUMNS)})
SELECT * FROM unnest({", ".join(f"%s::{type_}[]" for _, type_ in _COLUMNS)})
ON CONFLICT DO NOTHING RETURNING id
"""
_ACTIVE = f"""
SELECT merchant_id, mode, order_id, id FROM payments
  JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS asked(m, o, k)
    ON (merchant_id, mode, order_id) = (m, o, k)
 WHERE status NOT IN ({", ".join(f"'{status}'" for status in sorted(INACTIVE))})
"""
_CONFLICT = """
UPDATE idempotency_keys SET status = %s, body = %s WHERE (merchant_id, mode, key) = (%s, %s, %s)
"""
_AUDIT = """
INSERT INTO audit_logs
       (merchant_id, mode, actor, actor_id, action, entity, entity_id, before, after, request_id)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::jsonb[], %s::jsonb[], %s::text[])
"""
_EVENTS = """
INSERT INTO outbox_events
       (merchant_id, mode, type, aggregate, aggregate_id, payload, request_id)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],
                     %s::text[])
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """One checkout at the door."""

    merchant_id: UUID
    mode: Mode
    key: str
    key_id: str
    checkout: Checkout
    fingerprint: bytes
    request_id: str
    payment_id: UUID

    @property
    def id(self) -> KeyId:
        """The scope of the idempotency key."""
        return self.merchant_id, self.mode.value, self.key


@dataclass(frozen=True, slots=True)
class Accepted:
    """What to answer; `replayed` marks the answer of an earlier request with this key."""

    recorded: Recorded
    payment_id: UUID
    replayed: bool


Answer: TypeAlias = Accepted | Exception


@dataclass(frozen=True, slots=True)
class Terms:
    """What accepting needs to know besides the request."""

    checkout_ttl: timedelta
    key_ttl: timedelta
    #: The 202's body for a new payment.
    answer: Callable[[Payment], bytes]
    #: The 409's body for an order that is already active: (request id, active payment, order id).
    conflict: Callable[[str, UUID | None, str], bytes]


class Acceptance:
    """Writes batches of checkouts: key, payment, audit and event in one transaction."""

    def __init__(self, pool: Pool, vault: Vault, terms: Terms) -> None:
        self._pool = pool
        self._vault = vault
        self._terms = terms

    async def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        """Accept a batch. Every ask gets its own answer or error, in the order given."""
        first = {ask.id: ask for ask in reversed(asks)}  # one key twice in a batch: the first asks
        ordered = [first[id_] for id_ in sorted(first)]
        try:
            found = await self._transaction(ordered)
        except psycopg.Error as error:
            if may_be_one_row(error):
                found = await self._one_by_one(ordered)
            else:
                found = await self._reread(ordered, error)
        return [_judged(ask, first[ask.id], found[ask.id]) for ask in asks]

    async def _one_by_one(self, asks: Sequence[Ask]) -> dict[KeyId, Answer]:
        """One row spoils the batch: answer each alone, so that only the bad one hears of it."""
        found: dict[KeyId, Answer] = {}
        for index, ask in enumerate(asks):
            try:
                found |= await self._alone(ask)
            except psycopg.errors.LockNotAvailable:
                found[ask.id] = KeyInFlight(
                    "the first request with this Idempotency-Key is still being written",
                    fix="send the same request again in a second",
                )
            except psycopg.Error as error:
                if not may_be_one_row(error):  # the rest would fare no better, only wait longer
                    return found | await self._reread(asks[index:], error)
                found[ask.id] = error
        return found

    async def _alone(self, ask: Ask) -> dict[KeyId, Answer]:
        for _ in range(MAX_TRIES - 1):
            try:
                return await self._transaction([ask])
            except psycopg.Error as error:
                if not is_undone(error):
                    raise
        return await self._transaction([ask])

    async def _reread(self, asks: Sequence[Ask], error: Exception) -> dict[KeyId, Answer]:
        """The answer to COMMIT was lost: what is written counts, and nobody is told anything else."""
        found: dict[KeyId, Answer] = {ask.id: error for ask in asks}
        if isinstance(error, PoolTimeout):  # nothing was begun
            return found
        try:
            async with self._pool.connection() as db:
                written = await _recorded(db, [ask.id for ask in asks])
        except (psycopg.Error, OSError):
            return found
        mine = {ask.id: ask.payment_id for ask in asks}
        for id_, (recorded, payment_id) in written.items():
            found[id_] = Accepted(recorded, payment_id, payment_id != mine[id_])
        return found

    async def _transaction(self, asks: Sequence[Ask]) -> dict[KeyId, Answer]:
        async with self._pool.connection() as db:
            now = await _scalar(db, "SELECT clock_timestamp()")
            payments = {ask.id: self._payment(ask, now) for ask in asks}
            bodies = {id_: self._terms.answer(payment) for id_, payment in payments.items()}
            won = await self._win_keys(db, asks, bodies)
            winners = [ask for ask in asks if ask.id in won]
            created = await self._create(db, [payments[ask.id] for ask in winners])
            found: dict[KeyId, Answer] = {
                ask.id: Accepted(
                    Recorded(ask.fingerprint, 202, bodies[ask.id]), ask.payment_id, False
                )
                for ask in winners
            }
            rejected = [ask for ask in winners if ask.payment_id not in created]
            if rejected:
                found |= await self._conflicts(db, rejected)
            await _tell(db, [(ask, payments[ask.id]) for ask in winners if ask not in rejected])
            if losers := [ask.id for ask in asks if ask.id not in won]:
                for id_, (recorded, payment_id) in (await _recorded(db, losers)).items():
                    found[id_] = Accepted(recorded, payment_id, True)
        return found

    def _payment(self, ask: Ask, now: datetime) -> Payment:
        return ask.checkout.payment(
            ask.payment_id,
            ask.merchant_id,
            ask.mode,
            now,
            self._terms.checkout_ttl,
            ask.request_id,
        )

    async def _win_keys(
        self, db: AsyncConnection[Any], asks: Sequence[Ask], bodies: dict[KeyId, bytes]
    ) -> set[KeyId]:
        columns = zip(
            *((*ask.id, ask.fingerprint, bodies[ask.id], ask.payment_id) for ask in asks),
            strict=True,
        )
        values = [self._terms.key_ttl, *map(list, columns)]
        return {tuple(row) for row in await (await db.execute(_KEYS, values)).fetchall()}

    async def _create(self, db: AsyncConnection[Any], payments: Sequence[Payment]) -> set[UUID]:
        if not payments:
            return set()
        written = []
        for payment in sorted(
            payments, key=lambda p: (p.merchant_id, p.mode, p.order_id or "", p.id)
        ):
            row = rows.payment_insert(payment, self._vault)
            row["metadata"] = json.dumps(row["metadata"])
            written.append([row[name] for name, _ in _COLUMNS])
        columns = [list(column) for column in zip(*written, strict=True)]
        return {row[0] for row in await (await db.execute(_PAYMENTS, columns)).fetchall()}

    async def _conflicts(
        self, db: AsyncConnection[Any], asks: Sequence[Ask]
    ) -> dict[KeyId, Answer]:
        """Another payment holds the order: the refusal is this key's answer from now on."""
        orders = [(a.merchant_id, a.mode.value, a.checkout.order_id or "") for a in asks]
        cursor = await db.execute(_ACTIVE, [list(column) for column in zip(*orders, strict=True)])
        active = {tuple(row[:3]): row[3] for row in await cursor.fetchall()}
        found: dict[KeyId, Answer] = {}
        for ask, order in zip(asks, orders, strict=True):
            body = self._terms.conflict(ask.request_id, active.get(order), order[2])
            await db.execute(_CONFLICT, (409, body, *ask.id))
            found[ask.id] = Accepted(Recorded(ask.fingerprint, 409, body), ask.payment_id, False)
        return found


_NO_ROWS_FAULT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)


def may_be_one_row(error: psycopg.Error) -> bool:
    """Whether one row may be to blame: its contents, or another transaction in its way. A server
    that is full, overloaded, stopped or gone fails whatever it is asked."""
    return (
        is_undone(error)
        or isinstance(error, psycopg.errors.LockNotAvailable)
        or not isinstance(error, _NO_ROWS_FAULT)
    )


def _judged(ask: Ask, first: Ask, answer: Answer) -> Answer:
    """Give a repeated request the recorded answer, or refuse its other body."""
    if isinstance(answer, Exception):
        return answer
    try:
        recorded = answer.recorded.replayed_for(ask.fingerprint)
    except DomainError as refusal:
        return refusal
    return Accepted(recorded, answer.payment_id, answer.replayed or ask is not first)


async def _recorded(
    db: AsyncConnection[Any], ids: Sequence[KeyId]
) -> dict[KeyId, tuple[Recorded, UUID]]:
    cursor = await db.execute(_LOSERS, [list(column) for column in zip(*ids, strict=True)])
    return {
        (row[0], row[1], row[2]): (Recorded(bytes(row[3]), row[4], bytes(row[5])), row[6])
        for row in await cursor.fetchall()
    }


async def _tell(db: AsyncConnection[Any], created: Sequence[tuple[Ask, Payment]]) -> None:
    told = [
        payment_told(None, payment, Actor.MERCHANT, f"key:{ask.key_id}") for ask, payment in created
    ]
    if told:
        await db.execute(_AUDIT, _columns([entry_values(one) for one in told]))
        await db.execute(_EVENTS, _columns([event_values(one) for one in told]))


def _columns(records: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Turn records into one array per column; JSON goes as text."""
    return [
        [json.dumps(r[name]) if isinstance(r[name], dict) else r[name] for r in records]
        for name in records[0]
    ]


async def _scalar(db: AsyncConnection[Any], query: str) -> Any:
    row = await (await db.execute(query)).fetchone()
    assert row is not None
    return row[0]
