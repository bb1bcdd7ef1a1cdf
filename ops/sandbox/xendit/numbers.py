"""Amounts: JSON numbers in the major unit outside, ISO 4217 minor units inside."""

from decimal import Decimal

import msgspec

#: Digits of ISO 4217, and how many of them Xendit lets a number have.
CURRENCIES: dict[str, tuple[int, int]] = {
    "IDR": (2, 0),
    "VND": (0, 0),
    "JPY": (0, 0),
    "PHP": (2, 2),
    "THB": (2, 2),
    "MYR": (2, 2),
    "SGD": (2, 2),
    "HKD": (2, 2),
    "MXN": (2, 2),
    "USD": (2, 2),
    "EUR": (2, 2),
    "GBP": (2, 2),
    "AUD": (2, 2),
}


def minor(number: Decimal, currency: str) -> int | None:
    """Return the minor units; None where the number is no amount of that currency."""
    digits, shown = CURRENCIES[currency]
    if not number.is_finite() or number <= 0 or number.adjusted() > 14:
        return None
    if number != round(number, shown):
        return None
    return int(number.scaleb(digits))


def number(amount: int, currency: str) -> msgspec.Raw:
    """Return the JSON number for an amount in minor units."""
    text = format(Decimal(amount).scaleb(-CURRENCIES[currency][0]).normalize(), "f")
    return msgspec.Raw(text.encode())


def least(currency: str) -> int:
    """Return the smallest amount there is, in minor units."""
    digits, shown = CURRENCIES[currency]
    return int(10 ** (digits - shown))
