"""Options: which payment methods a payer can be offered now, and for how much."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.directory import Tender
from domain.routing import GatewayRow, Wanted, plan


class Why(StrEnum):
    """Why a method cannot be offered."""

    #: No gateway is configured for it there.
    NOT_OFFERED = "not_offered"
    #: Every gateway that could take it is held down, or its breaker is open: ask again later.
    UNAVAILABLE = "unavailable"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"


@dataclass(frozen=True, slots=True)
class Option:
    """A payment method. The bounds, in minor units, hold while it is usable with some amount."""

    method: str
    #: None: it is usable.
    why_not: Why | None
    min_minor: int | None = None
    max_minor: int | None = None


def options(
    wanted: Wanted,
    tender: Tender,
    gateways: Sequence[GatewayRow],
    broken: Collection[str],
    methods: Iterable[str],
) -> list[Option]:
    """Return one option per method, in their order; `broken` gateways have an open breaker.

    A gateway that a person holds up is used although its breaker is open, as a charge would.
    """
    return [_option(replace(wanted, method=method), tender, gateways, broken) for method in methods]


def _option(
    wanted: Wanted, tender: Tender, gateways: Sequence[GatewayRow], broken: Collection[str]
) -> Option:
    whatever = replace(wanted, amount_minor=None)
    found = plan(whatever, gateways)
    healthy = [row for row in found.order if row.forced == "up" or row.id not in broken]
    if not healthy:
        held = any(
            found.skipped.get(gateway.id) == "held_down"
            and any(route.matches(whatever) for route in gateway.routes)
            for gateway in gateways
        )
        offered = held or found.order
        return Option(wanted.method, Why.UNAVAILABLE if offered else Why.NOT_OFFERED)
    routes = [route for row in healthy for route in row.routes if route.matches(whatever)]
    least = tender.rounded_up(max(tender.min_minor, min(route.min_minor or 1 for route in routes)))
    most = tender.rounded_down(
        min(tender.max_minor, max(route.max_minor or tender.max_minor for route in routes))
    )
    amount = wanted.amount_minor
    within = least <= most and (
        amount is None or (least <= amount <= most and any(route.spans(amount) for route in routes))
    )
    return Option(wanted.method, None if within else Why.AMOUNT_OUT_OF_RANGE, least, most)
