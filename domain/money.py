"""Money: an integer number of minor units and an ISO 4217 currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from domain.errors import CurrencyMismatch

#: Largest amount of any currency in minor units: fits BIGINT sums of a million such payments.
MAX_MINOR = 999_999_999_999

#: Some currencies have minor units on paper that no provider moves (C-31): amounts are whole.
WHOLE_UNITS_ONLY = frozenset({"IDR"})

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD "
    "HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
    "UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency; `exponent` is its number of decimal digits (0, 2 or 3)."""

    code: str
    exponent: int

    @property
    def step(self) -> int:
        """The smallest amount that moves, in minor units; every other is a multiple of it."""
        return 10**self.exponent if self.code in WHOLE_UNITS_ONLY else 1

    def __str__(self) -> str:
        return self.code


#: Every active national currency of ISO 4217 by code (source: the standard's list one).
CURRENCIES = MappingProxyType(
    {
        code: Currency(code, exponent)
        for exponent, codes in ((2, _TWO), (0, _ZERO), (3, _THREE))
        for code in codes.split()
    }
)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact, non-negative amount in the currency's minor unit."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError(f"money is an integer of minor units, not {type(self.minor).__name__}")
        if self.minor < 0:
            raise ValueError(f"money is never negative: {self.minor}")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __str__(self) -> str:
        """Return the amount for people, in major units: `12.50 EUR`."""
        digits = str(self.minor).rjust(self.currency.exponent + 1, "0")
        whole = digits[: len(digits) - self.currency.exponent]
        part = digits[len(whole) :]
        return f"{whole}.{part} {self.currency}" if part else f"{whole} {self.currency}"

    def _same(self, other: Money) -> int:
        if self.currency.code != other.currency.code:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.minor
