"""Instant: a provider that answers at once and in this process, so that only the books are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from domain.attempt import Attempt, Operation
from domain.checkout import Checkout
from domain.flows import pay as flow
from domain.fraud.features import NO_HISTORY, Velocity
from domain.means import Card, Customer, Method
from domain.outcome import Lookup, NotFound, Outcome, Succeeded
from domain.payment import Mode, Payment
from domain.policy import Policy
from domain.ports import Budget, Declaration, Gateway, GoOn, Permit, Promise, Runtime
from domain.routing import GatewayRow
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from ops.seed import DEMO_MERCHANT
from ops.store.accept import Ask, Terms
from ops.store.postgres import PostgresStore
from ops.vault import Vault

_PROMISES: Final = dict.fromkeys(Operation, Promise(timedelta(days=1), authoritative=True))


def runtime(engine: Engine, vault: Vault) -> Runtime:
    """Return what the flows need, with books on this engine."""
    return Runtime(
        store=PostgresStore(engine, vault, uuid7),
        gateways=_Everywhere(),
        velocity=_NoHistory(),
        policy=Policy(),
        owner=7,
        new_id=uuid7,
        monotonic=monotonic,
        draw=lambda: 0.5,
        wake=lambda *_: None,
        draining=lambda: False,
    )


def pay(payments: Sequence[UUID], run: Runtime) -> None:
    """Take accepted payments to their capture."""
    for id_ in payments:
        flow.pay(id_, run)


def asks(number: int, name: str) -> list[Ask]:
    """Return checkouts that nobody has asked for before, if the name is new."""
    return [_ask(f"{name}-{n}") for n in range(number)]


def terms(answer: Callable[[Payment], bytes] = lambda payment: payment.id.bytes) -> Terms:
    """Return the terms of a door whose answers are short."""
    return Terms(timedelta(minutes=30), timedelta(days=30), answer, lambda *_: b"")


def _ask(name: str) -> Ask:
    card = Card(fingerprint=f"fp-{name}", brand="visa", last4="4242", country="US")
    checkout = Checkout(
        amount=1_250,
        currency="USD",
        method=Method("card", "tok_instant", card),
        customer=Customer(f"c-{name}"),
        order_id=f"o-{name}",
        country="US",
    )
    print_ = checkout.fingerprint()
    return Ask(DEMO_MERCHANT, Mode.TEST, name, "k", checkout, print_, "req-bench", uuid7())


class _Everywhere:
    """Every gateway is the instant one."""

    def get(self, gateway_id: str) -> Gateway | None:
        return _Instant()

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Permit:
        return _Instant()


class _Instant:
    """A gateway, and a permit for it."""

    @property
    def declaration(self) -> Declaration:
        return Declaration("sandbox", 1, _PROMISES, can_void=True, can_3ds=True)

    def compose(self, task: Task, reference: str) -> bytes:
        return b'{"token": "tok_instant", "amount": 1250, "currency": "USD"}'

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return Succeeded(f"ch_{attempt.id.hex}", attempt.money)

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        return self.charge(attempt, budget)

    cancel = capture = void = refund = payout = charge

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        raise LookupError("nobody saves a card here")

    def probe(self, budget: Budget) -> bool:
        return True

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return NotFound()

    def read_notice(self, body: bytes) -> Hint | None:
        return None

    def give_back(self) -> None:
        return None


class _NoHistory:
    """Nobody has paid before."""

    def observe(self, payment_id: UUID, **_: Any) -> Velocity | None:
        return NO_HISTORY

    def declined(self, *, at: datetime, **_: Any) -> None:
        return None
