"""Limits: requests per minute, counted for all processes in Redis, and in each one without it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from domain.errors import Overloaded
from ingress.batcher import Batcher
from ingress.clients import site_of
from ingress.windows import WINDOW_S, Window, count
from ops.queue.line import Asking
from ops.telemetry import logs

#: After a failure Redis is left alone for this long; then one request tries, not all of them.
PAUSE_S: Final = 1.0
#: Requests that share a question to Redis.
MAX_ASKING: Final = 256
#: Requests that may wait for their turn to be counted; more are counted here.
MAX_WAITING: Final = 10_000
#: Names counted in memory while Redis is away; more than that is an attack, and is forgotten. The
#: library looks through all of them for what has expired, so this bounds time as well.
MAX_LOCAL: Final = 2_000

#: A name, how many requests a minute it has, and whether this one tries if Redis is back.
Hit: TypeAlias = tuple[str, int, bool]


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
    """Sliding windows of a minute. Requests that are there together are counted together."""

    def __init__(
        self,
        client: Asking | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` is shared with others and not closed here; None counts in this process only."""
        self._client = client
        self._local = MemoryStorage()
        self._monotonic = monotonic
        self._asking: Batcher[Hit, Allowance | None] = Batcher(
            self._ask, cap=MAX_ASKING, depth=MAX_WAITING
        )
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
        if self._client is not None and self._may_ask():
            trying = self._ask_again_at > 0
            if trying:  # only one does; the others are not held up by a Redis that hangs
                self._pause()
            try:
                allowance = await self._asking.submit((name, per_minute, trying))
            except Overloaded:
                allowance = None
            if allowance is not None:
                return allowance
        if len(self._local.storage) >= MAX_LOCAL:
            await self._local.reset()
        return await _counted_here(self._local, name, per_minute)

    async def _ask(self, hits: Sequence[Hit]) -> Sequence[Allowance | None]:
        """Count in Redis; None for each: it does not answer, now or a moment ago."""
        assert self._client is not None, "who has no client does not ask"
        nothing: list[Allowance | None] = [None] * len(hits)
        if not (self._may_ask() or any(trying for _, _, trying in hits)):
            return nothing  # it fell silent while these waited for their turn
        asked = Counter((name, per_minute) for name, per_minute, _ in hits)
        try:
            windows = await count(self._client, asked)
        except RedisError as error:
            if self._ask_again_at == 0:
                logs.logger().warning("limits are counted here", reason=type(error).__name__)
            self._pause()
            return nothing
        self._ask_again_at = 0.0
        turns = {hit: iter(range(times)) for hit, times in asked.items()}
        return [
            _in_turn(windows[name, limit], limit, next(turns[name, limit]))
            for name, limit, _ in hits
        ]

    def _may_ask(self) -> bool:
        return self._monotonic() >= self._ask_again_at

    def _pause(self) -> None:
        self._ask_again_at = self._monotonic() + PAUSE_S


def _in_turn(window: Window, limit: int, turn: int) -> Allowance:
    """Return what the request at this place among those that came together is told."""
    allowed = turn < window.taken
    current = window.current + min(turn + 1, window.taken)
    return _allowance(limit, allowed, window.before, window.before_s, current, window.current_s)


async def _counted_here(storage: MemoryStorage, name: str, limit: int) -> Allowance:
    item = RateLimitItemPerMinute(limit, namespace="minute")
    allowed = await SlidingWindowCounterRateLimiter(storage).hit(item, name)
    window = await storage.get_sliding_window(item.key_for(name), WINDOW_S)
    return _allowance(limit, allowed, *window)


def _allowance(
    limit: int, allowed: bool, before: int, before_s: float, current: int, current_s: float
) -> Allowance:
    left_s = current_s - WINDOW_S if current_s > WINDOW_S else WINDOW_S
    weight = before * before_s / WINDOW_S
    retry_after_s = 0
    if not allowed:
        # The window before fades evenly; this one counts in full until it has ended.
        fades_s = before_s - (limit - current) * WINDOW_S / before if before else 0.0
        retry_after_s = math.floor(fades_s if current < limit else left_s) + 1
    remaining = max(0, math.floor(limit - weight - current))
    return Allowance(allowed, limit, remaining, math.ceil(left_s), retry_after_s)
