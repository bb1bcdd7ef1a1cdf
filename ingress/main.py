"""The door's composition root: `python -m ingress`, or uvicorn with `--factory ingress.main:app`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from starlette.applications import Starlette

from domain.errors import OrderActive
from domain.flows.cancel import cancel
from domain.ids import Kind, public
from domain.payment import Mode, Payment
from ingress import health, openapi, problems, views, webhooks
from ingress.app import build_app
from ingress.backing import SERVICE, Backing, on_stores
from ingress.guards import guards
from ingress.intake import Intake
from ingress.payments import Cancel, Payments
from ingress.replays import Replays
from ingress.waiting import Waiting
from native.verifier import BACKEND
from ops.runtime import new_id
from ops.settings import Settings
from ops.store.accept import Terms
from ops.telemetry import logs, metrics
from ops.vault import fingerprint


def app() -> Starlette:
    """Build the app from the environment; nothing is connected before it starts."""
    settings = Settings.from_env(os.environ)
    logs.configure(SERVICE, settings.log_level)
    metrics.VERIFIER.labels(BACKEND).set(1)
    terms = Terms(
        timedelta(seconds=settings.checkout_ttl_s),
        timedelta(days=settings.key_ttl_days),
        views.accepted,
        _conflict,
    )
    if settings.use_mock_db:
        from ingress.mock import in_memory

        return _app(settings, in_memory(settings, terms))
    return _app(settings, on_stores(settings, terms))


def _app(settings: Settings, backing: Backing) -> Starlette:
    waiting = Waiting(backing.redis)
    bounds = {"cap": settings.intake_batch, "depth": settings.intake_queue}
    intake = Intake(
        backing.accept,
        Replays(backing.redis),
        backing.announce,
        sizes=metrics.INTAKE_BATCH.observe,
        **bounds,
    )
    door = webhooks.Door(backing.store_webhooks, backing.announce, new_id, _heard, **bounds)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        async with backing.living():
            waiting.start()
            try:
                yield
            finally:
                await intake.drain()
                await door.drain()
                await waiting.stop()

    card_key = fingerprint(settings.secrets.pepper, "card", "").encode()
    payments = Payments(intake, backing.reads, waiting, _cancel(backing), new_id, card_key)
    return build_app(
        versioned=[*payments.routes(), *webhooks.routes(door, backing.accounts, _heard)],
        public=[*health.routes(backing.reads.ping, backing.redis.ping), *openapi.routes()],
        guards=guards(settings, backing.reads.key, backing.redis),
        lifespan=living,
    )


def _conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    named = f" ({public(Kind.PAYMENT, active)})" if active else ""
    refusal = OrderActive(
        f"another payment with order_id {order_id} is active{named}",
        fix="wait for it to end, cancel it, or use another order_id",
    )
    return problems.recorded(refusal, "POST /v1/checkout", request_id)[1]


def _cancel(backing: Backing) -> Cancel:
    async def cancelled(id_: UUID, merchant_id: UUID, mode: Mode, actor_id: str) -> Payment:
        return await asyncio.to_thread(
            cancel, id_, merchant_id, mode, actor_id, backing.books, backing.wake
        )

    return cancelled


def _heard(sender: str, result: str) -> None:
    metrics.WEBHOOKS_RECEIVED.labels(sender, result).inc()
