"""Waiting: readers of a payment are woken when it moves, and look by themselves when Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import redis.asyncio
from redis.exceptions import RedisError

from ops.channels import MOVED

T = TypeVar("T")

#: Without a word from Redis a waiting reader looks again after this.
POLL_S = 0.5
#: After a lost subscription, before the next try.
RETRY_S = 1.0


class Waiting:
    """One subscription per process; every waiting reader has an event of its own."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._readers: dict[UUID, set[asyncio.Event]] = {}
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening, and let every waiting reader answer with what is true now."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        for events in self._readers.values():
            for event in events:
                event.set()

    async def until(
        self,
        id_: UUID,
        wait_s: float,
        read: Callable[[], Awaitable[T]],
        enough: Callable[[T], bool],
    ) -> T:
        """Read until `enough` or until `wait_s` is over; returns what was read last."""
        deadline = time.monotonic() + wait_s
        moved = asyncio.Event()
        self._readers.setdefault(id_, set()).add(moved)
        try:
            while True:
                seen = await read()
                left = deadline - time.monotonic()
                if left <= 0 or enough(seen) or self._stopped:
                    return seen
                try:
                    async with asyncio.timeout(min(left, POLL_S)):
                        await moved.wait()
                except TimeoutError:
                    continue  # nobody called: look again
                moved.clear()
        finally:
            readers = self._readers[id_]
            readers.discard(moved)
            if not readers:
                del self._readers[id_]

    @property
    def _stopped(self) -> bool:
        return self._listening is None or self._listening.done()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(MOVED)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._wake(message["data"])
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_S)

    def _wake(self, data: bytes) -> None:
        try:
            id_ = UUID(hex=data.decode())
        except ValueError:
            return
        for event in self._readers.get(id_, ()):
            event.set()
