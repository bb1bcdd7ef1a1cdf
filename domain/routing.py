"""Routing: which gateway next, and the stored reason for every one that was passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from domain.attempt import REQUEST_REJECTED, Attempt, Operation, State
from domain.outcome import Hardness, Proof
from domain.payment import Failure, Mode, Payment, Status

ANY = "*"
#: The operations that are routed; everything later goes where the money already is.
CHARGE, PAYOUT = Operation.CHARGE.value, Operation.PAYOUT.value
ROUTED = (CHARGE, PAYOUT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be routed: everything that a route's conditions are compared with."""

    merchant_id: UUID
    mode: Mode
    country: str | None
    currency: str
    #: In minor units of the currency; None: asked before there is an amount, so any will do.
    amount_minor: int | None
    method: str
    operation: str = CHARGE
    #: A gateway or a provider that the caller would like to be tried first.
    preference: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a gateway may be used; `*` and None match everything. Lower `priority` goes first."""

    country: str = ANY
    currency: str = ANY
    method: str = ANY
    priority: int = 100
    operation: str = ANY
    #: For this merchant alone.
    merchant_id: UUID | None = None
    #: From and up to this many minor units, both included; only with an exact currency.
    min_minor: int | None = None
    max_minor: int | None = None

    @property
    def specificity(self) -> int:
        """How many conditions are exact: the most specific route wins. Bounds count as one."""
        return (
            (self.merchant_id is not None)
            + (self.min_minor is not None or self.max_minor is not None)
            + (self.country != ANY)
            + (self.currency != ANY)
            + (self.method != ANY)
            + (self.operation != ANY)
        )

    def matches(self, wanted: Wanted) -> bool:
        """Whether this route covers what is wanted. Written out: a run asks every route there is."""
        return (
            self.country in (ANY, wanted.country)
            and self.currency in (ANY, wanted.currency)
            and self.method in (ANY, wanted.method)
            and self.operation in (ANY, wanted.operation)
            and (self.merchant_id is None or self.merchant_id == wanted.merchant_id)
            and self.spans(wanted.amount_minor)
        )

    def spans(self, amount_minor: int | None) -> bool:
        """Whether an amount lies within the bounds; no amount always does."""
        if amount_minor is None:
            return True
        above = self.min_minor is None or amount_minor >= self.min_minor
        return above and (self.max_minor is None or amount_minor <= self.max_minor)


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


def wanted_of(payment: Payment) -> Wanted:
    """Return what a payment's charge wants of a gateway."""
    return Wanted(
        payment.merchant_id,
        payment.mode,
        payment.country,
        payment.money.currency.code,
        payment.money.minor,
        payment.method.type,
        CHARGE,
        payment.preference,
    )


def plan(wanted: Wanted, gateways: Iterable[GatewayRow], attempts: Sequence[Attempt] = ()) -> Plan:
    """Order the usable gateways: most specific route, then the caller's preference, then priority.

    What is still equal goes by id, so that the same rows give the same order whoever read them. A
    gateway that declined this payment is not asked again: the same card gets the same answer.
    """
    skipped: dict[str, str] = {}
    usable: list[tuple[tuple[int, bool, int, str], GatewayRow]] = []
    declined_at = {a.gateway_id for a in attempts if a.proof is Proof.DECLINED}
    for gateway in gateways:
        routes = [route for route in gateway.routes if route.matches(wanted)]
        if reason := _unusable(wanted, gateway, routes, gateway.id in declined_at):
            skipped[gateway.id] = reason
            continue
        specificity, priority = min((-route.specificity, route.priority) for route in routes)
        preferred = wanted.preference in (gateway.id, gateway.provider)
        rank = (specificity, not preferred, priority, gateway.id)
        usable.append((rank, gateway))
    usable.sort(key=lambda ranked: ranked[0])
    return Plan(tuple(gateway for _, gateway in usable), dict(sorted(skipped.items())))


def _unusable(
    wanted: Wanted, gateway: GatewayRow, routes: Sequence[Route], declined: bool
) -> str | None:
    if gateway.mode is not wanted.mode:
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
    charges = [attempt for attempt in attempts if attempt.operation is Operation.CHARGE]
    for attempt in charges:
        if attempt.blocks:
            return Stand(attempt)
    if payment.cancel_requested_at is not None:
        return End(Status.CANCELLED)
    for attempt in charges:  # a late word may come to an attempt that is not the last
        if attempt.state is State.DECLINED and attempt.cause != Hardness.SOFT:
            code = attempt.code or "declined"
            return End(Status.FAILED, Failure(code, "the payment was declined"))
        if attempt.code == REQUEST_REJECTED:  # another gateway would be asked for the same nonsense
            reason = "the provider cannot take this request"
            return End(Status.FAILED, Failure(REQUEST_REJECTED, reason))
    last = charges[-1] if charges else None
    if last and last.state is State.EXPIRED:
        return End(Status.EXPIRED)  # the payer had the provider's page and did not act
    if now >= payment.expires_at:
        return End(*_expired(payment, last))
    route = plan(wanted_of(payment), gateways, charges)
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
    if payment.status is Status.IN_REVIEW or not payment.confirmed:
        return Status.EXPIRED, None
    return Status.FAILED, Failure(
        "no_provider_available", "no gateway could take the payment before it expired"
    )
