"""Limits: requests per minute, counted for all processes in Redis, and in each one without it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import redis.asyncio
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from ingress.clients import site_of
from ops.telemetry import logs

WINDOW_S: Final = 60
#: A count that takes longer is worth less than the request it holds up.
PATIENCE_S: Final = 0.1
#: After a failure Redis is left alone for this long; then one request tries, not all of them.
PAUSE_S: Final = 1.0
#: Questions to Redis at once: its client refuses more than it has connections for.
MAX_ASKING: Final = 16
#: Names counted in memory while Redis is away; more than that is an attack, and is forgotten. The
#: library looks through all of them for what has expired, so this bounds time as well.
MAX_LOCAL: Final = 2_000
PREFIX: Final = "paylink:limits"

Storage: TypeAlias = MemoryStorage | RedisStorage


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a name may still do in this window."""

    allowed: bool
    limit: int
    remaining: int
    #: Seconds until this window ends.
    reset_s: int
    #: Seconds until one more request fits; 0 while one does.
    retry_after_s: int

    def headers(self, now_s: float) -> list[tuple[bytes, bytes]]:
        """Return the headers of an answer; the reset is a Unix time."""
        values = (self.limit, self.remaining, math.ceil(now_s) + self.reset_s)
        names = (b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
        return [(name, b"%d" % value) for name, value in zip(names, values, strict=True)]


class Limits:
    """Sliding windows of a minute."""

    def __init__(
        self,
        client: redis.asyncio.Redis | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` is shared with others and not closed here; None counts in this process only."""
        self._shared = None if client is None else _storage(client)
        self._local = MemoryStorage()
        self._monotonic = monotonic
        self._asking = asyncio.Semaphore(MAX_ASKING)
        #: 0 while Redis answers.
        self._ask_again_at = 0.0

    async def called(self, key_id: str, per_minute: int) -> Allowance:
        """Count a request of an API key."""
        return await self._hit(f"key:{key_id}", per_minute)

    async def refused(self, ip: str, per_minute: int) -> Allowance:
        """Count a refused request of an address; a site of IPv6 counts as one."""
        return await self._hit(f"ip:{site_of(ip)}", per_minute)

    async def visited(self, ip: str, per_minute: int) -> Allowance:
        """Count a payer's visit, who has no key and was not refused."""
        return await self._hit(f"visit:{site_of(ip)}", per_minute)

    async def _hit(self, name: str, per_minute: int) -> Allowance:
        if self._shared is not None and self._may_ask():
            async with self._asking:
                allowance = await self._ask(self._shared, name, per_minute)
            if allowance is not None:
                return allowance
        if len(self._local.storage) >= MAX_LOCAL:
            await self._local.reset()
        return await _count(self._local, name, per_minute)

    async def _ask(self, shared: RedisStorage, name: str, per_minute: int) -> Allowance | None:
        """Count in Redis; None: it does not answer, now or a moment ago."""
        if not self._may_ask():
            return None
        failed_before = self._ask_again_at > 0
        if failed_before:  # only one tries; the others are not held up by a Redis that hangs
            self._ask_again_at = self._monotonic() + PAUSE_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                allowance = await _count(shared, name, per_minute)
        except (RedisError, OSError, TimeoutError) as error:
            if self._ask_again_at == 0:
                logs.logger().warning("limits are counted here", reason=type(error).__name__)
            self._ask_again_at = self._monotonic() + PAUSE_S
            return None
        if failed_before:
            self._ask_again_at = 0.0
        return allowance

    def _may_ask(self) -> bool:
        return self._monotonic() >= self._ask_again_at


def _storage(client: redis.asyncio.Redis) -> RedisStorage:
    pool: Any = client.connection_pool  # the library's own type leaves pools out
    return RedisStorage(
        "async+redis://", implementation="redispy", key_prefix=PREFIX, connection_pool=pool
    )


async def _count(storage: Storage, name: str, limit: int) -> Allowance:
    item = RateLimitItemPerMinute(limit, namespace="minute")
    allowed = await SlidingWindowCounterRateLimiter(storage).hit(item, name)
    # What is left is a second question, so under a storm it may already be a little less.
    before, before_s, current, current_s = await storage.get_sliding_window(
        item.key_for(name), WINDOW_S
    )
    left_s = current_s - WINDOW_S if current_s > WINDOW_S else WINDOW_S
    weight = before * before_s / WINDOW_S
    retry_after_s = 0
    if not allowed:
        # The window before fades evenly; this one counts in full until it has ended.
        fades_s = before_s - (limit - current) * WINDOW_S / before if before else 0.0
        retry_after_s = math.floor(fades_s if current < limit else left_s) + 1
    remaining = max(0, math.floor(limit - weight - current))
    return Allowance(allowed, limit, remaining, math.ceil(left_s), retry_after_s)
