"""Routing: which gateway next, and the stored reason for every one that was passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from domain.attempt import Attempt, State
from domain.outcome import Hardness, Proof
from domain.payment import Failure, Mode, Payment, Status

ANY = "*"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a gateway may be used; `*` matches everything. Lower `priority` goes first."""

    country: str = ANY
    currency: str = ANY
    method: str = ANY
    priority: int = 100

    @property
    def specificity(self) -> int:
        """How many conditions are exact: the most specific route wins."""
        return sum(value != ANY for value in (self.country, self.currency, self.method))

    def matches(self, payment: Payment) -> bool:
        """Whether this route covers the payment's country, currency and method."""
        wanted = (payment.country or ANY, payment.money.currency.code, payment.method.type)
        ours = (self.country, self.currency, self.method)
        return all(our in (ANY, want) for our, want in zip(ours, wanted, strict=True))


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """One configured account at a provider, as routing sees it."""

    id: str
    provider: str
    mode: Mode
    routes: tuple[Route, ...]
    active: bool = True
    max_in_flight: int = 32
    #: A person's word, which beats the breaker until it expires: "up", "down" or None.
    forced: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The gateways to try, in order, and why each other one was passed over."""

    order: tuple[GatewayRow, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Go:
    """Try these gateways, in this order."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Stand:
    """An attempt may still move money: nobody decides anything before it is resolved."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class End:
    """The payment is over without money; every attempt is proven harmless."""

    status: Status
    failure: Failure | None = None


Next: TypeAlias = Go | Stand | End


def plan(payment: Payment, gateways: Iterable[GatewayRow], attempts: Sequence[Attempt]) -> Plan:
    """Order the usable gateways: most specific route, then the caller's preference, then priority.

    A gateway that declined this payment is not asked again: the same card gets the same answer.
    """
    skipped: dict[str, str] = {}
    usable: list[tuple[tuple[int, bool, int, str], GatewayRow]] = []
    declined_at = {a.gateway_id for a in attempts if a.proof is Proof.DECLINED}
    for gateway in gateways:
        routes = [route for route in gateway.routes if route.matches(payment)]
        if reason := _unusable(payment, gateway, routes, gateway.id in declined_at):
            skipped[gateway.id] = reason
            continue
        best = min(routes, key=lambda route: (-route.specificity, route.priority))
        preferred = payment.preference in (gateway.id, gateway.provider)
        usable.append(((-best.specificity, not preferred, best.priority, gateway.id), gateway))
    usable.sort(key=lambda ranked: ranked[0])
    return Plan(tuple(gateway for _, gateway in usable), skipped)


def _unusable(
    payment: Payment, gateway: GatewayRow, routes: Sequence[Route], declined: bool
) -> str | None:
    if gateway.mode is not payment.mode:
        return "other_mode"
    if not gateway.active:
        return "inactive"
    if gateway.forced == "down":
        return "held_down"
    if not routes:
        return "no_route"
    if declined:
        return "declined_here"
    return None


def decide(
    payment: Payment,
    gateways: Iterable[GatewayRow],
    attempts: Sequence[Attempt],
    now: datetime,
    max_runs: int,
) -> Next:
    """Say what a charge run does next. Failing, expiring and failing over all need proof (law 4)."""
    for attempt in attempts:
        if attempt.blocks:
            return Stand(attempt)
    if payment.cancel_requested_at is not None:
        return End(Status.CANCELLED)
    for attempt in attempts:  # a late word may come to an attempt that is not the last
        if attempt.state is State.DECLINED and attempt.cause != Hardness.SOFT:
            code = attempt.code or "declined"
            return End(Status.FAILED, Failure(code, "the payment was declined"))
    last = attempts[-1] if attempts else None
    if last and last.state is State.EXPIRED:
        return End(Status.EXPIRED)  # the payer had the provider's page and did not act
    if now >= payment.expires_at:
        return End(*_expired(payment, last))
    route = plan(payment, gateways, attempts)
    if not route.order and last and last.state is State.DECLINED:
        return End(Status.FAILED, Failure(last.code or "declined", "the payment was declined"))
    if payment.runs >= max_runs:
        return End(*_expired(payment, last))
    return Go(route)


def _expired(payment: Payment, last: Attempt | None) -> tuple[Status, Failure | None]:
    """A payer who did not act lets a payment expire; gateways that were not there fail it."""
    if last and last.state is State.VOIDED:
        return Status.EXPIRED, None
    if last and last.state is State.DECLINED:
        return Status.FAILED, Failure(last.code or "declined", "the payment was declined")
    if payment.status is Status.IN_REVIEW:
        return Status.EXPIRED, None
    return Status.FAILED, Failure(
        "no_provider_available", "no gateway could take the payment before it expired"
    )
