"""What a lost dispute makes of a captured PayPal order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Lookup,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    ORDER,
    answer,
    asking,
    paid,
    problem,
    read_back,
    told,
)


def dispute(outcome: str = "RESOLVED_BUYER_FAVOUR", value: str = "5.00") -> dict[str, Any]:
    won = {"outcome_code": outcome, "amount_refunded": {"currency_code": "EUR", "value": value}}
    return {"dispute_id": "PP-D-1", "reason": "UNAUTHORISED", "dispute_outcome": won}


LISTED = {"items": [{"dispute_id": "PP-D-1", "reason": "UNAUTHORISED"}]}


@pytest.mark.parametrize("outcome", ["RESOLVED_BUYER_FAVOUR", "ACCEPTED"])
def test_a_lost_dispute_has_taken_money_back(outcome: str) -> None:
    attempt = asking()

    found = read_back(attempt, paid(attempt), LISTED, dispute(outcome))

    expected = TakenBack(ORDER, money(1250), money(500), "unauthorised", attempt.reference)
    assert found == expected


@pytest.mark.parametrize(
    "ended",
    [
        dispute("RESOLVED_SELLER_FAVOUR"),
        dispute("INVENTED"),
        dispute() | {"dispute_outcome": None},
        dispute() | {"dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR"}},
    ],
)
def test_a_dispute_that_took_nothing_changes_nothing(ended: dict[str, Any]) -> None:
    attempt = asking()

    assert isinstance(read_back(attempt, paid(attempt), LISTED, ended), Succeeded)


def captured() -> Attempt:
    """A charge that is known to be captured: only its disputes could be news."""
    return replace(asking(), captured=1250)


def test_disputes_that_do_not_fit_the_money_are_unknown() -> None:
    attempt = captured()
    abroad = dispute()
    abroad["dispute_outcome"]["amount_refunded"]["currency_code"] = "USD"

    assert isinstance(read_back(attempt, paid(attempt), LISTED, dispute(value="12.51")), Unknown)
    assert isinstance(read_back(attempt, paid(attempt), LISTED, abroad), Unknown)


def looked_up(attempt: Attempt, *answers: bytes, **settings: object) -> Lookup:
    found, _ = told(lambda adapter: adapter.lookup(attempt, within()), *answers, **settings)
    return found


def test_a_key_that_may_not_read_disputes_sees_the_order_alone() -> None:
    attempt = asking()
    forbidden = answer(403, problem("NOT_AUTHORIZED", "PERMISSION_DENIED"))

    assert isinstance(looked_up(attempt, answer(200, paid(attempt)), forbidden), Succeeded)
    alone = looked_up(attempt, answer(200, paid(attempt)), read_disputes=False)
    assert isinstance(alone, Succeeded)


@pytest.mark.parametrize("broken", [answer(500, {}), answer(403, b"<html>"), answer(200, b"[]")])
def test_disputes_that_cannot_be_read_make_a_captured_charge_unknown(broken: bytes) -> None:
    attempt = captured()

    assert isinstance(looked_up(attempt, answer(200, paid(attempt)), broken), Unknown)


@pytest.mark.parametrize(
    "broken", [answer(500, {}), answer(403, b"<html>"), answer(404, {}), answer(200, b"[]"), b""]
)
def test_disputes_that_cannot_be_read_do_not_hide_that_money_came(broken: bytes) -> None:
    attempt = asking()

    found = looked_up(attempt, answer(200, paid(attempt)), broken)

    assert found == Succeeded(ORDER, money(1250), reference=attempt.reference)
