"""The floor: real dramatiq workers on a Redis behind a proxy, and a clock that only a test moves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from dramatiq import Broker, Middleware, Worker
from dramatiq.broker import MessageProxy

from domain.commands import Command
from ops.harness.proxy.relay import Relay
from ops.queue.broker import WakefulBroker, make_broker, open_wakes
from ops.queue.middleware import Draining, around_actors
from ops.store.sweep import sweep
from tests.faults.shop import Shop
from tests.ops.queue_rig import QueueServer
from tests.store.conftest import Books
from tests.workers.circuit_rig import until
from workers.actors import declare

#: Queues that a payment crosses.
QUEUES = {"screening", "charging", "resolving"}
#: A worker that is only starved does not lose its messages to itself in this time (ms).
HEARTBEAT_MS = 60_000
#: Between two ticks of the clock, where a test waits for more than one.
TICK_S = 0.2
#: Where a test waits for what a worker has lost.
SHORT_HEARTBEAT_MS = 400


class Runs(Middleware):
    """Counts the runs of each actor."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self.counts[message.actor_name] += 1


class Floor:
    """Workers, what they work on, and what wakes them."""

    def __init__(self, books: Books, server: QueueServer, relay: Relay) -> None:
        self.books = books
        self.server = server
        self.relay = relay
        self.runs = Runs()
        self.open_wakes()
        self.shop = Shop(books, books.url, self._wake)
        middleware = [*around_actors(Draining()), self.runs]
        broker = make_broker(relay.url, middleware=middleware)
        assert isinstance(broker, WakefulBroker)
        broker.heartbeat_timeout = HEARTBEAT_MS
        self.broker = broker
        declare(broker, self.shop.runtime, lambda everything: 0, lambda: 0, lambda: 0)

    def open_wakes(self) -> None:
        """Send wake-ups from now on with the time limits that are now in force."""
        self.wakes = open_wakes(self.relay.url, queue_depth=1_000)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Have two threads work until the block ends."""
        worker = Worker(self.broker, queues=QUEUES, worker_timeout=50, worker_threads=2)
        worker.start()
        try:
            yield
        finally:
            worker.stop(timeout=10_000)

    def wake(self, payment_id: UUID, command: Command = Command.SCREEN) -> None:
        """Send a wake-up, as the door does."""
        self.wakes.wake(command, payment_id, "req")

    def tick(self) -> None:
        """Let time pass, and sweep as the clock does every second."""
        for table in ("payments", "payment_attempts"):
            self.books.sql(
                f"UPDATE {table} SET wake_at = clock_timestamp(), next_run_at = clock_timestamp()"
                " WHERE next_run_at IS NOT NULL"
            )
        due = sweep(self.books.engine)
        self.wakes.wake_many([(one.command, one.row_id, one.request_id) for one in due])

    def is_paid(self, payment_id: UUID) -> bool:
        """Whether the payment has come to its end."""
        return bool(self.shop.payment(payment_id)["status"] == "captured")

    def swept(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, and let the clock tick meanwhile."""
        ticked_at = float("-inf")

        def looked() -> bool:
            nonlocal ticked_at
            if time.monotonic() - ticked_at >= TICK_S:
                self.tick()
                ticked_at = time.monotonic()
            return condition()

        until(looked, what)

    def _wake(self, command: Command, row_id: UUID, request_id: str) -> None:
        self.wakes.wake(command, row_id, request_id)

    def kept(self) -> list[Any]:
        """Return the keys that hold messages, ids or acknowledgements still to come."""
        client = self.server.client
        return [key for key in client.keys("paylink:*") if key != b"paylink:__heartbeats__"]
