"""The broker: dramatiq on Redis, set up so that each message is one wake-up and nothing more.

What a row already guarantees is switched off here. A retry is `next_run_at` on the row and not
dramatiq's Retries; a deadline lives in the provider call and not in TimeLimit or Shutdown, which
raise at any bytecode, for example between a provider's answer and its commit; an old message is
as good as a new one, so there is no AgeLimit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

from dramatiq import Broker, Middleware
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import ConnectionClosed

from domain.commands import QUEUES, Command
from ops.queue.client import WorkerClient, connect
from ops.queue.depths import NAMESPACE
from ops.queue.wakes import BrokerSender, RedisSender, Wakes

__all__ = ["PikaMissing", "Wakes", "make_broker", "open_wakes", "stub_broker"]

#: A worker process speaks to Redis several times a second, so five silent seconds mean that
#: it is dead. If it was only starved, its messages run twice and the second claim finds nothing.
HEARTBEAT_TIMEOUT_MS: Final = 5_000
#: Of a million commands, how many look for dead workers. Each process asks an idle queue on which
#: somebody waits about nine times a second, so with every sixth command a dead worker's messages
#: are back 0.7 s after its heartbeat ran out, or 3 s in one case of a hundred: 8 s after the kill.
#: Not every command, because a dead worker whose queue nobody serves costs a KEYS over the whole
#: database each time.
MAINTENANCE_CHANCE: Final = 160_000
#: An idle queue on which somebody waits is asked again after this at the latest. Of the time that a
#: lone payment takes, most is spent waiting here.
IDLE_PAUSE_MS: Final = 150
#: What the clock orders, for nobody in particular. They are asked as often as dramatiq does by
#: itself: asking them as often as the others takes a processor's time on a system in which nothing
#: happens.
UNHURRIED: Final = frozenset(
    command.queue
    for command in (
        Command.DETACH,
        Command.PROBE,
        Command.SEAL,
        Command.PUBLISH,
        Command.RECONCILE,
    )
)
#: Only messages for unknown actors end there. Their rows are awake again long before.
DEAD_MESSAGE_TTL_MS: Final = 3_600_000

#: A worker that waits loses nothing; but messages whose fetch was not answered in time come back
#: only after a heartbeat's time, so it waits longer than a sender.
WORKER_CONNECT_S: Final = 1.0
WORKER_SOCKET_S: Final = 2.0
#: A sender stands in the way of an answer to somebody: together less than a second at worst.
SENDER_CONNECT_S: Final = 0.25
SENDER_SOCKET_S: Final = 0.5


class PikaMissing(Exception):
    """An amqp:// broker needs the pika package: install `dramatiq[rabbitmq]`."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class WakefulBroker(RedisBroker):
    """Looks for messages more often than dramatiq's second where somebody waits for them."""

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue without the one beside it for delayed messages, to which we send none: a
        worker would look at each of those with a thread of its own."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        """Return the queue's consumer; `timeout` (ms) bounds its pause after an empty look."""
        consumer = super().consume(queue_name, prefetch, pause_ms(queue_name, timeout))
        return _Fetching(consumer, self)

    def begin_anew(self) -> None:
        """Go on under another name. What the old one has fetched, heard of or not, is given back
        by whoever finds its heartbeat too old; what runs meanwhile runs twice, and the second
        claim finds nothing."""
        self.broker_id = str(uuid4())


def pause_ms(queue_name: str, timeout: int) -> int:
    """Return the longest pause (ms) between two looks at an idle queue; `timeout` is dramatiq's."""
    waited_for = queue_name in QUEUES.values() and queue_name not in UNHURRIED
    return min(timeout, IDLE_PAUSE_MS) if waited_for else timeout


class _Fetching(Consumer):
    """A consumer that gives back what it never heard of.

    The server takes ids from the queue before it answers. If that answer is lost they belong to a
    worker that lives and does not know them: they would stay with it until the process ends, and
    every lost answer would add more.
    """

    def __init__(self, consumer: Consumer, broker: WakefulBroker) -> None:
        self._consumer = consumer
        self._broker = broker

    def __next__(self) -> MessageProxy | None:
        try:
            return next(self._consumer)
        except ConnectionClosed:
            self._broker.begin_anew()
            raise

    def ack(self, message: MessageProxy) -> None:
        self._consumer.ack(message)

    def nack(self, message: MessageProxy) -> None:
        self._consumer.nack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        self._consumer.requeue(messages)

    def close(self) -> None:
        self._consumer.close()


def make_broker(url: str, *, middleware: Sequence[Middleware]) -> Broker:
    """Return a broker for `redis://` or `amqp://`; it connects when it is first used.

    The middleware is all there is: none of dramatiq's defaults is added. Raises `PikaMissing`.
    """
    if _is_amqp(url):
        return _rabbitmq(url, middleware)
    # `client=`, because `url=` builds a pool with timeouts of its own, and `host=` retries ten
    # times: an enqueue whose answer is lost then puts the same message there several times.
    return WakefulBroker(  # type: ignore[no-untyped-call]
        client=connect(url, WorkerClient, connect_s=WORKER_CONNECT_S, socket_s=WORKER_SOCKET_S),
        middleware=list(middleware),
        namespace=NAMESPACE,
        maintenance_chance=MAINTENANCE_CHANCE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        dead_message_ttl=DEAD_MESSAGE_TTL_MS,
    )


def stub_broker(*, middleware: Sequence[Middleware] = ()) -> StubBroker:
    """Return a broker in memory, for tests; `Wakes(BrokerSender(broker), ...)` sends to it."""
    return StubBroker(middleware=list(middleware))


def open_wakes(url: str, *, queue_depth: int) -> Wakes:
    """Return what sends wake-ups through the broker at this URL; it connects when first used.

    No queue gets more while it has more than `queue_depth` ready messages. A sender needs no
    actors, the message names them. Raises `PikaMissing`.
    """
    if _is_amqp(url):
        return Wakes(BrokerSender(_rabbitmq(url, [])), queue_depth=queue_depth)
    client = connect(url, connect_s=SENDER_CONNECT_S, socket_s=SENDER_SOCKET_S)
    return Wakes(RedisSender(client), queue_depth=queue_depth)


def _is_amqp(url: str) -> bool:
    return url.startswith(("amqp://", "amqps://"))


def _rabbitmq(url: str, middleware: Sequence[Middleware]) -> Broker:
    try:
        from dramatiq.brokers.rabbitmq import RabbitmqBroker
    except ImportError:
        raise PikaMissing from None
    return RabbitmqBroker(url=url, middleware=list(middleware), confirm_delivery=True)
