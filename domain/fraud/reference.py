"""Reference units: a coarse table that makes one limit mean about the same in every currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType

# Units of each currency for one reference unit (one US dollar). Two digits, set by hand and
# versioned with the rule set: a limit that is 20 % off is still a limit, a rate feed that fails is
# not. Where official and street rates differ, the stronger one stands, which flags more.
_PER_REFERENCE_UNIT = """
AED 3.7  AFN 70    ALL 85    AMD 385   AOA 915   ARS 1400  AUD 1.5   AWG 1.8   AZN 1.7   BAM 1.7
BBD 2    BDT 120   BGN 1.7   BHD 0.38  BIF 2900  BMD 1     BND 1.3   BOB 6.9   BRL 5.4   BSD 1
BTN 88   BWP 13    BYN 3.2   BZD 2     CAD 1.4   CDF 2400  CHF 0.8   CLP 940   CNY 7.1   COP 3900
CRC 500  CUP 24    CVE 95    CZK 21    DJF 175   DKK 6.4   DOP 62    DZD 130   EGP 48    ERN 15
ETB 145  EUR 0.86  FJD 2.2   FKP 0.75  GBP 0.75  GEL 2.7   GHS 11    GIP 0.75  GMD 71    GNF 8600
GTQ 7.7  GYD 205   HKD 7.8   HNL 26    HTG 130   HUF 335   IDR 16000 ILS 3.3   INR 88    IQD 1300
IRR 42000 ISK 120  JMD 160   JOD 0.7   JPY 150   KES 129   KGS 87    KHR 4000  KMF 420   KPW 900
KRW 1400 KWD 0.3   KYD 0.83  KZT 520   LAK 21000 LBP 89000 LKR 300   LRD 180   LSL 17    LYD 5.4
MAD 9    MDL 17    MGA 4400  MKD 53    MMK 2100  MNT 3500  MOP 8     MRU 40    MUR 45    MVR 15
MWK 1700 MXN 18    MYR 4.2   MZN 63    NAD 17    NGN 1450  NIO 36    NOK 10    NPR 140   NZD 1.7
OMR 0.38 PAB 1     PEN 3.4   PGK 4.1   PHP 58    PKR 280   PLN 3.6   PYG 7100  QAR 3.6   RON 4.4
RSD 100  RUB 80    RWF 1450  SAR 3.7   SBD 8.2   SCR 14    SDG 600   SEK 9.4   SGD 1.3   SHP 0.75
SLE 22   SOS 570   SRD 38    SSP 4500  STN 21    SVC 8.7   SYP 11000 SZL 17    THB 32    TJS 9.3
TMT 3.5  TND 2.9   TOP 2.3   TRY 41    TTD 6.7   TWD 31    TZS 2450  UAH 41    UGX 3500  USD 1
UYU 40   UZS 12000 VES 200   VND 26000 VUV 120   WST 2.7   XAF 560   XCD 2.7   XCG 1.8   XOF 560
XPF 100  YER 239   ZAR 17    ZMW 22
"""


def _table() -> Mapping[str, Decimal]:
    words = _PER_REFERENCE_UNIT.split()
    return MappingProxyType(dict(zip(words[::2], map(Decimal, words[1::2]), strict=True)))


#: Currency units for one reference unit.
PER_REFERENCE_UNIT = _table()

#: A currency the table lacks counts as stronger than the strongest known one (Kuwaiti dinar, 0.3):
#: its payments meet every limit too early, never too late.
UNKNOWN_PER_REFERENCE_UNIT = Decimal("0.25")


def limit_minor(reference_units: Decimal, currency: str, exponent: int) -> Decimal:
    """Return a limit given in reference units as minor units of `currency`, exactly."""
    return (reference_units * _units(currency)).scaleb(exponent)


def reference_cents(amount_minor: int, currency: str, exponent: int) -> int:
    """Return an amount as hundredths of a reference unit, rounded down."""
    cents = Decimal(amount_minor).scaleb(2 - exponent) / _units(currency)
    return int(cents.to_integral_value(ROUND_FLOOR))


def _units(currency: str) -> Decimal:
    return PER_REFERENCE_UNIT.get(currency, UNKNOWN_PER_REFERENCE_UNIT)
