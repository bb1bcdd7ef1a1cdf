"""The bank's currencies and how many decimals each has (ISO 4217)."""

import re

_WITH_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG
HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES
WST XCD YER ZAR ZMW
"""
_WITH_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"

#: Code to number of decimals.
DECIMALS = (
    dict.fromkeys(_WITH_TWO.split(), 2)
    | dict.fromkeys(_WITH_NONE.split(), 0)
    | dict.fromkeys(_WITH_THREE.split(), 3)
)
#: The largest amount in minor units; the bank's own limit.
LARGEST = 10**15
_NUMBER = re.compile(r"(?:0|[1-9]\d{0,17})(?:\.\d{1,3})?", re.ASCII)


def minor(amount: str, currency: str) -> int | None:
    """Return an amount in minor units; None: it is no amount of this currency. One without all its
    decimals, with too many, or of nothing is none."""
    decimals = DECIMALS.get(currency)
    if decimals is None or _NUMBER.fullmatch(amount) is None:
        return None
    _, point, fraction = amount.partition(".")
    if len(fraction) != decimals or bool(point) != bool(decimals):
        return None
    units = int(amount.replace(".", ""))
    return units if 0 < units <= LARGEST else None


def written(units: int, currency: str) -> str:
    """Return minor units as the bank writes them, e.g. "12.50"."""
    decimals = DECIMALS[currency]
    whole, fraction = divmod(units, 10**decimals)
    return f"{whole}.{fraction:0{decimals}}" if decimals else str(whole)
