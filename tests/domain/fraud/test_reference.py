"""One limit in every currency, by whole minor units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.fraud.features import NO_HISTORY
from domain.fraud.reference import (
    PER_REFERENCE_UNIT,
    UNKNOWN_PER_REFERENCE_UNIT,
    limit_minor,
    reference_cents,
)
from domain.fraud.rules import HIGH_AMOUNT, RULES, fired
from domain.money import CURRENCIES
from tests.domain.fraud.payments import a_payment


@pytest.mark.parametrize(
    ("currency", "exponent", "minor"),
    [
        ("USD", 2, 1_000_000),
        ("EUR", 2, 860_000),
        ("JPY", 0, 1_500_000),
        ("IDR", 2, 16_000_000_000),
        ("KWD", 3, 3_000_000),
        ("ZZZ", 2, 250_000),
    ],
)
def test_the_high_amount_follows_currency_and_exponent(
    currency: str, exponent: int, minor: int
) -> None:
    assert limit_minor(HIGH_AMOUNT, currency, exponent) == minor
    at_limit = a_payment(currency=currency, exponent=exponent, amount_minor=minor)
    above = a_payment(currency=currency, exponent=exponent, amount_minor=minor + 1)
    assert fired(at_limit, NO_HISTORY) == ()
    assert [rule.name for rule, _ in fired(above, NO_HISTORY)] == [RULES[0].name]


def test_every_currency_we_accept_has_a_reference_unit() -> None:
    assert set(CURRENCIES) - set(PER_REFERENCE_UNIT) == set()


def test_an_unknown_currency_counts_as_stronger_than_every_known_one() -> None:
    assert min(PER_REFERENCE_UNIT.values()) > UNKNOWN_PER_REFERENCE_UNIT > 0


def test_reference_cents_round_down() -> None:
    assert reference_cents(12_345, "USD", 2) == 12_345
    assert reference_cents(149, "JPY", 0) == 99
    assert reference_cents(1, "ZZZ", 0) == 400


def test_limits_are_exact_and_not_nearly_so() -> None:
    assert limit_minor(Decimal("0.01"), "EUR", 2) == Decimal("0.86")
