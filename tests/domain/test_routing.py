"""Routing: the order of the gateways, the reason for each that was passed over, and what is next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attempt import BLOCKING, Attempt, State
from domain.outcome import Hardness, Proof
from domain.payment import Failure, Mode, Payment, Status
from domain.routing import (
    ANY,
    CHARGE,
    PAYOUT,
    End,
    GatewayRow,
    Go,
    Next,
    Route,
    Stand,
    Wanted,
    decide,
    plan,
    wanted_of,
)
from tests.builders import MERCHANT, NOON, a_gateway, a_payment, an_attempt

LATER = NOON + timedelta(minutes=31)


def routed(id_: str, *routes: Route, **changes: Any) -> GatewayRow:
    return a_gateway(id_, routes=routes, **changes)


def order(payment: Payment, *gateways: GatewayRow) -> list[str]:
    return [gateway.id for gateway in plan(wanted_of(payment), gateways).order]


def wanted(**changes: Any) -> Wanted:
    """A German card payment of 50.00 USD."""
    return replace(Wanted(MERCHANT, Mode.TEST, "DE", "USD", 5_000, "card"), **changes)


def test_the_most_specific_route_goes_first_whatever_its_priority() -> None:
    exact = routed("exact", Route("DE", "USD", "card", priority=900))
    two = routed("two", Route("DE", "USD", priority=100))
    one = routed("one", Route(currency="USD", priority=10))
    every = routed("every", Route(priority=1))

    assert order(a_payment(country="DE"), every, one, two, exact) == [
        "exact",
        "two",
        "one",
        "every",
    ]


def test_among_equals_the_callers_preference_goes_before_priority() -> None:
    cheap, wanted = routed("cheap", Route(priority=1)), routed("wanted", Route(priority=2))

    assert order(a_payment(), wanted, cheap) == ["cheap", "wanted"]
    assert order(a_payment(preference="wanted"), wanted, cheap) == ["wanted", "cheap"]


def test_a_preference_may_name_the_provider() -> None:
    one = routed("one", Route(priority=1), provider="stripe")
    two = routed("two", Route(priority=2), provider="paypal")

    assert order(a_payment(preference="paypal"), one, two) == ["two", "one"]


def test_a_preference_beats_no_more_specific_route() -> None:
    exact, wanted = routed("exact", Route(currency="USD")), routed("wanted", Route())

    assert order(a_payment(preference="wanted"), wanted, exact) == ["exact", "wanted"]


def test_of_a_gateways_routes_its_best_one_counts() -> None:
    both = routed("both", Route(priority=1), Route(currency="USD", priority=50))
    other = routed("other", Route(currency="USD", priority=49))

    assert order(a_payment(), both, other) == ["other", "both"]


def test_equal_gateways_are_tried_in_the_order_of_their_names() -> None:
    assert order(a_payment(), routed("b", Route()), routed("a", Route())) == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": Mode.LIVE}, "other_mode"),
        ({"active": False}, "inactive"),
        ({"forced": "down"}, "held_down"),
        ({"routes": ()}, "no_route"),
        ({"routes": (Route(country="FR"),)}, "no_route"),
        ({"routes": (Route(currency="EUR"),)}, "no_route"),
        ({"routes": (Route(method="wallet"),)}, "no_route"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_passed_over_with_its_reason(
    changes: dict[str, Any], reason: str
) -> None:
    found = plan(wanted(), [a_gateway("one", **changes)])

    assert (found.order, found.skipped) == ((), {"one": reason})


def test_a_gateway_held_up_is_used_like_any_other() -> None:
    assert order(a_payment(), a_gateway("one", forced="up")) == ["one"]


def test_a_gateway_that_declined_this_payment_is_not_asked_again() -> None:
    declined = an_attempt(state=State.DECLINED, proof=Proof.DECLINED)
    unsent = an_attempt(state=State.NOT_CHARGED, proof=Proof.NEVER_SENT, gateway_id="two")

    found = plan(wanted(), [a_gateway("one"), a_gateway("two")], [declined, unsent])

    assert [gateway.id for gateway in found.order] == ["two"]
    assert found.skipped == {"one": "declined_here"}


def test_a_payment_of_unknown_country_uses_routes_for_every_country_only() -> None:
    german, every = routed("german", Route("DE")), routed("every", Route())

    assert order(a_payment(country=None), german, every) == ["every"]


def test_a_charge_wants_what_its_payment_says() -> None:
    payment = a_payment(country="DE", preference="one")

    assert wanted_of(payment) == wanted(operation=CHARGE, preference="one")


SOMEBODY = UUID(int=99)


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        (Route(merchant_id=MERCHANT), True),
        (Route(merchant_id=SOMEBODY), False),
        (Route(operation=CHARGE), True),
        (Route(operation=PAYOUT), False),
        (Route(currency="USD", min_minor=5_000, max_minor=5_000), True),
        (Route(currency="USD", min_minor=5_001), False),
        (Route(currency="USD", max_minor=4_999), False),
    ],
)
def test_a_route_may_be_for_a_merchant_an_operation_or_amounts(route: Route, fits: bool) -> None:
    assert route.matches(wanted()) is fits


def test_before_there_is_an_amount_a_route_with_bounds_may_fit() -> None:
    assert Route(currency="USD", min_minor=10**9).matches(wanted(amount_minor=None))


CONDITIONS: list[dict[str, Any]] = [
    {"merchant_id": MERCHANT},
    {"min_minor": 1},
    {"country": "DE"},
    {"currency": "USD"},
    {"method": "card"},
    {"operation": CHARGE},
]


@pytest.mark.parametrize("one_more", CONDITIONS)
def test_each_condition_makes_a_route_more_specific(one_more: dict[str, Any]) -> None:
    others = [condition for condition in CONDITIONS if condition is not one_more]
    without = Route(**{name: value for one in others for name, value in one.items()}, priority=1)
    exact = replace(without, **one_more, priority=900)

    assert exact.specificity == without.specificity + 1 == len(CONDITIONS)
    found = plan(wanted(), [routed("without", without), routed("exact", exact)])
    assert [gateway.id for gateway in found.order] == ["exact", "without"]


def test_both_bounds_are_one_condition() -> None:
    assert Route(currency="USD", min_minor=1, max_minor=2).specificity == 2


PARTS: dict[str, list[Any]] = {
    "country": ["DE", ANY, "FR"],
    "currency": ["USD", ANY, "EUR"],
    "method": ["card", ANY, "wallet"],
    "operation": [CHARGE, ANY, PAYOUT],
    "merchant_id": [MERCHANT, None, SOMEBODY],
    "min_minor": [None, 1, 6_000],
    "max_minor": [None, 4_000, 9_000],
}
ROUTES = st.builds(
    Route,
    **{name: st.sampled_from(values) for name, values in PARTS.items()},
    priority=st.integers(min_value=1, max_value=3),
)
GATEWAYS = st.lists(
    st.tuples(
        st.lists(ROUTES, max_size=4),
        st.sampled_from(list(Mode)),
        st.booleans(),
        st.sampled_from([None, "up", "down"]),
        st.sampled_from(["stripe", "paypal"]),
    ),
    max_size=6,
)
REASONS = {"other_mode", "inactive", "held_down", "no_route", "declined_here"}


@given(
    drawn=GATEWAYS,
    preference=st.sampled_from([None, "g0", "g1", "paypal"]),
    declined=st.booleans(),
    mixed=st.randoms(use_true_random=False),
)
def test_the_plan_is_one_total_order_whatever_order_the_rows_came_in(
    drawn: list[Any], preference: str | None, declined: bool, mixed: Random
) -> None:
    gateways = [
        routed(f"g{n}", *routes, mode=mode, active=active, forced=forced, provider=provider)
        for n, (routes, mode, active, forced, provider) in enumerate(drawn)
    ]
    asked = wanted(preference=preference)
    attempts = [an_attempt(state=State.DECLINED, proof=Proof.DECLINED, gateway_id="g0")]
    found = plan(asked, gateways, attempts if declined else [])

    ordered = [gateway.id for gateway in found.order]
    assert sorted([*ordered, *found.skipped]) == sorted(gateway.id for gateway in gateways)
    assert set(found.skipped.values()) <= REASONS
    best = [max(r.specificity for r in g.routes if r.matches(asked)) for g in found.order]
    assert best == sorted(best, reverse=True)
    again = [replace(g, routes=tuple(mixed.sample(g.routes, len(g.routes)))) for g in gateways]
    mixed.shuffle(again)
    shuffled = plan(asked, again, attempts if declined else [])
    assert [gateway.id for gateway in shuffled.order] == ordered
    assert list(shuffled.skipped.items()) == list(found.skipped.items())


def next_of(payment: Payment, *attempts: Attempt, at: Any = NOON, max_runs: int = 8) -> Next:
    return decide(payment, [a_gateway("one"), a_gateway("two")], attempts, at, max_runs)


@pytest.mark.parametrize("state", sorted(BLOCKING))
@pytest.mark.parametrize("at", [NOON, LATER])
def test_law_4_nothing_is_decided_while_an_attempt_may_still_move_money(
    state: State, at: Any
) -> None:
    open_ = an_attempt(state=state)
    asked = a_payment(cancel_requested_at=NOON, runs=99)

    assert next_of(asked, open_, at=at) == Stand(open_)


def ended(code: str | None, status: Status = Status.FAILED) -> tuple[Status, str | None]:
    return status, code


def no(state: State, proof: Proof, cause: str = "", **changes: Any) -> Attempt:
    return an_attempt(state=state, proof=proof, cause=cause, **changes)


DECLINED_SOFT = no(State.DECLINED, Proof.DECLINED, Hardness.SOFT, code="insufficient_funds")
DECLINED_HARD = no(State.DECLINED, Proof.DECLINED, Hardness.HARD, code="stolen_card")
FIX_DATA = no(State.DECLINED, Proof.DECLINED, Hardness.FIX_DATA, code="incorrect_cvc")
NEVER_SENT = no(State.NOT_CHARGED, Proof.NEVER_SENT)
VOIDED = no(State.VOIDED, Proof.VOIDED)
LAPSED = no(State.EXPIRED, Proof.READ_BACK)
SECOND_NEVER_SENT = no(State.NOT_CHARGED, Proof.NEVER_SENT, number=2, gateway_id="two")
SECOND_SOFT = no(
    State.DECLINED, Proof.DECLINED, Hardness.SOFT, code="do_not_honor", number=2, gateway_id="two"
)


@pytest.mark.parametrize(
    ("payment", "attempts", "at", "end"),
    [
        (a_payment(cancel_requested_at=NOON), [], NOON, ended(None, Status.CANCELLED)),
        (a_payment(cancel_requested_at=NOON), [VOIDED], LATER, ended(None, Status.CANCELLED)),
        (a_payment(), [DECLINED_HARD], NOON, ended("stolen_card")),
        (a_payment(), [FIX_DATA], NOON, ended("incorrect_cvc")),
        (a_payment(), [DECLINED_HARD, SECOND_NEVER_SENT], NOON, ended("stolen_card")),
        (a_payment(), [LAPSED], NOON, ended(None, Status.EXPIRED)),
        (a_payment(), [], LATER, ended("no_provider_available")),
        (a_payment(), [NEVER_SENT], LATER, ended("no_provider_available")),
        (a_payment(), [DECLINED_SOFT], LATER, ended("insufficient_funds")),
        (a_payment(), [VOIDED], LATER, ended(None, Status.EXPIRED)),
        (a_payment(status=Status.IN_REVIEW), [], LATER, ended(None, Status.EXPIRED)),
        (a_payment(), [DECLINED_SOFT, SECOND_SOFT], NOON, ended("do_not_honor")),
        (a_payment(runs=8), [NEVER_SENT], NOON, ended("no_provider_available")),
        (a_payment(runs=8), [DECLINED_SOFT], NOON, ended("insufficient_funds")),
    ],
    ids=[
        "cancelled",
        "cancelled although expired",
        "hard decline",
        "data to fix",
        "hard decline heard late",
        "lapsed at the provider",
        "expired untried",
        "expired unsent",
        "expired after a soft decline",
        "expired and voided",
        "expired in review",
        "declined everywhere",
        "out of runs",
        "out of runs after a soft decline",
    ],
)
def test_a_payment_ends_by_this_table(
    payment: Payment, attempts: list[Attempt], at: Any, end: tuple[Status, str | None]
) -> None:
    verdict = next_of(payment, *attempts, at=at)

    assert isinstance(verdict, End)
    code = verdict.failure.code if isinstance(verdict.failure, Failure) else None
    assert (verdict.status, code) == end


@pytest.mark.parametrize(
    ("attempts", "goes_to"),
    [
        ([], ["one", "two"]),
        ([DECLINED_SOFT], ["two"]),
        ([NEVER_SENT], ["one", "two"]),
        ([VOIDED], ["one", "two"]),
        ([an_attempt(state=State.LATE_SUCCESS)], ["one", "two"]),
        ([NEVER_SENT, SECOND_SOFT], ["one"]),
    ],
    ids=["untried", "soft decline", "never sent", "voided", "late money", "one is left"],
)
def test_a_payment_goes_on_by_this_table(attempts: list[Attempt], goes_to: list[str]) -> None:
    verdict = next_of(a_payment(runs=7), *attempts)

    assert isinstance(verdict, Go)
    assert [gateway.id for gateway in verdict.plan.order] == goes_to


def test_without_any_gateway_a_payment_waits_until_it_expires() -> None:
    assert decide(a_payment(), [], [], NOON, 8) == Go(plan(wanted(), []))
    assert isinstance(decide(a_payment(), [], [], LATER, 8), End)
