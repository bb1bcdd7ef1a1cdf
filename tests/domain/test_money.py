"""Money is exact, never negative, and never mixes currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import CurrencyMismatch
from domain.money import CURRENCIES, MAX_MINOR, Currency, Money

MINORS = st.integers(min_value=0, max_value=MAX_MINOR)
ANY_CURRENCY = st.sampled_from(sorted(CURRENCIES.values(), key=str))


@given(one=MINORS, other=MINORS, currency=ANY_CURRENCY)
def test_adding_is_exact_and_subtracting_undoes_it(
    one: int, other: int, currency: Currency
) -> None:
    total = Money(one, currency) + Money(other, currency)

    assert total == Money(one + other, currency)
    assert total == Money(other, currency) + Money(one, currency)
    assert total - Money(other, currency) == Money(one, currency)


@given(small=MINORS, more=st.integers(min_value=1, max_value=MAX_MINOR), currency=ANY_CURRENCY)
def test_no_sum_falls_below_nothing(small: int, more: int, currency: Currency) -> None:
    with pytest.raises(ValueError, match="never negative"):
        Money(small, currency) - Money(small + more, currency)


@given(minor=MINORS, currency=ANY_CURRENCY)
def test_people_read_the_amount_in_major_units(minor: int, currency: Currency) -> None:
    number, code = str(Money(minor, currency)).split(" ")

    assert code == currency.code
    assert Decimal(number) == Decimal(minor).scaleb(-currency.exponent)
    assert len(number.partition(".")[2]) == currency.exponent


@pytest.mark.parametrize(
    ("minor", "code", "said"),
    [
        (0, "USD", "0.00 USD"),
        (5, "USD", "0.05 USD"),
        (123456, "EUR", "1234.56 EUR"),
        (0, "JPY", "0 JPY"),
        (500, "JPY", "500 JPY"),
        (7, "BHD", "0.007 BHD"),
        (1_000_000, "IDR", "10000.00 IDR"),
    ],
)
def test_every_exponent_is_written_out(minor: int, code: str, said: str) -> None:
    assert str(Money(minor, CURRENCIES[code])) == said


@pytest.mark.parametrize(
    ("exponent", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (2, "AUD BRL CAD CHF CNY EUR GBP HUF IDR INR MXN NOK PLN SEK SGD TWD USD ZAR"),
    ],
)
def test_the_exponents_are_those_of_iso_4217(exponent: int, codes: str) -> None:
    assert {CURRENCIES[code].exponent for code in codes.split()} == {exponent}


def test_only_these_currencies_have_other_than_two_digits() -> None:
    others = [currency for currency in CURRENCIES.values() if currency.exponent != 2]

    assert len(others) == 16 + 7
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert all(code == currency.code for code, currency in CURRENCIES.items())


@pytest.mark.parametrize("operator", ["__add__", "__sub__"])
def test_currencies_never_mix(operator: str) -> None:
    dollars, euros = Money(5, CURRENCIES["USD"]), Money(3, CURRENCIES["EUR"])
    with pytest.raises(CurrencyMismatch, match="USD and EUR"):
        getattr(dollars, operator)(euros)


@pytest.mark.parametrize("wrong", [1.0, "1", True, None, Decimal(1)])
def test_only_an_integer_is_an_amount(wrong: Any) -> None:
    with pytest.raises(TypeError, match="integer of minor units"):
        Money(wrong, CURRENCIES["USD"])


def test_a_negative_amount_is_no_amount() -> None:
    with pytest.raises(ValueError, match="-1"):
        Money(-1, CURRENCIES["USD"])


def test_a_million_of_the_largest_payments_fit_the_database() -> None:
    assert MAX_MINOR * 1_000_000 < 2**63
