"""The worker's composition root: `dramatiq workers.main:setup` calls it in each worker process."""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import dramatiq
import structlog
from dramatiq import Broker, Middleware, Worker

from domain.ports import Runtime
from ops.presence import Presence
from ops.queue.broker import make_broker
from ops.queue.middleware import Draining, around_actors
from ops.runtime import Ground, ground, new_id
from ops.settings import Settings
from ops.store.gateways import Account, read_accounts
from ops.store.jobs import gateway_of
from ops.store.ledger import seal
from ops.store.outbox import publish
from ops.store.postgres import PostgresStore
from ops.telemetry import exposition, logs, metrics
from ops.vault import fingerprint
from workers.actors import declare
from workers.bulkhead import Bulkhead, InPlaces, of_known_money, of_new_money
from workers.caller import Caller
from workers.certificates import Certificates
from workers.circuit import RedisCircuit
from workers.gateways.registry import FRESH_S, Find, Registry, builder
from workers.probing import probe_gateways
from workers.reconciling import reconciler
from workers.telling import call_readers, consume, tell_breaker
from workers.velocity import RedisVelocity

SERVICE = "worker"

_log = structlog.get_logger("worker")


def setup(
    around: Callable[[Runtime], Runtime] = lambda runtime: runtime,
    find: Find = builder,
    middleware: Sequence[Middleware] = (),
) -> None:
    """Open the ground, put the gateways on it, and declare the actors on dramatiq's broker.

    The arguments are seams for tests: what stands around the runtime, the adapters and each run.
    """
    settings = Settings.from_env(os.environ)
    logs.configure(SERVICE, settings.log_level)
    closing = ExitStack()
    base = closing.enter_context(ground(settings, SERVICE, settings.worker_threads + 2))
    presence = Presence(settings.database_url, SERVICE)
    closing.callback(presence.close)
    draining = Draining()
    surrounding = [*around_actors(draining, serve_metrics), *middleware, Closing(closing)]
    broker = make_broker(settings.redis_url, middleware=surrounding)
    dramatiq.set_broker(broker)
    runtime = around(_runtime(base, presence, draining, closing, find))
    declare(
        broker,
        runtime,
        seal=lambda everything: seal(base.engine, settings.secrets.audit, everything=everything),
        publish=lambda: publish(base.engine, consume),
        probe=lambda: probe_gateways(base.engine, runtime.gateways),
        prove=Certificates(base.engine, lambda: _accounts(base)),
        placed=InPlaces(of_known_money(settings.worker_threads), partial(gateway_of, base.engine)),
        reconcile=reconciler(base.engine, runtime),
    )
    # What was imported lives as long as the process: to look at it again takes 60 ms, in which every
    # thread stands still.
    gc.freeze()


class Closing(Middleware):
    """Closes what `setup` opened, once the last run of this process has ended."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        self._closing.close()


def serve_metrics() -> int:
    """Serve the metrics of all worker processes; dramatiq runs this in a process of its own."""
    settings = Settings.from_env(os.environ)
    return exposition.serve_until_killed(settings.worker_metrics_port, settings.host)


def _runtime(
    base: Ground, presence: Presence, draining: Draining, closing: ExitStack, find: Find
) -> Runtime:
    settings = base.settings
    store = PostgresStore(
        base.engine, base.vault, new_id, call_readers(base.redis), fresh_s=FRESH_S
    )
    registry = Registry(lambda: _accounts(base), alarm=_alarm, find=find)
    closing.callback(registry.close)
    shared = RedisCircuit(base.redis, settings.breaker, on_change=tell_breaker(store))
    circuit = Bulkhead(shared, of_new_money(settings.worker_threads))
    velocity = RedisVelocity(
        base.redis,
        fingerprint(settings.secrets.pepper, "velocity", "").encode(),
        settings.velocity_budget_s,
        degraded=lambda reason: metrics.FRAUD_DEGRADED.inc(),
    )
    closing.callback(velocity.close)
    return Runtime(
        store=store,
        gateways=Caller(registry, circuit, hold_s=settings.policy.lease_s),
        velocity=velocity,
        policy=settings.policy,
        owner=presence.owner,
        new_id=new_id,
        monotonic=time.monotonic,
        draw=random.SystemRandom().random,
        wake=base.wakes.wake,
        draining=draining.draining,
    )


def _accounts(base: Ground) -> Sequence[Account]:
    with base.engine.connect() as db:
        return read_accounts(db, base.vault)


def _alarm(what: str, reference: str) -> None:
    _log.error("alarm", what=what, reference=reference)
