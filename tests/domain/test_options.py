"""Options: what a payer can be offered now, and why something cannot."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.directory import as_shipped
from domain.options import Option, Why, options
from domain.payment import Mode
from domain.routing import GatewayRow, Route, Wanted
from tests.builders import MERCHANT, a_gateway

TENDER = as_shipped().currencies["EUR"]
WANTED = Wanted(MERCHANT, Mode.TEST, "DE", "EUR", 5_000, "")
MOST = TENDER.max_minor


def card(*gateways: GatewayRow, broken: Collection[str] = (), **changes: Any) -> Option:
    """The option of paying by card at these gateways."""
    (found,) = options(replace(WANTED, **changes), TENDER, gateways, broken, ["card"])
    return found


def routed(**route: Any) -> GatewayRow:
    return a_gateway("one", routes=(Route(**route),))


def test_a_method_that_some_gateway_takes_is_usable_within_the_currencys_bounds() -> None:
    assert card(a_gateway("one")) == Option("card", None, 1, MOST)


def test_every_method_is_told_in_the_order_asked() -> None:
    found = options(WANTED, TENDER, [routed(method="wallet")], (), ["card", "wallet"])

    assert [(one.method, one.why_not) for one in found] == [
        ("card", Why.NOT_OFFERED),
        ("wallet", None),
    ]


@pytest.mark.parametrize(
    "gateway",
    [
        routed(country="FR"),
        routed(currency="USD"),
        routed(operation="payout"),
        routed(merchant_id=UUID(int=99)),
        a_gateway("one", mode=Mode.LIVE),
        a_gateway("one", active=False),
        a_gateway("one", routes=(Route(country="FR"),), forced="down"),
    ],
)
def test_what_no_gateway_of_ours_takes_there_is_not_offered(gateway: GatewayRow) -> None:
    assert card(gateway) == Option("card", Why.NOT_OFFERED)


def test_a_gateway_that_is_held_down_or_broken_is_not_offered() -> None:
    assert card(a_gateway("one", forced="down")) == Option("card", Why.UNAVAILABLE)
    assert card(a_gateway("one"), broken={"one"}) == Option("card", Why.UNAVAILABLE)
    assert card(a_gateway("one"), a_gateway("two"), broken={"one"}).why_not is None


def test_a_person_who_holds_it_up_beats_the_breaker() -> None:
    assert card(a_gateway("one", forced="up"), broken={"one"}).why_not is None


def test_bounds_are_those_of_the_gateways_that_are_well() -> None:
    small = a_gateway("small", routes=(Route(currency="EUR", min_minor=100, max_minor=200),))
    large = a_gateway("large", routes=(Route(currency="EUR", min_minor=1_000),))

    assert card(small, large) == Option("card", None, 100, MOST)
    assert card(small, large, broken={"large"}) == Option("card", Why.AMOUNT_OUT_OF_RANGE, 100, 200)
    assert card(small, large, amount_minor=500).why_not is Why.AMOUNT_OUT_OF_RANGE
    assert card(small, large, amount_minor=None).why_not is None


def test_bounds_are_amounts_that_move() -> None:
    rupiah = as_shipped().currencies["IDR"]
    gateway = routed(currency="IDR", min_minor=150, max_minor=9_990)
    wanted = replace(WANTED, currency="IDR", amount_minor=None)

    assert options(wanted, rupiah, [gateway], (), ["card"]) == [Option("card", None, 200, 9_900)]
    assert options(wanted, rupiah, [a_gateway("one")], (), ["card"]) == [
        Option("card", None, 100, rupiah.max_minor)
    ]


def test_an_amount_beyond_the_currencys_bounds_is_out_of_range() -> None:
    assert card(a_gateway("one"), amount_minor=MOST + 1).why_not is Why.AMOUNT_OUT_OF_RANGE


def test_a_gateway_whose_bounds_lie_beyond_the_currencys_takes_no_amount() -> None:
    beyond = routed(currency="EUR", min_minor=MOST + 1)

    assert card(beyond, amount_minor=None).why_not is Why.AMOUNT_OUT_OF_RANGE
