"""What the dramatiq command runs in a test: one actor that ends when its process is told to."""

from __future__ import annotations

import os
import threading

import dramatiq
import redis

from domain.commands import Command
from ops.queue.broker import make_broker
from ops.queue.middleware import Draining, around_actors
from ops.telemetry import exposition, logs
from tests.ops.queue_rig import declare

LIMIT_S = 60.0


def setup() -> None:
    """Compose a worker process."""
    logs.configure("worker")
    url, draining, tick = os.environ["REDIS_URL"], Draining(), threading.Event()
    broker = make_broker(url, middleware=around_actors(draining, serve))
    client = redis.Redis.from_url(url)

    def screen(_row_id: str) -> None:
        client.rpush("pids", os.getpid())

    def charge(row_id: str) -> None:
        client.set(f"started:{row_id}", os.getpid())
        for _ in range(int(LIMIT_S / 0.05)):
            if draining.draining():
                client.set(f"finished:{row_id}", 1)
                return
            tick.wait(0.05)

    declare(broker, Command.SCREEN, screen)
    declare(broker, Command.CHARGE, charge)
    dramatiq.set_broker(broker)


def serve() -> int:
    """Serve the metrics of all processes."""
    return exposition.serve_until_killed(int(os.environ["METRICS_PORT"]), "127.0.0.1")
