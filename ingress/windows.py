"""Windows: how a sliding minute is counted in Redis, for many names and many requests at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ops.queue.line import Asking, Command, Script

WINDOW_S: Final = 60
PREFIX: Final = "paylink:limits"

# The window before fades evenly, this one counts in full. A counter lives for two windows: while
# less than one is left of it, it is the window before. As many of the requests are counted as still
# fit, which is what asking for each of them alone would come to.
_SCRIPT: Final = Script("""
local limit, window, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = redis.call('PTTL', KEYS[2])
if left > 0 and left < window then
  redis.call('RENAME', KEYS[2], KEYS[1])
  redis.call('SET', KEYS[2], 0, 'PX', left + window)
end
local before = tonumber(redis.call('GET', KEYS[1])) or 0
local before_left = math.max(redis.call('PTTL', KEYS[1]), 0)
local current = tonumber(redis.call('GET', KEYS[2])) or 0
local weight = math.floor(before * before_left / window) + current
local taken = math.max(math.min(asked, limit - weight), 0)
if taken > 0 then
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('INCRBY', KEYS[2], taken)
  else
    redis.call('SET', KEYS[2], taken, 'PX', window * 2)
  end
end
return {taken, before, before_left, current, math.max(redis.call('PTTL', KEYS[2]), 0)}
""")


@dataclass(frozen=True, slots=True)
class Window:
    """How a name's minute stood before the requests that were asked about."""

    #: How many of them fit, and are counted now.
    taken: int
    #: Requests of the window before, and seconds until they count no more.
    before: int
    before_s: float
    #: Requests of this window, and seconds until its counter is gone; 0: it does not exist.
    current: int
    current_s: float


async def count(
    redis: Asking, asked: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], Window]:
    """Count requests by name and limit in one round trip, or two if Redis forgot the script.

    Raises redis.RedisError; some may have been counted all the same.
    """
    # The braces keep both counters of a name on one node of a cluster.
    calls: list[Command] = [
        (
            *(2, f"{PREFIX}:{{{name}}}/-1", f"{PREFIX}:{{{name}}}"),
            *(limit, WINDOW_S * 1_000, times),
        )
        for (name, limit), times in asked.items()
    ]
    answers = await _SCRIPT.run(redis, calls)
    return {name: _window(*answer) for name, answer in zip(asked, answers, strict=True)}


def _window(taken: int, before: int, before_ms: int, current: int, current_ms: int) -> Window:
    return Window(taken, before, before_ms / 1e3, current, current_ms / 1e3)
