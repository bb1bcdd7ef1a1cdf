"""PayPal's money: decimal texts, with digits of its own for some currencies."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.money import CURRENCIES, Money

#: What PayPal takes and how many decimals it writes (its page of currency codes): forint and new
#: Taiwan dollars have none there, whatever ISO 4217 says.
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        code: exponent
        for exponent, codes in (
            (
                2,
                "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD",
            ),
            (0, "HUF JPY TWD"),
        )
        for code in codes.split()
    }
)


def written(money: Money, exponents: Mapping[str, int]) -> str | None:
    """Return the amount as PayPal writes it; None for what it cannot express, and for nothing."""
    exponent = exponents.get(money.currency.code)
    if exponent is None or money.minor <= 0:
        return None
    spare = money.currency.exponent - exponent
    units, rest = divmod(money.minor, 10**spare) if spare >= 0 else (money.minor * 10**-spare, 0)
    if rest:
        return None
    digits = str(units).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits


def heard(value: str, code: str) -> Money | None:
    """Return what an amount of PayPal's comes to; None: no currency of ours, or less than a unit.

    `value` has the form of `shapes.Amount.value`, which is plain digits.
    """
    currency = CURRENCIES.get(code)
    if currency is None:
        return None
    minor = Decimal(value).scaleb(currency.exponent)
    return Money(int(minor), currency) if minor == minor.to_integral_value() else None
