"""Wake-ups: telling workers that a row is due. Sending may fail; the sweep sends again."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID, uuid4

import msgspec
import redis
from dramatiq import Broker, Message
from dramatiq.errors import BrokerError

from domain.commands import Command
from ops.queue.depths import Depth, depths, list_key, messages_key
from ops.queue.line import Asking, Script
from ops.queue.line import Command as Said
from ops.telemetry import logs, metrics

#: Command, id of the row, id of the request that asked for it (empty: nobody did).
Wake: TypeAlias = tuple[Command, UUID | str, str]
Queues: TypeAlias = Mapping[str, Sequence[Message[Any]]]

#: After a failure, and while a queue is full, nothing is tried for this long: an outage then costs
#: each process one timeout per second and not one per payment.
PAUSE_S: Final = 1.0
#: Messages per round trip: about 150 KiB, and by how much a full queue may be exceeded.
CHUNK: Final = 500

_log = logs.logger()
_json = msgspec.json.Encoder().encode


class Sender(Protocol):
    """Puts messages on their queues."""

    def send(self, queues: Queues) -> Mapping[str, int]:
        """Send once; return how many are ready on each queue, where the broker tells.

        Raises redis.RedisError or dramatiq.errors.BrokerError; all may have arrived all the same.
        """

    def depths(self) -> dict[str, Depth]:
        """Return every queue's depth, where the broker tells. Raises as `send` does."""


class Wakes:
    """Sends wake-ups. Never raises for a broker that is away, slow or full; safe for threads."""

    def __init__(
        self, sender: Sender, *, queue_depth: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """No queue gets more while it has more than `queue_depth` ready messages."""
        self._sender = sender
        self._queue_depth = queue_depth
        self._clock = clock
        self._away_until = float("-inf")
        self._full_until: dict[str, float] = {}

    def wake(self, command: Command, row_id: UUID | str, request_id: str) -> None:
        """Ask for one run. Blocks for the sender's timeouts at most: call it from a thread."""
        self.wake_many([(command, row_id, request_id)])

    def wake_many(self, wakes: Iterable[Wake]) -> int:
        """Ask for many runs, up to `CHUNK` in one round trip; return how many were sent."""
        rest, sent = iter(wakes), 0
        while chunk := list(islice(rest, CHUNK)):
            sent += self._send(chunk)
        return sent

    def depths(self) -> dict[str, Depth]:
        """Return every queue's depth; empty when the broker is away or does not tell."""
        if self._clock() < self._away_until:
            return {}
        try:
            return self._sender.depths()
        except (redis.RedisError, BrokerError) as error:
            self._rest("queue depths unknown", error)
            return {}

    def _send(self, chunk: Sequence[Wake]) -> int:
        queues = self.allowed(chunk)
        if not queues:
            return 0
        try:
            ready = self._sender.send(queues)
        except (redis.RedisError, BrokerError) as error:
            return self.failed(queues, error)
        return self.done(queues, ready)

    def allowed(self, chunk: Sequence[Wake]) -> Queues:
        """Return the messages that may be sent now, by their queues."""
        now = self._clock()
        queues: dict[str, list[Message[Any]]] = defaultdict(list)
        for command, row_id, request_id in chunk:
            if now < self._away_until:
                metrics.WAKES.labels(command.queue, "away").inc()
            elif now < self._full_until.get(command.queue, now):
                metrics.WAKES.labels(command.queue, "full").inc()
            else:
                queues[command.queue].append(_message(command, str(row_id), request_id))
        return queues

    def failed(self, queues: Queues, error: Exception) -> int:
        """Count what was not sent, and send nothing for a while."""
        count = _count(queues, "failed")
        self._rest("wake-ups not sent, the sweep will", error, count=count)
        return 0

    def done(self, queues: Queues, ready: Mapping[str, int]) -> int:
        """Count what was sent; `ready` is how many are ready on each queue now."""
        self._pause_full(ready)
        return _count(queues, "sent")

    def _rest(self, event: str, error: Exception, **fields: int) -> None:
        self._away_until = self._clock() + PAUSE_S
        _log.warning(event, error=str(error), **fields)

    def _pause_full(self, ready: Mapping[str, int]) -> None:
        for queue, depth in ready.items():
            if depth > self._queue_depth:
                self._full_until[queue] = self._clock() + PAUSE_S
                _log.warning("queue is full, wake-ups pause", queue=queue, ready=depth)


class LoopWakes:
    """Sends wake-ups from an event loop, which must not wait for a socket."""

    def __init__(self, wakes: Wakes, asked: Asking) -> None:
        """`wakes` counts them, and knows when nothing may be sent."""
        self._wakes = wakes
        self._asked = asked

    async def __call__(self, wakes: Sequence[Wake]) -> int:
        """Ask for many runs, as `Wakes.wake_many` does."""
        rest, sent = iter(wakes), 0
        while chunk := list(islice(rest, CHUNK)):
            if queues := self._wakes.allowed(chunk):
                try:
                    ready = await _asked_for(self._asked, queues)
                except redis.RedisError as error:
                    self._wakes.failed(queues, error)
                else:
                    sent += self._wakes.done(queues, ready)
        return sent


# Messages and ids go in together, as in `RedisSender`: each message after its name.
_ENQUEUE: Final = Script("""
redis.call('HSET', KEYS[1], unpack(ARGV))
local ids = {}
for at = 1, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
return redis.call('RPUSH', KEYS[2], unpack(ids))
""")


async def _asked_for(asked: Asking, queues: Queues) -> dict[str, int]:
    """Send as `RedisSender` does; return how many are ready on each queue."""
    calls: list[Said] = []
    for queue, messages in queues.items():
        named: list[str | bytes] = []
        for message in messages:
            named += (message.message_id, _encoded(message))
        calls.append((2, messages_key(queue), list_key(queue), *named))
    return dict(zip(queues, await _ENQUEUE.run(asked, calls), strict=True))


class RedisSender:
    """Writes messages as dramatiq's own script does, but many in one round trip.

    Messages and ids go in together, so no worker meets an id without its message. The sender does
    not enter the list of heartbeats: it holds nothing that could be taken from it.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def send(self, queues: Queues) -> Mapping[str, int]:
        """See `Sender`."""
        pipeline = self._client.pipeline(transaction=True)
        for queue, messages in queues.items():
            bodies: dict[Any, Any] = {message.message_id: _encoded(message) for message in messages}
            pipeline.hset(messages_key(queue), mapping=bodies)
            pipeline.rpush(list_key(queue), *bodies)
        return dict(zip(queues, pipeline.execute()[1::2], strict=True))

    def depths(self) -> dict[str, Depth]:
        """See `Sender`."""
        return depths(self._client)


class BrokerSender:
    """Sends one by one through a broker: RabbitMQ, or the stub in tests. Tells no depths."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def send(self, queues: Queues) -> Mapping[str, int]:
        """See `Sender`."""
        for queue, messages in queues.items():
            self._broker.declare_queue(queue)
            for message in messages:
                self._broker.enqueue(message)
        return {}

    def depths(self) -> dict[str, Depth]:
        """See `Sender`."""
        return {}


def _encoded(message: Message[Any]) -> bytes:
    """Return what dramatiq's own encoder would, for whoever reads it: JSON."""
    return _json(message.asdict())


def _message(command: Command, row_id: str, request_id: str) -> Message[Any]:
    id_ = str(uuid4())
    options = {"redis_message_id": id_}  # how dramatiq's Redis broker finds it again
    if request_id:
        options["request_id"] = request_id
    return Message(command.queue, command.value, (row_id,), {}, options, id_)


def _count(queues: Queues, result: str) -> int:
    for queue, messages in queues.items():
        metrics.WAKES.labels(queue, result).inc(len(messages))
    return sum(map(len, queues.values()))
