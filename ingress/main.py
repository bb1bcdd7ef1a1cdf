"""The door's composition root: `python -m ingress`, or uvicorn with `--factory ingress.main:app`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import redis.asyncio
from psycopg_pool import AsyncConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette

from domain.commands import Command
from domain.errors import OrderActive
from domain.flows.cancel import cancel
from domain.ids import Kind, public
from domain.payment import Mode, Payment
from ingress import health, openapi, payments, problems, views, webhooks
from ingress.accounts import Accounts
from ingress.app import build_app
from ingress.guards import guards
from ingress.intake import Intake
from ingress.replays import Replays
from ingress.waiting import Waiting
from ops.runtime import REDIS_CONNECT_S, REDIS_SOCKET_S, Ground, ground, new_id
from ops.settings import Settings
from ops.store.accept import LOCK_TIMEOUT_MS, Acceptance, Pool, Terms
from ops.store.engine import session_options
from ops.store.inbox import Inbox
from ops.store.postgres import PostgresStore
from ops.store.reads import Reads
from ops.telemetry import logs, metrics
from ops.vault import fingerprint

SERVICE = "ingress"
#: A request that cannot get a connection in this time is answered with 503.
POOL_TIMEOUT_S = 2.0
#: Connections for the few blocking jobs beside the loop: cancelling, reading gateways.
BLOCKING_CONNECTIONS = 4


def app() -> Starlette:
    """Build the app from the environment; nothing is connected before it starts."""
    settings = Settings.from_env(os.environ)
    logs.configure(SERVICE, settings.log_level)
    return _app(settings)


def _app(settings: Settings) -> Starlette:
    open_ground = ground(settings, SERVICE, BLOCKING_CONNECTIONS)
    base = open_ground.__enter__()
    pool = _pool(settings)
    client = _redis(settings)
    reads, waiting = Reads(pool, base.vault), Waiting(client)
    accounts = Accounts(base)
    intake = Intake(
        Acceptance(pool, base.vault, _terms(settings)),
        Replays(client),
        base.wakes.wake_many,
        cap=settings.intake_batch,
        depth=settings.intake_queue,
        sizes=metrics.INTAKE_BATCH.observe,
    )
    door = webhooks.Door(
        Inbox(pool, base.vault),
        base.wakes.wake_many,
        new_id,
        _heard,
        cap=settings.intake_batch,
        depth=settings.intake_queue,
    )

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        await pool.open(wait=False)
        waiting.start()
        try:
            yield
        finally:
            await intake.drain()
            await door.drain()
            await waiting.stop()
            await pool.close()
            await client.aclose()
            open_ground.__exit__(None, None, None)

    fingerprint_key = fingerprint(settings.secrets.pepper, "card", "").encode()
    versioned = [
        *payments.routes(intake, reads, waiting, _cancel(base), new_id, fingerprint_key),
        *webhooks.routes(door, accounts, _heard),
    ]
    public_routes = [*health.routes(reads.ping, client.ping), *openapi.routes()]
    return build_app(versioned, public_routes, guards(settings, reads.key, client), living)


def _terms(settings: Settings) -> Terms:
    return Terms(
        timedelta(seconds=settings.checkout_ttl_s),
        timedelta(days=settings.key_ttl_days),
        views.accepted,
        _conflict,
    )


def _conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    named = f" ({public(Kind.PAYMENT, active)})" if active else ""
    refusal = OrderActive(
        f"another payment with order_id {order_id} is active{named}",
        fix="wait for it to end, cancel it, or use another order_id",
    )
    return problems.recorded(refusal, "POST /v1/checkout", request_id)[1]


def _cancel(base: Ground) -> payments.Cancel:
    store = PostgresStore(base.engine, base.vault, new_id)

    async def cancelled(id_: UUID, merchant_id: UUID, mode: Mode, actor_id: str) -> Payment:
        wake: Callable[[Command, UUID, str], None] = base.wakes.wake
        return await asyncio.to_thread(cancel, id_, merchant_id, mode, actor_id, store, wake)

    return cancelled


def _heard(sender: str, result: str) -> None:
    metrics.WEBHOOKS_RECEIVED.labels(sender, result).inc()


def _pool(settings: Settings) -> Pool:
    options = f"{session_options(SERVICE)} -c lock_timeout={LOCK_TIMEOUT_MS}"
    return AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=settings.db_pool_size,
        timeout=POOL_TIMEOUT_S,
        kwargs={"options": options, "connect_timeout": 5},
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


def _redis(settings: Settings) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=REDIS_CONNECT_S,
        socket_timeout=REDIS_SOCKET_S,
        retry=Retry(NoBackoff(), 0),
    )
