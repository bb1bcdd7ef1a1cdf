"""Accepting: many checkouts in one transaction, each answered exactly as if it had come alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.errors import DomainError, KeyInFlight
from domain.idempotency import Recorded
from domain.payment import Payment
from ops.store.accept_rows import Ask, KeyId, values_of
from ops.store.accept_sql import ACTIVE, CONFLICT, LOSERS, WRITE, WRITE_ALL
from ops.store.arrays import teach
from ops.store.engine import is_undone
from ops.vault import Vault

__all__ = [
    "LOCK_TIMEOUT_MS",
    "MAX_TRIES",
    "TIME_KNOWN_S",
    "Acceptance",
    "Accepted",
    "Answer",
    "Ask",
    "KeyId",
    "Pool",
    "Terms",
    "may_be_one_row",
]

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]

#: A concurrent duplicate waits for the first one's commit at most this long (law 7), then 409.
LOCK_TIMEOUT_MS = 2_000
#: Tries of one checkout that the database undoes for the sake of another transaction.
MAX_TRIES = 3
#: The database's time is asked for anew when it was told longer ago than this: meanwhile it is what
#: was told and what has passed since, which is never ahead of it.
TIME_KNOWN_S = 1.0


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

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        terms: Terms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._terms = terms
        self._monotonic = monotonic
        #: The database's time, and when it was told.
        self._told: tuple[datetime, float] | None = None

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
        """Write them in one statement; in a transaction of several where an order is another's."""
        try:
            async with self._pool.connection() as db:
                now = self._known() or await _time(db)
                return await self._answers(db, asks, now, WRITE_ALL)
        except psycopg.errors.DivisionByZero:
            async with self._pool.connection() as db:
                return await self._answers(db, asks, await _begun(db), WRITE)

    def _known(self) -> datetime | None:
        """Return the database's time, if it was told a moment ago."""
        if self._told is None:
            return None
        then, at = self._told
        passed_s = self._monotonic() - at
        return then + timedelta(seconds=passed_s) if passed_s < TIME_KNOWN_S else None

    async def _answers(
        self, db: AsyncConnection[Any], asks: Sequence[Ask], now: datetime, query: str
    ) -> dict[KeyId, Answer]:
        payments = [self._payment(ask, now) for ask in asks]
        bodies = [self._terms.answer(payment) for payment in payments]
        # Of the keys that were won: whether the payment was made, or its order is another's.
        won = await self._write(db, asks, payments, bodies, query)
        found: dict[KeyId, Answer] = {}
        rejected, losers = [], []
        for ask, body in zip(asks, bodies, strict=True):
            match won.get(ask.payment_id):
                case True:
                    recorded = Recorded(ask.fingerprint, 202, body)
                    found[ask.id] = Accepted(recorded, ask.payment_id, False)
                case False:
                    rejected.append(ask)
                case None:
                    losers.append(ask.id)
        if rejected:
            found |= await self._conflicts(db, rejected)
        if losers:
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

    async def _write(
        self,
        db: AsyncConnection[Any],
        asks: Sequence[Ask],
        payments: Sequence[Payment],
        bodies: Sequence[bytes],
        query: str,
    ) -> dict[UUID, bool]:
        values = values_of(asks, payments, bodies, self._terms.key_ttl, self._vault)
        teach(db)
        cursor = await db.execute(query, values, prepare=True)
        won = await cursor.fetchall()
        if won:
            self._told = won[0][2].astimezone(UTC), self._monotonic()
        return {row[0]: row[1] for row in won}

    async def _conflicts(
        self, db: AsyncConnection[Any], asks: Sequence[Ask]
    ) -> dict[KeyId, Answer]:
        """Another payment holds the order: the refusal is this key's answer from now on."""
        orders = [(a.merchant_id, a.mode.value, a.checkout.order_id or "") for a in asks]
        cursor = await db.execute(ACTIVE, [list(column) for column in zip(*orders, strict=True)])
        active = {tuple(row[:3]): row[3] for row in await cursor.fetchall()}
        found: dict[KeyId, Answer] = {}
        for ask, order in zip(asks, orders, strict=True):
            body = self._terms.conflict(ask.request_id, active.get(order), order[2])
            await db.execute(CONFLICT, (409, body, *ask.id))
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
    cursor = await db.execute(LOSERS, [list(column) for column in zip(*ids, strict=True)])
    return {
        (row[0], row[1], row[2]): (Recorded(bytes(row[3]), row[4], bytes(row[5])), row[6])
        for row in await cursor.fetchall()
    }


async def _time(db: AsyncConnection[Any]) -> datetime:
    """Return the database's time."""
    row = await (await db.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


async def _begun(db: AsyncConnection[Any]) -> datetime:
    """Begin a transaction and return the database's time, in one round trip."""
    if not db.autocommit:  # else the driver begins by itself, in a round trip of its own
        await db.set_autocommit(True)
    cursor = await db.execute("BEGIN; SELECT clock_timestamp()")
    cursor.nextset()
    row = await cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
