"""Score: lists, rules and model combined into one decision about one payment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from domain.fraud.features import FEATURE_SET_ID, NO_HISTORY, Inputs, Velocity, vector
from domain.fraud.model import Model
from domain.fraud.reference import limit_minor
from domain.fraud.rules import RULESET_VERSION, fired

#: low < 0.3 <= medium < 0.7 <= high.
MEDIUM_FROM = Decimal("0.3")
HIGH_FROM = Decimal("0.7")
#: Scoring with less than it should have is itself a small risk.
DEGRADED_WEIGHT = Decimal("0.05")

_ZERO, _ONE, _FOUR_PLACES = Decimal(0), Decimal(1), Decimal("0.0001")


class Level(StrEnum):
    """How risky the score says the payment is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Decision(StrEnum):
    """What happens to the payment."""

    APPROVE = "approve"
    CHALLENGE = "challenge"  # 3-D Secure
    REVIEW = "review"  # a person decides; nothing is captured before
    DECLINE = "decline"  # no gateway is called


class Mode(StrEnum):
    """How much the score could look at."""

    FULL = "full"
    RULES_ONLY = "rules_only"  # history, lists or the model were missing
    AMOUNT_ONLY = "amount_only"  # history was, and nothing else is known about the payer or card


class Source(StrEnum):
    """Who raised a factor."""

    RULE = "rule"
    MODEL = "model"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason for the score, for operators and never for the payer."""

    name: str
    source: Source
    #: What it adds before the sum is capped at 1. A model's is what it adds to the rules' score.
    contribution: Decimal
    #: What was seen: an amount, a count, a country; no card, address or e-mail.
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class FraudPolicy:
    """The limits of the decision table, in reference units. Raises ValueError below zero."""

    #: From this amount on a person looks at what is not challenged anyway; None switches it off.
    manual_review_amount: Decimal | None = Decimal("25000.00")
    #: Up to this amount a payment goes on although scoring is degraded.
    fail_open_limit: Decimal = Decimal("100.00")

    def __post_init__(self) -> None:
        for limit in (self.manual_review_amount, self.fail_open_limit):
            if limit is not None and not (limit.is_finite() and limit >= 0):
                raise ValueError(f"a limit is an amount, not {limit}")


@dataclass(frozen=True, slots=True)
class Assessment:
    """One payment's score and decision; stored once, before any gateway is called."""

    #: 0 to 1, four places.
    score: Decimal
    level: Level
    decision: Decision
    #: The row of the decision table that matched; None for a plain approval.
    reason: str | None
    factors: tuple[Factor, ...]
    mode: Mode
    ruleset_version: str
    #: The model whose score was used; None when the rules decided alone.
    model_id: str | None
    feature_set_id: str


@dataclass(frozen=True, slots=True)
class _Case:
    """What the decision table asks about."""

    inputs: Inputs
    policy: FraudPolicy
    level: Level
    fired: frozenset[str]
    degraded: bool

    @property
    def three_ds(self) -> bool:
        return self.inputs.three_ds_possible

    @property
    def large(self) -> bool:
        limit = self.policy.manual_review_amount
        return limit is not None and self.inputs.amount_minor >= self._minor(limit)

    @property
    def too_large_unscored(self) -> bool:
        limit = self._minor(self.policy.fail_open_limit)
        return self.degraded and self.inputs.amount_minor > limit

    def _minor(self, limit: Decimal) -> Decimal:
        return limit_minor(limit, self.inputs.currency, self.inputs.exponent)


_Row = tuple[Callable[[_Case], bool], Decision, str | None]

#: First match wins. A degraded approval keeps its reason, so that it is never silent.
_DECISIONS: tuple[_Row, ...] = (
    (lambda c: c.inputs.listed == "block", Decision.DECLINE, "list_block"),
    (lambda c: "invalid_card_number" in c.fired, Decision.DECLINE, "invalid_card_number"),
    (lambda c: "expired_card" in c.fired, Decision.DECLINE, "expired_card"),
    (lambda c: c.inputs.listed == "allow", Decision.APPROVE, "list_allow"),
    (lambda c: c.level is Level.HIGH, Decision.DECLINE, "fraud_declined"),
    # A payer who may be blocked must not get past by passing 3-D Secure.
    (lambda c: c.inputs.listed == "unreadable", Decision.REVIEW, "lists_unreadable"),
    (lambda c: c.level is Level.MEDIUM and c.three_ds, Decision.CHALLENGE, "medium_risk"),
    (lambda c: c.level is Level.MEDIUM, Decision.REVIEW, "medium_risk"),
    (lambda c: c.large, Decision.REVIEW, "manual_review_amount"),
    (lambda c: c.too_large_unscored and c.three_ds, Decision.CHALLENGE, "scoring_degraded"),
    (lambda c: c.too_large_unscored, Decision.REVIEW, "scoring_degraded"),
    (lambda c: c.degraded, Decision.APPROVE, "fail_open"),
    (lambda _: True, Decision.APPROVE, None),
)


def assess(
    inputs: Inputs, velocity: Velocity | None, policy: FraudPolicy, model: Model | None = None
) -> Assessment:
    """Return the score and the decision; the same arguments always give the same answer.

    `velocity` is None when history could not be read. The score is the larger one of the rules'
    and the model's; a model is asked only with the history and features it was trained on.
    """
    modelled = None if model is None or velocity is None else _ask(model, inputs, velocity)
    missing = _missing(inputs, velocity, model, modelled)
    factors = _rule_factors(inputs, velocity or NO_HISTORY, missing)
    by_rules = min(_ONE, sum((factor.contribution for factor in factors), _ZERO))
    if modelled is not None:
        factors.append(_model_factor(modelled, by_rules))
    score = max(by_rules, modelled or _ZERO).quantize(_FOUR_PLACES, ROUND_HALF_UP)
    level = _level(score)
    case = _Case(inputs, policy, level, frozenset(f.name for f in factors), bool(missing))
    decision, reason = _decide(case)
    return Assessment(
        score=score,
        level=level,
        decision=decision,
        reason=reason,
        factors=tuple(factors),
        mode=_mode(inputs, velocity, missing),
        ruleset_version=RULESET_VERSION,
        model_id=model.model_id if model is not None and modelled is not None else None,
        feature_set_id=FEATURE_SET_ID,
    )


def _ask(model: Model, inputs: Inputs, velocity: Velocity) -> Decimal | None:
    """Return the model's score, or None when there is none that can be trusted."""
    if model.feature_set_id != FEATURE_SET_ID:
        return None
    score = model.score(vector(inputs, velocity))
    if score is None or not score.is_finite():
        return None
    return score if _ZERO <= score <= _ONE else None


def _missing(
    inputs: Inputs, velocity: Velocity | None, model: Model | None, modelled: Decimal | None
) -> list[str]:
    missing = []
    if velocity is None:
        missing.append("velocity")
    if model is not None and modelled is None:
        missing.append("model")
    if inputs.listed == "unreadable":
        missing.append("lists")
    return missing


def _rule_factors(inputs: Inputs, velocity: Velocity, missing: Sequence[str]) -> list[Factor]:
    factors = [
        Factor(rule.name, Source.RULE, rule.weight, value, rule.text)
        for rule, value in fired(inputs, velocity)
    ]
    if inputs.listed in ("block", "allow"):
        name = f"list_{inputs.listed}"
        factors.insert(0, Factor(name, Source.LIST, _ZERO, inputs.listed, "an entry of the lists"))
    if missing:
        text = "scored without all it should have"
        value = ", ".join(missing)
        factors.append(Factor("scoring_degraded", Source.RULE, DEGRADED_WEIGHT, value, text))
    return factors


def _model_factor(modelled: Decimal, by_rules: Decimal) -> Factor:
    added = max(_ZERO, modelled - by_rules)
    return Factor("model_score", Source.MODEL, added, str(modelled), "the model's score")


def _level(score: Decimal) -> Level:
    if score >= HIGH_FROM:
        return Level.HIGH
    return Level.MEDIUM if score >= MEDIUM_FROM else Level.LOW


def _decide(case: _Case) -> tuple[Decision, str | None]:
    return next((decision, reason) for holds, decision, reason in _DECISIONS if holds(case))


def _mode(inputs: Inputs, velocity: Velocity | None, missing: Sequence[str]) -> Mode:
    if not missing:
        return Mode.FULL
    card_known = inputs.method_type == "card" and not (
        inputs.card_exp is None
        and inputs.card_number_valid is None
        and (inputs.card_country is None or inputs.ip_country is None)
    )
    if velocity is None and not card_known and inputs.email_domain is None:
        return Mode.AMOUNT_ONLY
    return Mode.RULES_ONLY
