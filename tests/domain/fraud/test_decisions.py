"""The decision table: every row, and which of two rows wins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.fraud.features import NO_HISTORY, Velocity
from domain.fraud.score import Decision, FraudPolicy, Level, Mode, assess
from tests.domain.fraud.payments import a_payment

POLICY = FraudPolicy()
MEDIUM = Velocity(ip_1h=10)  # 0.30 exactly
JUST_LOW = Velocity(card_1h=5)  # 0.25
HIGH = Velocity(declines_10m=3, card_1d=15)  # 0.75
LARGE = 2_500_000  # 25,000.00, and so 0.30 by its amount
NO_CARD = {"method_type": "bank_transfer"}
NOTHING_KNOWN = {
    "card_exp": None,
    "card_number_valid": None,
    "card_country": None,
    "email_domain": None,
}


@pytest.mark.parametrize(
    ("changes", "velocity", "decision", "reason"),
    [
        ({"listed": "block"}, NO_HISTORY, Decision.DECLINE, "list_block"),
        ({"listed": "block", "card_number_valid": False}, HIGH, Decision.DECLINE, "list_block"),
        ({"card_number_valid": False}, NO_HISTORY, Decision.DECLINE, "invalid_card_number"),
        ({"card_exp": (2, 2026)}, NO_HISTORY, Decision.DECLINE, "expired_card"),
        ({"card_exp": (2, 2026), "listed": "allow"}, HIGH, Decision.DECLINE, "expired_card"),
        ({"card_exp": (2, 2026)} | NO_CARD, NO_HISTORY, Decision.APPROVE, None),
        ({"listed": "allow"}, HIGH, Decision.APPROVE, "list_allow"),
        ({}, HIGH, Decision.DECLINE, "fraud_declined"),
        ({"three_ds_possible": False}, HIGH, Decision.DECLINE, "fraud_declined"),
        ({"listed": "unreadable"}, HIGH, Decision.DECLINE, "fraud_declined"),
        ({"listed": "unreadable"}, NO_HISTORY, Decision.REVIEW, "lists_unreadable"),
        ({"listed": "unreadable"}, MEDIUM, Decision.REVIEW, "lists_unreadable"),
        ({}, MEDIUM, Decision.CHALLENGE, "medium_risk"),
        ({"amount_minor": LARGE}, NO_HISTORY, Decision.CHALLENGE, "medium_risk"),
        ({"three_ds_possible": False}, MEDIUM, Decision.REVIEW, "medium_risk"),
        ({}, JUST_LOW, Decision.APPROVE, None),
        ({}, NO_HISTORY, Decision.APPROVE, None),
    ],
)
def test_the_first_row_that_matches_decides(
    changes: dict[str, Any], velocity: Velocity, decision: Decision, reason: str | None
) -> None:
    result = assess(a_payment(**changes), velocity, POLICY)

    assert (result.decision, result.reason) == (decision, reason)


@pytest.mark.parametrize(
    ("amount_minor", "limit", "decision", "reason"),
    [
        (499_999, Decimal("5000.00"), Decision.APPROVE, None),
        (500_000, Decimal("5000.00"), Decision.REVIEW, "manual_review_amount"),
        (500_000, None, Decision.APPROVE, None),
    ],
)
def test_a_person_looks_from_the_manual_review_amount_on(
    amount_minor: int, limit: Decimal | None, decision: Decision, reason: str | None
) -> None:
    policy = FraudPolicy(manual_review_amount=limit)

    result = assess(a_payment(amount_minor=amount_minor), NO_HISTORY, policy)

    assert (result.decision, result.reason) == (decision, reason)


def test_an_allowed_payer_is_still_scored_and_explained() -> None:
    result = assess(a_payment(listed="allow"), HIGH, POLICY)

    assert (result.score, result.level) == (Decimal("0.7500"), Level.HIGH)
    assert [factor.name for factor in result.factors] == [
        "list_allow",
        "velocity_card_1d",
        "card_testing",
    ]


@pytest.mark.parametrize(
    ("changes", "decision", "reason"),
    [
        ({"amount_minor": 10_000}, Decision.APPROVE, "fail_open"),
        ({"amount_minor": 10_001}, Decision.CHALLENGE, "scoring_degraded"),
        ({"amount_minor": 10_001, "three_ds_possible": False}, Decision.REVIEW, "scoring_degraded"),
        ({"amount_minor": 10_001, "listed": "allow"}, Decision.APPROVE, "list_allow"),
        ({"amount_minor": 1, "listed": "block"}, Decision.DECLINE, "list_block"),
        ({"amount_minor": 1, "card_number_valid": False}, Decision.DECLINE, "invalid_card_number"),
        ({"amount_minor": 1, "listed": "unreadable"}, Decision.REVIEW, "lists_unreadable"),
        ({"amount_minor": LARGE}, Decision.CHALLENGE, "medium_risk"),
        ({"amount_minor": LARGE, "three_ds_possible": False}, Decision.REVIEW, "medium_risk"),
    ],
)
def test_without_history_small_amounts_go_on_and_larger_ones_do_not(
    changes: dict[str, Any], decision: Decision, reason: str
) -> None:
    result = assess(a_payment(**changes), None, POLICY)

    assert (result.decision, result.reason) == (decision, reason)
    assert result.mode is Mode.RULES_ONLY
    assert result.factors[-1].name == "scoring_degraded"


def test_degraded_scoring_weighs_a_twentieth() -> None:
    result = assess(a_payment(ip_country="FR", email_domain="yopmail.com"), None, POLICY)

    assert result.score == Decimal("0.3000")
    assert (result.level, result.decision) == (Level.MEDIUM, Decision.CHALLENGE)


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        (NOTHING_KNOWN, Mode.AMOUNT_ONLY),
        (NO_CARD | {"email_domain": None}, Mode.AMOUNT_ONLY),
        (NO_CARD, Mode.RULES_ONLY),
        (NOTHING_KNOWN | {"email_domain": "example.com"}, Mode.RULES_ONLY),
        (NOTHING_KNOWN | {"card_exp": (3, 2026)}, Mode.RULES_ONLY),
        (NOTHING_KNOWN | {"card_number_valid": True}, Mode.RULES_ONLY),
        (NOTHING_KNOWN | {"card_country": "DE"}, Mode.RULES_ONLY),
        (NOTHING_KNOWN | {"card_country": "DE", "ip_country": None}, Mode.AMOUNT_ONLY),
    ],
)
def test_the_mode_says_how_much_the_score_could_see(changes: dict[str, Any], mode: Mode) -> None:
    assert assess(a_payment(**changes), None, POLICY).mode is mode
    assert assess(a_payment(**changes), NO_HISTORY, POLICY).mode is Mode.FULL


@pytest.mark.parametrize("limit", [Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity")])
def test_a_limit_must_be_an_amount(limit: Decimal) -> None:
    with pytest.raises(ValueError):
        FraudPolicy(manual_review_amount=limit)
    with pytest.raises(ValueError):
        FraudPolicy(fail_open_limit=limit)
