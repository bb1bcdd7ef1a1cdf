"""Xendit's amounts: JSON numbers in the major unit, written and read without a float between."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.money import CURRENCIES, Money

#: The decimals that Xendit counts in each currency: the rupiah and the dong have none there.
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "IDR": 0,
        "VND": 0,
        "JPY": 0,
        "PHP": 2,
        "THB": 2,
        "MYR": 2,
        "SGD": 2,
        "HKD": 2,
        "MXN": 2,
        "USD": 2,
        "EUR": 2,
        "GBP": 2,
        "AUD": 2,
    }
)
#: The currency of each country that Xendit works in. The others are for cards, in an account whose
#: country the gateway's row names.
COUNTRIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "IDR": "ID",
        "PHP": "PH",
        "VND": "VN",
        "THB": "TH",
        "MYR": "MY",
        "SGD": "SG",
        "HKD": "HK",
        "MXN": "MX",
    }
)
#: More digits than this before the point are no amount, and would take long to compute with.
DIGITS: Final = 18


def written(money: Money) -> Decimal | None:
    """Return the number that Xendit wants; None: it cannot say this amount, or not this currency."""
    code, minor = money.currency.code, money.minor
    exponent = EXPONENTS.get(code)
    if exponent is None or minor <= 0:
        return None
    if minor % 10 ** (money.currency.exponent - exponent):
        return None
    return Decimal(minor // 10 ** (money.currency.exponent - exponent)).scaleb(-exponent)


def read(value: Decimal, code: str) -> Money | None:
    """Return what a number of Xendit's is in our minor units; None where it is no amount of it."""
    currency = CURRENCIES.get(code)
    if currency is None or not value.is_finite() or value < 0 or value.adjusted() >= DIGITS:
        return None
    minor = value * 10**currency.exponent
    return Money(int(minor), currency) if minor == minor.to_integral_value() else None
