"""How PayPal writes money: decimal texts with as many digits as it gives each currency."""

from __future__ import annotations

_TWO = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD"
#: Its page of currency codes; of every other currency it takes nothing.
DIGITS = {"HUF": 0, "JPY": 0, "TWD": 0} | dict.fromkeys(_TWO.split(), 2)
#: ISO 4217 gives these digits that PayPal does not use.
EXTRA = {"HUF": 2, "TWD": 2}
MOST = 999_999_999_999_999


def minor_of(value: str, currency: str) -> int | None:
    """Return a positive or negative amount in ISO minor units; None: more decimals than PayPal takes."""
    sign, digits = (-1, value[1:]) if value.startswith("-") else (1, value)
    whole, _, part = digits.partition(".")
    allowed = DIGITS[currency]
    if len(part) > allowed:
        return None
    units = int((whole or "0") + part.ljust(allowed, "0"))
    return sign * units * unit_of(currency)


def text_of(minor: int, currency: str) -> str:
    """Return ISO minor units as PayPal writes them."""
    units, digits = minor // unit_of(currency), DIGITS[currency]
    if not digits:
        return str(units)
    text = str(units).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def unit_of(currency: str) -> int:
    """Return the least amount of a currency here, in ISO minor units."""
    return int(10 ** EXTRA.get(currency, 0))


def shown(minor: int, currency: str) -> dict[str, str]:
    """Return money as Orders and Payments show it."""
    return {"currency_code": currency, "value": text_of(minor, currency)}
