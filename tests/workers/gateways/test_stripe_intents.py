"""What the Stripe adapter makes of an intent as a charge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.made import money
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    answered,
    confirming,
    holding,
    intent,
    looked_up,
    making,
    spoken,
)

EUR = money(1250)
PAGE = "https://hooks.stripe.test/3d?x=1"
REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": PAGE, "return_url": "https://s"}}
SCRIPT = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
NO = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}


def lapsed(word: str = "expired") -> NotCharged:
    return NotCharged(Proof.READ_BACK, f"read as {word}", INTENT, lapsed=True)


#: A status with what belongs to it, and what it says of a charge that was confirmed.
SAYS: list[tuple[str, dict[str, Any], Lookup]] = [
    ("processing", {}, Pending(INTENT)),
    ("requires_action", {"next_action": REDIRECT}, RequiresAction(INTENT, PAGE)),
    ("requires_action", {"next_action": SCRIPT}, Pending(INTENT)),
    ("requires_action", {"next_action": None}, Pending(INTENT)),
    (
        "requires_payment_method",
        {"last_payment_error": NO},
        Declined("insufficient_funds", Hardness.SOFT, INTENT),
    ),
    (
        "requires_payment_method",
        {"last_payment_error": {"code": "payment_intent_authentication_failure"}},
        Declined("payment_intent_authentication_failure", Hardness.FIX_DATA, INTENT),
    ),
    ("canceled", {}, NotCharged(Proof.VOIDED, "read as canceled", INTENT)),
    (
        "canceled",
        {"cancellation_reason": "abandoned"},
        NotCharged(Proof.VOIDED, "read as canceled", INTENT),
    ),
    ("canceled", {"cancellation_reason": "automatic"}, lapsed()),
    ("canceled", {"cancellation_reason": "expired"}, lapsed()),
]


def of_us(outcome: Outcome, attempt: Attempt) -> Outcome:
    if isinstance(outcome, Succeeded):
        return replace(outcome, reference=attempt.reference)
    return outcome


@pytest.mark.parametrize(("status", "changes", "outcome"), SAYS)
def test_an_intent_says_what_became_of_its_charge(
    status: str, changes: dict[str, Any], outcome: Lookup
) -> None:
    attempt = confirming()
    shown = intent(attempt, status, **changes)

    assert answered(attempt, 200, shown) == outcome
    assert looked_up(attempt, spoken(200, shown)) == outcome


def test_money_is_told_with_its_name() -> None:
    paid, held = confirming(), holding()

    assert answered(paid, 200, intent(paid)) == Succeeded(INTENT, EUR, True, paid.reference)
    assert answered(held, 200, intent(held, "requires_capture")) == Succeeded(
        INTENT, EUR, False, held.reference
    )


def test_more_or_less_money_than_was_asked_for_is_told_as_it_is() -> None:
    attempt = confirming()

    outcome = answered(attempt, 200, intent(attempt, amount_received=1))
    held = answered(attempt, 200, intent(attempt, "requires_capture", amount_capturable=9))

    assert outcome == Succeeded(INTENT, money(1), True, attempt.reference)
    assert held == Succeeded(INTENT, money(9), False, attempt.reference)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "something_new"},
        {"currency": "xxx"},
        {"status": "canceled", "amount_received": 5},
        {"status": "requires_payment_method"},
        {"amount_received": -1},
        {"amount_received": "1250"},
        {"amount": None},
        {"id": "pi_2"},
        {"id": ""},
        {"id": "pi 1"},
        {"latest_charge": {"id": "ch_1", "disputed": "perhaps"}},
    ],
    ids=str,
)
def test_what_is_not_documented_is_unknown(changes: dict[str, Any]) -> None:
    attempt = confirming()
    shown = intent(attempt) | changes

    assert isinstance(answered(attempt, 200, shown), Unknown)
    assert isinstance(looked_up(attempt, spoken(200, shown)), Unknown)


@pytest.mark.parametrize("status", ["canceled", "processing", "requires_confirmation"])
def test_somebody_elses_no_is_no_answer_to_us(status: str) -> None:
    attempt = confirming()
    theirs = intent(attempt, status, metadata={"paylink_reference": "f" * 32})

    assert isinstance(looked_up(attempt, spoken(200, theirs)), Unknown)


def test_somebody_elses_money_is_told_with_their_name_and_nobodys_without() -> None:
    attempt = confirming()
    theirs = intent(attempt, metadata={"paylink_reference": "f" * 32})

    assert looked_up(attempt, spoken(200, theirs)) == Succeeded(INTENT, EUR, True, "f" * 32)
    for nobodys in ({}, None, {"paylink_reference": ""}, {"paylink_reference": 7}, "none"):
        shown = intent(attempt, metadata=nobodys)
        assert looked_up(attempt, spoken(200, shown)) == Succeeded(INTENT, EUR, True, None)


def test_an_intent_that_is_made_moves_no_money() -> None:
    attempt = making()

    shown = intent(attempt, "requires_confirmation")
    assert answered(attempt, 200, shown) == Prepared(INTENT)
    assert looked_up(confirming(), spoken(200, shown | {"metadata": {}})) == Prepared(INTENT)


@pytest.mark.parametrize("changes", [{"amount": 1251}, {"currency": "usd"}], ids=str)
def test_an_intent_for_other_money_is_not_confirmed(changes: dict[str, Any]) -> None:
    attempt = making()

    assert isinstance(
        answered(attempt, 200, intent(attempt, "requires_confirmation", **changes)), Unknown
    )


def test_a_first_answer_that_knows_more_says_so() -> None:
    attempt = making()

    assert answered(attempt, 200, intent(attempt)) == Succeeded(
        INTENT, EUR, True, attempt.reference
    )


def test_a_confirmation_that_leaves_everything_as_it_was_is_unknown() -> None:
    attempt = confirming()

    assert isinstance(answered(attempt, 200, intent(attempt, "requires_confirmation")), Unknown)


#: What a smaller service does not say: the intent without it, and what was collected of 12.50.
SMALLER = [
    ({"id": "ch_1", "amount": 1250, "amount_refunded": 250}, 0, 1000),
    ({"id": "ch_1", "amount": 1250, "amount_refunded": 500}, 1000, 1000),
    ({"id": "ch_1", "amount": 1250, "amount_captured": 900, "amount_refunded": 350}, 0, 900),
    ("ch_1", 0, 1250),
    (None, 700, 700),
]


@pytest.mark.parametrize(("charge", "known", "collected"), SMALLER, ids=str)
def test_where_nobody_says_what_was_received_the_charge_tells(
    charge: object, known: int, collected: int
) -> None:
    attempt = replace(holding(), captured=known)
    shown = intent(attempt, latest_charge=charge)
    del shown["amount_received"], shown["amount_capturable"], shown["last_payment_error"]

    outcome = looked_up(attempt, spoken(200, shown))

    assert outcome == Succeeded(INTENT, money(collected), True, attempt.reference)
