"""The clock: one leader sends commands on time and keeps the house; a second one stands by."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.breaker import Policy as BreakerPolicy
from domain.commands import Command
from ops import breakers
from ops.leader import Leader
from ops.queue.broker import Wakes
from ops.runtime import ground
from ops.settings import BadSettings, Settings
from ops.store.gateways import read_gateways
from ops.store.ledger import unsealed
from ops.store.outbox import unpublished
from ops.store.partitions import days_ahead, make_ahead
from ops.store.retention import forget_keys
from ops.store.sweep import lag_s, parked, sweep
from ops.telemetry import exposition, logs, metrics
from workers.caller import CHARGE
from workers.telling import LEVELS

SWEEP_S = 1.0
SEAL_S = 1.0
PUBLISH_S = 1.0
SEAL_ALL_S = 600.0
MEASURE_S = 5.0
#: A gateway that went away while nobody pays is seen within this (G-11).
PROBE_S = 15.0
#: A day that is over is compared with the providers' lists within this, once each list is complete.
RECONCILE_S = 60.0
#: Months are made half a year ahead: of the many tries until then one will do.
PARTITION_S = 600.0
FORGET_S = 60.0
#: One per tick that may run at the same time.
CONNECTIONS = 5

_log = structlog.get_logger("clock")


@dataclass(frozen=True, slots=True)
class Clock:
    """What ticks, on which books and through which queue."""

    engine: Engine
    wakes: Wakes
    leader: Leader
    redis: redis.Redis
    breaker: BreakerPolicy

    def sweep(self) -> int:
        """Wake whoever is due and unattended. Returns how many messages were sent."""
        due = sweep(self.engine)
        metrics.ROWS_SWEPT.inc(len(due))
        return self.wakes.wake_many([(one.command, one.row_id, one.request_id) for one in due])

    def seal(self) -> None:
        """Ask for the newest audit entries to be sealed, if there are any."""
        if unsealed(self.engine):
            self.wakes.wake(Command.SEAL, "recent", "clock")

    def seal_all(self) -> None:
        """Ask for whatever was left unsealed, however old."""
        self.wakes.wake(Command.SEAL, "all", "clock")

    def publish(self) -> None:
        """Ask for the outbox to be drained, if there is anything in it."""
        if unpublished(self.engine):
            self.wakes.wake(Command.PUBLISH, "outbox", "clock")

    def probe(self) -> None:
        """Ask for every gateway to be probed."""
        self.wakes.wake(Command.PROBE, "gateways", "clock")

    def reconcile(self) -> None:
        """Ask for the days that are over, and for what people asked for, to be reconciled."""
        self.wakes.wake(Command.RECONCILE, "due", "clock")

    def partition(self) -> None:
        """Make the months ahead into which history will be written, and say how far they reach."""
        for name in make_ahead(self.engine):
            _log.info("partition made", partition=name)
        metrics.PARTITION_DAYS_AHEAD.set(min(days_ahead(self.engine).values()))

    def forget(self) -> None:
        """Forget the idempotency keys whose time is over."""
        metrics.KEYS_FORGOTTEN.inc(forget_keys(self.engine))

    def measure(self) -> None:
        """Put the health of the queues and of the books into the metrics."""
        metrics.measured(
            depths=self.wakes.depths(),
            lag_s=lag_s(self.engine),
            parked=parked(self.engine),
            unpublished=unpublished(self.engine),
            unsealed=unsealed(self.engine),
        )
        with self.engine.connect() as db:
            ids = [gateway.id for gateway in read_gateways(db)]
        for id_, view in breakers.read(self.redis, ids, policy=self.breaker).items():
            # Read and not only heard of: a breaker that never changed is to be seen closed.
            metrics.BREAKER_STATE.labels(id_, CHARGE).set(LEVELS[view.state])

    def led(self, tick: Callable[[], object]) -> Callable[[], None]:
        """Return `tick` as the scheduler calls it: by the leader only, and surviving its stores."""

        def run() -> None:
            if not self.leader.leads():
                return
            try:
                tick()
            except (SQLAlchemyError, RedisError) as error:
                _log.warning("tick failed", tick=tick.__name__, error=type(error).__name__)

        return run


def schedule(clock: Clock) -> BackgroundScheduler:
    """Return a scheduler with every tick on it. One that is late runs once, not once per miss."""
    scheduler = BackgroundScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30},
    )
    for tick, every_s in (
        (clock.sweep, SWEEP_S),
        (clock.seal, SEAL_S),
        (clock.publish, PUBLISH_S),
        (clock.seal_all, SEAL_ALL_S),
        (clock.probe, PROBE_S),
        (clock.reconcile, RECONCILE_S),
        (clock.measure, MEASURE_S),
        (clock.partition, PARTITION_S),
        (clock.forget, FORGET_S),
    ):
        scheduler.add_job(clock.led(tick), "interval", seconds=every_s, id=tick.__name__)
    return scheduler


def main() -> int:
    """Tick until SIGTERM."""
    try:
        settings = Settings.with_stores(os.environ)
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 2
    logs.configure("clock", settings.log_level)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # a line per tick says nothing
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ground(settings, "clock", CONNECTIONS) as base:
        leader = Leader(settings.database_url, "clock-leader")
        scheduler = schedule(Clock(base.engine, base.wakes, leader, base.redis, settings.breaker))
        exposed = exposition.serve(settings.clock_metrics_port, settings.host)
        scheduler.start()
        stop.wait()
        scheduler.shutdown()
        leader.resign()
        exposed.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
