"""The door's composition root: `python -m ingress`, or uvicorn with `--factory ingress.main:app`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from starlette.applications import Starlette

from domain.errors import OrderActive
from domain.flows.withdraw import Counter
from domain.ids import Kind, public
from ingress import deposits, health, openapi, problems, reading, withdrawals
from ingress.acting import Acting, Ground
from ingress.app import build_app
from ingress.backing import SERVICE, Backing, on_stores
from ingress.backlog import Backlog
from ingress.beside import Beside
from ingress.callbacks import Callbacks
from ingress.checkout import Checkouts
from ingress.customers import Customers
from ingress.deposits import Deposits
from ingress.forcing import Forcing
from ingress.guards import guards
from ingress.hop import Hop
from ingress.hop_links import HopLinks
from ingress.intake import Intake
from ingress.knocks import Door
from ingress.limits import Limits
from ingress.merchant import Merchant
from ingress.payment_methods import PaymentMethods
from ingress.payment_operations import PaymentOperations
from ingress.payment_options import PaymentOptions
from ingress.payments import Payments
from ingress.providers import Providers, Watch
from ingress.replays import Replays
from ingress.reviews import Reviews
from ingress.showing import Showing
from ingress.waiting import Waiting
from ingress.webhooks import Webhooks
from ingress.withdrawals import Withdrawals
from native.verifier import BACKEND
from ops.runtime import new_id
from ops.settings import Settings
from ops.store.accept import Terms
from ops.telemetry import logs, metrics
from ops.vault import fingerprint


def app(on: Callable[[Settings, Terms], Backing] = on_stores) -> Starlette:
    """Build the app from the environment, `on` its stores; nothing is connected before it starts."""
    settings = Settings.from_env(os.environ)
    logs.configure(SERVICE, settings.log_level)
    metrics.VERIFIER.labels(BACKEND).set(1)
    links = _links(settings)
    terms = Terms(
        timedelta(seconds=settings.checkout_ttl_s),
        timedelta(days=settings.key_ttl_days),
        partial(deposits.accepted, checkout_url=links.url),
        _conflict,
    )
    if settings.use_mock_db:
        from ingress.mock import in_memory

        return _app(settings, in_memory(settings, terms), links)
    return _app(settings, on(settings, terms), links)


def _app(settings: Settings, backing: Backing, links: HopLinks) -> Starlette:
    waiting = Waiting(backing.redis)
    bounds = {"cap": settings.intake_batch, "depth": settings.intake_queue}
    intake = Intake(
        backing.accept,
        Replays(backing.line),
        backing.announce,
        sizes=metrics.INTAKE_BATCH.observe,
        **bounds,
    )
    door = Door(backing.store_webhooks, backing.announce, new_id, _heard, **bounds)

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
    url = links.url
    window = timedelta(seconds=settings.policy.refund_window_s)
    show = Showing(backing.reads, url, window)
    backlog = Backlog(backing.backlog, settings.max_backlog)
    checkouts = Checkouts(intake, backing.directory, backing.people, backing.books, new_id, backlog)
    payments = Payments(checkouts, backing.reads, waiting, show, new_id, card_key)
    acting = _acting(backing, waiting, show, backlog)
    methods = PaymentMethods(backing.people, card_key)
    watch = Watch(backing.oversight)
    webhooks = Webhooks(door, backing.accounts)
    transfers = (
        Deposits(checkouts, backing.reads, waiting, url, new_id, card_key),
        _withdrawals(settings, backing, waiting, backlog),
        Callbacks(door, backing.accounts),
    )
    return build_app(
        versioned=[
            *payments.routes(),  # routes are tried in this order: what is asked most comes first
            *webhooks.routes(),
            *reading.routes(backing, waiting, payments.read, show),
            *PaymentOperations(acting).routes(),
            *Forcing(backing.books, show, Beside()).routes(),
            *Reviews(backing.cases, acting).routes(),
            *Hop(links, backing.books, waiting, Limits(backing.line)).routes(),
            *(route for noun in transfers for route in noun.routes()),
            *Customers(backing.people).routes(),
            *methods.routes(),
            *Merchant(backing.people).routes(),
            *Providers(watch).routes(),
            *PaymentOptions(backing.directory, watch).routes(),
        ],
        public=[
            *health.routes(backing.reads.ping, backing.redis.ping),
            *openapi.routes(),
            *webhooks.older_routes(),
            *(route for noun in transfers for route in noun.older_routes()),
        ],
        guards=guards(settings, backing.reads.key, backing.line),
        lifespan=living,
    )


def _links(settings: Settings) -> HopLinks:
    """Return what makes checkout links: under a key of their own, derived from the pepper."""
    key = fingerprint(settings.secrets.pepper, "checkout-link", "").encode()
    return HopLinks(settings.public_url, key)


def _acting(backing: Backing, waiting: Waiting, show: Showing, backlog: Backlog) -> Acting:
    return Acting(
        Ground(
            books=backing.books,
            reads=backing.reads,
            money=backing.money,
            waiting=waiting,
            wake=backing.wake,
            new_id=new_id,
            show=show,
            backlog=backlog,
        )
    )


def _withdrawals(
    settings: Settings, backing: Backing, waiting: Waiting, backlog: Backlog
) -> Withdrawals:
    counter = Counter(
        store=backing.books,
        new_id=new_id,
        wake=backing.wake,
        render=withdrawals.accepted,
        lifetime=timedelta(seconds=settings.policy.payout_ttl_s),
    )
    return Withdrawals(counter, backing.payouts, waiting, backing.directory, backlog)


def _conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    named = f" ({public(Kind.PAYMENT, active)})" if active else ""
    refusal = OrderActive(
        f"another payment with order_id {order_id} is active{named}",
        fix="wait for it to end, cancel it, or use another order_id",
    )
    return problems.recorded(refusal, "POST /v1/checkout", request_id)[1]


def _heard(sender: str, result: str) -> None:
    metrics.WEBHOOKS_RECEIVED.labels(sender, result).inc()
