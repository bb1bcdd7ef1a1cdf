"""Replays: recorded answers in Redis for a day, so that a repeated request costs no database."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from uuid import UUID

import msgspec
from redis.exceptions import RedisError

from domain.errors import DomainError
from domain.idempotency import Recorded
from ops.queue.line import Asking, Command
from ops.store.accept import Accepted, Ask, KeyId

TTL_S = 86_400
#: After a failure Redis is left alone for this long.
PAUSE_S = 1.0

_encode = msgspec.msgpack.Encoder().encode


class _Entry(msgspec.Struct, array_like=True):
    fingerprint: bytes
    status: int
    body: bytes
    payment_id: bytes


_decode = msgspec.msgpack.Decoder(_Entry).decode


class Replays:
    """The fast path of idempotency. Only what is committed is put here; PostgreSQL is the truth."""

    def __init__(self, redis: Asking) -> None:
        self._redis = redis
        self._paused_until = 0.0
        self._writing: set[asyncio.Task[None]] = set()

    async def find(self, asks: Sequence[Ask]) -> dict[int, Accepted | Exception]:
        """Return the answers that are known, by position; one round trip, and none if it fails."""
        if time.monotonic() < self._paused_until:
            return {}
        try:
            (values,) = await self._redis.ask([("MGET", *[_name(ask.id) for ask in asks])])
            if isinstance(values, RedisError):
                raise values
        except RedisError:
            self._paused_until = time.monotonic() + PAUSE_S
            return {}
        found: dict[int, Accepted | Exception] = {}
        for index, (ask, value) in enumerate(zip(asks, values, strict=True)):
            if value is not None and (answer := _answer(ask, value)) is not None:
                found[index] = answer
        return found

    def remember(self, new: Sequence[tuple[Ask, Accepted]]) -> None:
        """Put committed answers there, beside the loop; losing them costs a database read."""
        if time.monotonic() < self._paused_until:
            return
        task = asyncio.create_task(self._write(new))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, new: Sequence[tuple[Ask, Accepted]]) -> None:
        try:
            for said in await self._redis.ask([_kept(ask, answer) for ask, answer in new]):
                if isinstance(said, RedisError):
                    raise said
        except RedisError:
            self._paused_until = time.monotonic() + PAUSE_S


def _kept(ask: Ask, answer: Accepted) -> Command:
    recorded = answer.recorded
    entry = _Entry(recorded.fingerprint, recorded.status, recorded.body, answer.payment_id.bytes)
    return ("SET", _name(ask.id), _encode(entry), "EX", TTL_S)


def _answer(ask: Ask, value: bytes) -> Accepted | Exception | None:
    try:
        entry = _decode(value)
    except msgspec.MsgspecError:
        return None  # not ours, or an older layout: the database knows
    recorded = Recorded(entry.fingerprint, entry.status, entry.body)
    try:
        return Accepted(recorded.replayed_for(ask.fingerprint), UUID(bytes=entry.payment_id), True)
    except DomainError as refusal:
        return refusal


def _name(id_: KeyId) -> str:
    """Name the entry; the merchant's key may be anything, so only its digest goes to Redis."""
    merchant_id, mode, key = id_
    return f"paylink:idem:{merchant_id.hex}:{mode}:{hashlib.sha256(key.encode()).hexdigest()}"
