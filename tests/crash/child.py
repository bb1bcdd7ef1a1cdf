"""The children: a door and a worker, composed by the real composition roots."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

import dramatiq
import uvicorn
from dramatiq import Middleware, Worker
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

import ingress.main
import workers.main
from domain.backoff import Backoff, Schedule
from domain.policy import Policy
from domain.ports import Runtime
from ops.runtime import ground
from ops.settings import Settings
from ops.store.sweep import sweep
from tests.crash.bugs import BUGS
from tests.crash.failpoint import Failpoint
from tests.crash.orders import Order, Role
from tests.crash.seam_door import watched_app, watched_stores
from tests.crash.seam_queue import WatchedRuns, watched_wake
from tests.crash.seam_store import WatchedStore
from tests.crash.seam_wire import watched_find
from workers.gateways.registry import Find, builder

Report = Callable[[str], None]

#: Fractions of a second where production has seconds to days; a call still outlasts a stalled CPU.
QUICK = Policy(
    send_window_s=1.0,
    call_deadline_s=1.0,
    lease_slack_s=0.3,
    backoff=Backoff(base_s=0.1, cap_s=0.3, floor_s=0.05),
    defer_cap_s=0.2,
    resolve=Schedule((0.1, 0.2, 0.3, *(0.5,) * 10, *(1.0,) * 40)),
)
#: For setting up: nothing is looked at twice by itself, and a slow machine hurts nobody.
PATIENT = Policy(resolve=Schedule((3_600.0,)), send_window_s=8.0)
SWEEP_S = 0.3
THREADS = 2
#: An idle worker looks for messages, and for the order to stop, this often.
IDLE_MS = 100
#: Have a worker fetch nothing and announce nothing, and do so again.
REST, GO_ON = signal.SIGUSR2, signal.SIGUSR1
#: The drain limit of a worker; a run takes its deadlines at most.
DRAIN_MS = 10_000

_JOBS = ("payments", "payment_attempts", "webhook_events", "refunds", "payouts")
#: A clock in a hurry: how often a due row may be announced is politeness towards the queue, and
#: seconds in production.
_HURRY = text(
    "WITH "
    + ", ".join(
        f"{table}_ AS (UPDATE {table} SET wake_at = clock_timestamp() WHERE id IN (SELECT id FROM"
        f" {table} WHERE next_run_at <= clock_timestamp() AND wake_at > clock_timestamp()"
        " FOR UPDATE SKIP LOCKED))"
        for table in _JOBS
    )
    + " SELECT 1"
)


def be(order: Order, report: Report) -> None:
    """Be what was ordered, until SIGTERM has been obeyed."""
    os.environ.clear()
    os.environ.update(order.environ)
    random.seed()  # this process was forked
    failpoint = Failpoint(order.cell, order.command, report) if order.cell else None
    match order.role:
        case Role.DOOR:
            _door(failpoint, report)
        case Role.WORKER:
            _worker(order, failpoint, report)


def _door(failpoint: Failpoint | None, report: Report) -> None:
    app: ASGIApp
    if failpoint is None:
        app = ingress.main.app()
    else:
        watching = failpoint
        app = ingress.main.app(lambda settings, terms: watched_stores(settings, terms, watching))
        app = watched_app(app, watching)
    settings = Settings.from_env(os.environ)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=int(settings.drain_s),
    )
    server = uvicorn.Server(config)
    if failpoint is not None:
        failpoint.told = lambda: server.should_exit
    # As `python -m ingress` does: uvicorn raises the signal again once it has stopped.
    signal.signal(signal.SIGTERM, lambda *_: None)
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    report(f"ready {listening.getsockname()[1]}")
    server.run(sockets=[listening])


def _worker(order: Order, failpoint: Failpoint | None, report: Report) -> None:
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, REST, GO_ON):
        signal.signal(number, lambda number, _: told.put(number))
    bug = BUGS[order.bug] if order.bug else None
    policy = PATIENT if order.patient else QUICK

    def around(runtime: Runtime) -> Runtime:
        runtime = replace(runtime, policy=policy)
        if bug is not None:
            runtime = bug.around(runtime)
        if failpoint is None:
            return runtime
        failpoint.told = runtime.draining
        store = WatchedStore(runtime.store, failpoint)
        return replace(runtime, store=store, wake=watched_wake(runtime.wake, failpoint))

    find: Find = builder if bug is None else bug.find
    runs: list[Middleware] = []
    if failpoint is not None:
        find, runs = watched_find(find, failpoint), [WatchedRuns(failpoint)]
    workers.main.setup(around, find, runs)
    broker = dramatiq.get_broker()
    broker.emit_after("process_boot")
    queues = {command.queue for command in order.commands}
    worker = Worker(broker, queues=queues, worker_threads=THREADS, worker_timeout=IDLE_MS)
    awake = threading.Event()
    awake.set()
    worker.start()
    threading.Thread(target=_sweep, args=(awake,), name="sweep", daemon=True).start()
    report("ready")
    while (what := _told(told)) != signal.SIGTERM:
        if what == REST:
            awake.clear()
            worker.pause()
            report("rests")
        else:
            worker.resume()
            awake.set()
    worker.stop(timeout=DRAIN_MS)
    broker.close()


def _told(told: SimpleQueue[int]) -> int:
    """Return the next signal. A blocked main thread need not notice one that follows another at
    once, so it does not block for long."""
    while True:
        with suppress(Empty):
            return told.get(timeout=IDLE_MS / 1_000)


def _sweep(awake: threading.Event) -> None:
    """Do what the clock does, in a hurry."""
    pause = threading.Event()
    with ground(Settings.from_env(os.environ), "clock", 1) as base:
        while awake.wait():
            pause.wait(SWEEP_S)
            try:
                with base.engine.begin() as db:
                    db.execute(_HURRY)
                due = sweep(base.engine)
                base.wakes.wake_many([(one.command, one.row_id, one.request_id) for one in due])
            except (SQLAlchemyError, RedisError):
                continue  # the next look is soon
