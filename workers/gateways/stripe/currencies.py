"""Stripe's currencies: how many decimals its amounts have, and which amounts it takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.money import CURRENCIES, Money

#: ISK and UGX have no decimals by ISO, but stay at two in this API; MGA has two, and here none.
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP "
    "SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW"
)
_ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THREE = "BHD JOD KWD OMR TND"

#: The provider's exponent by code (source: its page on currencies).
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        code: exponent
        for exponent, codes in ((2, _TWO), (0, _ZERO), (3, _THREE))
        for code in codes.split()
    }
)
#: An amount is a multiple of this, in the provider's units: where there is no smaller coin, and
#: where the card networks round thousandths.
STEPS: Final[Mapping[str, int]] = MappingProxyType(
    {"ISK": 100, "UGX": 100} | dict.fromkeys(_THREE.split(), 10)
)
#: And these have decimals when they are charged, but none when they are paid out.
PAYOUT_STEPS: Final[Mapping[str, int]] = MappingProxyType(
    dict(STEPS) | dict.fromkeys(("HUF", "TWD"), 100)
)
#: What can be paid by PayPal (source: the page on PayPal payments).
_BY_PAYPAL = "AUD CAD CHF CZK DKK EUR GBP HKD NOK NZD PLN SEK SGD USD"
PAYPAL_CURRENCIES: Final = frozenset(_BY_PAYPAL.split())


def expressed(money: Money, steps: Mapping[str, int] = STEPS) -> int | None:
    """Return the amount in the provider's units; None: it has no such amount."""
    exponent = EXPONENTS.get(money.currency.code)
    if exponent is None or money.minor <= 0:
        return None
    more = exponent - money.currency.exponent
    amount, rest = divmod(money.minor * 10 ** max(more, 0), 10 ** max(-more, 0))
    return None if rest or amount % steps.get(money.currency.code, 1) else amount


def understood(amount: int, currency: str) -> Money | None:
    """Return what the provider's amount is in ours; None: a currency or a fraction we do not have.

    The provider writes currencies in lower case.
    """
    code = currency.upper()
    known, exponent = CURRENCIES.get(code), EXPONENTS.get(code)
    if known is None or exponent is None:
        return None
    more = known.exponent - exponent
    minor, rest = divmod(amount * 10 ** max(more, 0), 10 ** max(-more, 0))
    return None if rest else Money(minor, known)
