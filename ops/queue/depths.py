"""How full the queues are, read from dramatiq's keys in Redis.

For a namespace `paylink` and a queue `charging` dramatiq 2 keeps:

    paylink:charging                        list        ids of ready messages, the next one first
    paylink:charging.msgs                   hash        id -> message, until it is acknowledged
    paylink:__acks__.<worker>.charging      set         ids that a worker has fetched
    paylink:__heartbeats__                  sorted set  workers by when they were last heard of
    paylink:charging.XQ, .XQ.msgs           sorted set, hash: rejected messages

A fetched message stays in the hash, so what is in the hash and not in the list is in progress.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis
from dramatiq import Message

from domain.commands import QUEUES

#: Keeps our keys apart from everything else in the same Redis.
NAMESPACE: Final = "paylink"


@dataclass(frozen=True, slots=True)
class Depth:
    """One queue at one moment."""

    #: Messages that no worker has fetched.
    ready: int
    #: Messages that a worker has fetched, running or waiting in its memory.
    in_progress: int
    #: Seconds since the next ready message was sent; 0 without one.
    oldest_age_s: float


def list_key(queue: str) -> str:
    """Return the key of the ready ids."""
    return f"{NAMESPACE}:{queue}"


def messages_key(queue: str) -> str:
    """Return the key of the messages by id."""
    return f"{NAMESPACE}:{queue}.msgs"


def depths(client: redis.Redis, queues: Iterable[str] = QUEUES.values()) -> dict[str, Depth]:
    """Return the depth of each queue, in two round trips. Raises redis.RedisError."""
    names = list(queues)
    counting = client.pipeline(transaction=True)  # at one moment, or a difference may be negative
    counting.time()
    for name in names:
        counting.llen(list_key(name))
        counting.hlen(messages_key(name))
        counting.lindex(list_key(name), 0)
    (seconds, micros), *counts = counting.execute()
    now_s = seconds + micros / 1_000_000
    heads = client.pipeline(transaction=False)
    for name, head in zip(names, counts[2::3], strict=True):
        heads.hget(messages_key(name), head or "")
    return {
        name: Depth(ready, max(0, kept - ready), _age_s(message, now_s))
        for name, ready, kept, message in zip(
            names, counts[::3], counts[1::3], heads.execute(), strict=True
        )
    }


def _age_s(message: bytes | None, now_s: float) -> float:
    if message is None:  # nothing is ready, or it was fetched between the two trips
        return 0.0
    sent_ms = Message.decode(message).message_timestamp
    return max(0.0, now_s - sent_ms / 1_000)
