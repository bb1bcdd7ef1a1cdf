"""The score: bounded, monotone, repeatable, and never below what rules or model say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from domain.fraud.features import FEATURE_SET_ID, NO_HISTORY, Inputs, Vector, Velocity, vector
from domain.fraud.reference import PER_REFERENCE_UNIT
from domain.fraud.score import Decision, Factor, FraudPolicy, Level, Mode, Source, assess
from domain.money import MAX_MINOR
from tests.domain.fraud.payments import a_payment

POLICY = FraudPolicy()

countries = some.sampled_from([None, "DE", "FR", "US"])
counts = some.integers(0, 40)
amounts = some.integers(0, MAX_MINOR)
velocities = some.builds(Velocity, counts, counts, counts, counts, counts, counts, amounts, amounts)
payments = some.builds(
    Inputs,
    amount_minor=amounts,
    currency=some.sampled_from([*PER_REFERENCE_UNIT, "ZZZ"]),
    exponent=some.integers(0, 4),
    method_type=some.sampled_from(["card", "wallet", "paypal", "bank_transfer"]),
    card_exp=some.none() | some.tuples(some.integers(1, 12), some.integers(2020, 2035)),
    card_number_valid=some.sampled_from([None, True, False]),
    card_country=countries,
    ip_country=countries,
    email_domain=some.sampled_from([None, "example.com", "yopmail.com"]),
    customer_is_new=some.booleans(),
    created_at=some.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
    three_ds_possible=some.booleans(),
    listed=some.sampled_from([None, "block", "allow", "unreadable"]),
)


@dataclass
class Fixed:
    """A model that always says the same, and remembers what it was shown."""

    says: Decimal | None
    feature_set_id: str = FEATURE_SET_ID
    model_id: str = "fixed-1"
    shown: list[Vector] = field(default_factory=list)

    def score(self, vector: Vector) -> Decimal | None:
        self.shown.append(vector)
        return self.says


@settings(max_examples=300, deadline=None)
@given(payments, some.none() | velocities)
def test_a_score_is_a_share_of_one_and_explained(
    payment: Inputs, velocity: Velocity | None
) -> None:
    result = assess(payment, velocity, POLICY)

    assert 0 <= result.score <= 1
    assert result.score.as_tuple().exponent == -4
    assert result.score == min(Decimal(1), sum(f.contribution for f in result.factors))
    degraded = velocity is None or payment.listed == "unreadable"
    assert degraded is ("scoring_degraded" in [factor.name for factor in result.factors])


@settings(max_examples=300, deadline=None)
@given(payments, some.none() | velocities)
def test_the_same_inputs_give_the_same_answer(payment: Inputs, velocity: Velocity | None) -> None:
    assert assess(payment, velocity, POLICY) == assess(replace(payment), velocity, POLICY)


@settings(max_examples=300, deadline=None)
@given(payments, some.none() | velocities, amounts)
def test_a_larger_amount_never_scores_lower(
    payment: Inputs, velocity: Velocity | None, other: int
) -> None:
    smaller, larger = sorted((payment.amount_minor, other))
    low = assess(replace(payment, amount_minor=smaller), velocity, POLICY)
    high = assess(replace(payment, amount_minor=larger), velocity, POLICY)

    assert low.score <= high.score


@settings(max_examples=300, deadline=None)
@given(payments)
def test_without_history_no_approval_is_silent(payment: Inputs) -> None:
    result = assess(payment, None, POLICY)

    assert result.decision is not Decision.APPROVE or result.reason in ("fail_open", "list_allow")
    assert result.mode is not Mode.FULL


@settings(max_examples=200, deadline=None)
@given(payments, velocities, some.decimals(0, 1, places=6))
def test_the_model_can_raise_a_score_and_never_lower_it(
    payment: Inputs, velocity: Velocity, says: Decimal
) -> None:
    alone = assess(payment, velocity, POLICY)

    together = assess(payment, velocity, POLICY, Fixed(says))

    assert together.score == max(alone.score, says.quantize(Decimal("0.0001"), "ROUND_HALF_UP"))


@pytest.mark.parametrize(
    ("says", "level"),
    [
        ("0.2999", Level.LOW),
        ("0.29995", Level.MEDIUM),  # as rounded, so that the stored score explains the level
        ("0.3", Level.MEDIUM),
        ("0.6999", Level.MEDIUM),
        ("0.7", Level.HIGH),
    ],
)
def test_levels_begin_at_three_and_seven_tenths(says: str, level: Level) -> None:
    assert assess(a_payment(), NO_HISTORY, POLICY, Fixed(Decimal(says))).level is level


def test_a_models_score_is_named_and_explained() -> None:
    model = Fixed(Decimal("0.42"))
    velocity = Velocity(card_1h=5)

    result = assess(a_payment(), velocity, POLICY, model)

    assert (result.model_id, result.mode, result.score) == ("fixed-1", Mode.FULL, Decimal("0.42"))
    assert result.factors[-1] == Factor(
        "model_score", Source.MODEL, Decimal("0.17"), "0.42", "the model's score"
    )
    assert model.shown == [vector(a_payment(), velocity)]


@pytest.mark.parametrize(
    "model",
    [
        Fixed(None),
        Fixed(Decimal("1.01")),
        Fixed(Decimal("-0.01")),
        Fixed(Decimal("NaN")),
        Fixed(Decimal("0.9"), feature_set_id="another"),
    ],
    ids=["absent", "above one", "below zero", "not a number", "other features"],
)
def test_a_model_that_cannot_be_trusted_leaves_the_rules_alone(model: Fixed) -> None:
    result = assess(a_payment(amount_minor=10_001), NO_HISTORY, POLICY, model)

    assert (result.mode, result.model_id) == (Mode.RULES_ONLY, None)
    assert (result.score, result.reason) == (Decimal("0.05"), "scoring_degraded")
    assert result.factors[-1].value == "model"


def test_a_model_is_not_asked_without_history() -> None:
    model = Fixed(Decimal("0.9"))

    result = assess(a_payment(), None, POLICY, model)

    assert model.shown == []
    assert result.factors[-1].value == "velocity, model"
    assert result.score == Decimal("0.05")


def test_an_assessment_says_what_made_it() -> None:
    result = assess(a_payment(), NO_HISTORY, POLICY)

    assert (result.ruleset_version, result.feature_set_id) == ("v1", FEATURE_SET_ID)
    assert (result.model_id, result.reason, result.factors) == (None, None, ())
