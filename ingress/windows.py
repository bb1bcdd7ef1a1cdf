"""Windows: how a sliding minute is counted in Redis, for many names and many requests at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis.asyncio
from redis.exceptions import NoScriptError

WINDOW_S: Final = 60
PREFIX: Final = "paylink:limits"

# The window before fades evenly, this one counts in full. A counter lives for two windows: while
# less than one is left of it, it is the window before. As many of the requests are counted as still
# fit, which is what asking for each of them alone would come to.
_SCRIPT: Final = """
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
"""
_SHA: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


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
    client: redis.asyncio.Redis, asked: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], Window]:
    """Count requests by name and limit in one round trip, or two if Redis forgot the script.

    Raises redis.RedisError; some may have been counted all the same.
    """
    answers = await _ask(client, asked, "EVALSHA", _SHA)
    # A script that is not known has counted nothing, so it may simply be sent.
    unknown = {
        name: times
        for (name, times), answer in zip(asked.items(), answers, strict=True)
        if isinstance(answer, NoScriptError)
    }
    found = dict(zip(asked, answers, strict=True))
    if unknown:
        found |= zip(unknown, await _ask(client, unknown, "EVAL", _SCRIPT), strict=True)
    return {name: _window(answer) for name, answer in found.items()}


async def _ask(
    client: redis.asyncio.Redis, asked: Mapping[tuple[str, int], int], command: str, script: str
) -> list[Any]:
    async with client.pipeline(transaction=False) as pipe:
        for (name, limit), times in asked.items():
            # The braces keep both counters of a name on one node of a cluster.
            keys = (f"{PREFIX}:{{{name}}}/-1", f"{PREFIX}:{{{name}}}")
            pipe.execute_command(command, script, 2, *keys, limit, WINDOW_S * 1_000, times)
        return list(await pipe.execute(raise_on_error=False))


def _window(answer: Any) -> Window:
    if isinstance(answer, Exception):
        raise answer
    taken, before, before_ms, current, current_ms = answer
    return Window(taken, before, before_ms / 1e3, current, current_ms / 1e3)
