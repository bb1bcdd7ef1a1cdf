"""A real server and real workers for the queue's tests."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import dramatiq
import redis
from dramatiq import Broker, Worker
from dramatiq.brokers.redis import RedisBroker

from domain.commands import Command
from ops.queue.broker import make_broker, open_wakes
from ops.queue.middleware import Draining, around_actors
from ops.queue.wakes import Wakes
from tests.workers.circuit_rig import Server, client_of, until

__all__ = [
    "QueueServer",
    "a_message",
    "client_of",
    "declare",
    "redis_broker",
    "unfinished",
    "until",
    "working",
]

MANY = 1_000_000


class QueueServer(Server):
    """A server that can also be frozen: it accepts connections and never answers."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return client_of(self.port)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def wakes(self, queue_depth: int = MANY) -> Wakes:
        return open_wakes(self.url, queue_depth=queue_depth)


def redis_broker(url: str, draining: Draining | None = None) -> RedisBroker:
    broker = make_broker(url, middleware=around_actors(draining or Draining()))
    assert isinstance(broker, RedisBroker)
    return broker


def declare(broker: Broker, command: Command, run: Callable[[str], Any]) -> None:
    as_actor = dramatiq.actor(broker=broker, actor_name=command.value, queue_name=command.queue)
    as_actor(run)


@contextmanager
def working(broker: Broker, threads: int = 2) -> Generator[Worker, None, None]:
    """Run a worker of this process until the block ends."""
    worker = Worker(broker, worker_timeout=50, worker_threads=threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=10_000)


def a_message(queue: str, actor: str = "charge_payment") -> dramatiq.Message[None]:
    return dramatiq.Message(queue, actor, ("row",), {}, {})


def unfinished(server: QueueServer) -> list[object]:
    """Keys that hold messages, ids or acknowledgements still to come."""
    client = client_of(server.port, decode=True)
    return [key for key in client.keys("paylink:*") if key != "paylink:__heartbeats__"]
