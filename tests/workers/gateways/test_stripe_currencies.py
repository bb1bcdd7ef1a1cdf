"""Stripe's own idea of how many decimals a currency has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import CURRENCIES, MAX_MINOR, Money
from domain.outcome import Succeeded
from domain.task import Charge, PayOut
from tests.contract.made import a_payout_row
from tests.workers.gateways.stripe_spoken import (
    BANK,
    OFFLINE,
    a_card_payment,
    answered,
    confirming,
    intent,
)
from workers.gateways.stripe.currencies import EXPONENTS, expressed, understood

#: ISO minor units, and what the provider's page on currencies makes of them (None: it cannot).
CHARGED = [
    ("EUR", 1099, 1099),
    ("USD", 1, 1),
    ("IDR", 1000000, 1000000),  # 10,000 rupiah: sen are in the amount, like cents
    ("JPY", 500, 500),
    ("KRW", 1000, 1000),
    ("CLP", 7, 7),
    ("ISK", 5, 500),  # no decimals by ISO, two here
    ("UGX", 5, 500),
    ("MGA", 500, 5),  # two by ISO, none here
    ("MGA", 550, None),
    ("KWD", 5120, 5120),
    ("KWD", 5124, None),  # the last digit is always zero
    ("BHD", 10, 10),
    ("JOD", 15, None),
    ("HUF", 1050, 1050),
    ("TWD", 1050, 1050),
    ("IQD", 1000, None),  # not taken at all
    ("KPW", 1000, None),
]
PAID_OUT = [
    ("EUR", 1099, 1099),
    ("HUF", 1000, 1000),
    ("HUF", 1050, None),
    ("TWD", 1050, None),
    ("ISK", 5, 500),
    ("KWD", 5124, None),
]


@pytest.mark.parametrize(("code", "minor", "amount"), CHARGED)
def test_a_charge_has_the_amount_that_the_provider_would_write(
    code: str, minor: int, amount: int | None
) -> None:
    body = OFFLINE.compose(Charge(a_card_payment(minor, code)), "r" * 32)

    assert (None if body is None else json.loads(body)["create"]["amount"]) == amount


@pytest.mark.parametrize(("code", "minor", "amount"), PAID_OUT)
def test_a_payout_has_no_coins_where_the_provider_pays_none(
    code: str, minor: int, amount: int | None
) -> None:
    body = OFFLINE.compose(PayOut(a_payout_row(minor, code, destination=BANK)), "r" * 32)

    assert (None if body is None else json.loads(body)["amount"]) == amount


@pytest.mark.parametrize(("code", "minor", "amount"), [row for row in CHARGED if row[2]])
def test_what_is_shown_is_read_back_in_our_units(code: str, minor: int, amount: int) -> None:
    attempt = confirming(a_card_payment(minor, code))
    shown = intent(attempt, amount=amount, amount_received=amount, currency=code.lower())

    outcome = answered(attempt, 200, shown)

    assert isinstance(outcome, Succeeded)
    assert outcome.money == attempt.money


@pytest.mark.parametrize(
    ("amount", "currency"), [(550, "isk"), (1, "xxx"), (1, "iqd"), (1, "")], ids=str
)
def test_money_that_we_do_not_have_is_not_understood(amount: int, currency: str) -> None:
    assert understood(amount, currency) is None


@given(code=st.sampled_from(sorted(EXPONENTS)), minor=st.integers(1, MAX_MINOR))
def test_whatever_can_be_expressed_comes_back_the_same(code: str, minor: int) -> None:
    money = Money(minor, CURRENCIES[code])
    amount = expressed(money)

    if amount is None:
        assert code in {"MGA", "BHD", "JOD", "KWD", "OMR", "TND"}
    else:
        assert understood(amount, code.lower()) == money


def test_the_exponents_differ_from_iso_only_where_the_provider_says_so() -> None:
    assert {
        code: exponent
        for code, exponent in EXPONENTS.items()
        if exponent != CURRENCIES[code].exponent
    } == {"ISK": 2, "UGX": 2, "MGA": 0}
    assert len(EXPONENTS) > 130
