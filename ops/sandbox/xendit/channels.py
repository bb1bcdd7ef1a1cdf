"""The channels that can be charged, and those that payouts go to."""

from dataclasses import dataclass
from enum import Enum, auto


class Flow(Enum):
    """What the payer of a channel has to do."""

    CARD = auto()
    REDIRECT = auto()  # approves on the channel's page
    PHONE = auto()  # approves in the channel's app, which asks them itself
    NUMBER = auto()  # transfers to an account number
    CODE = auto()  # scans a QR code


@dataclass(frozen=True)
class Channel:
    """One payment channel; `least` and `most` are major units of its currency."""

    code: str
    currency: str | None  #: None: any
    flow: Flow
    least: int = 0
    most: int = 10**12
    refunds: bool = True
    disputes: bool = False


CARDS = Channel("CARDS", None, Flow.CARD, disputes=True)
_ALL = (
    CARDS,
    Channel("DANA", "IDR", Flow.REDIRECT, 100, 20_000_000),
    Channel("OVO", "IDR", Flow.PHONE, 100, 20_000_000),
    Channel("SHOPEEPAY", "IDR", Flow.REDIRECT, 100, 20_000_000),
    Channel("GCASH", "PHP", Flow.REDIRECT, 1, 100_000),
    Channel("GRABPAY", "PHP", Flow.REDIRECT, 1, 100_000),
    Channel("TOUCHNGO", "MYR", Flow.REDIRECT, 1, 5_000),
    Channel("BCA_VIRTUAL_ACCOUNT", "IDR", Flow.NUMBER, 10_000, 50_000_000, refunds=False),
    Channel("BRI_VIRTUAL_ACCOUNT", "IDR", Flow.NUMBER, 10_000, 50_000_000, refunds=False),
    Channel("MANDIRI_VIRTUAL_ACCOUNT", "IDR", Flow.NUMBER, 10_000, 50_000_000, refunds=False),
    Channel("VIETCAPITAL_VIRTUAL_ACCOUNT", "VND", Flow.NUMBER, 10_000, 10**9, refunds=False),
    Channel("QRIS", "IDR", Flow.CODE, 1, 10_000_000, disputes=True),
    Channel("QRPROMPTPAY", "THB", Flow.CODE, 1, 700_000, refunds=False),
)
CHANNELS = {channel.code: channel for channel in _ALL}

#: The country of a currency; in the others only cards are charged, in any country.
COUNTRIES = {
    "IDR": "ID",
    "VND": "VN",
    "PHP": "PH",
    "THB": "TH",
    "MYR": "MY",
    "SGD": "SG",
    "HKD": "HK",
    "MXN": "MX",
}
#: Channels that payouts go to, with their currency.
PAYOUT_CHANNELS = {
    "ID_BCA": "IDR",
    "ID_BRI": "IDR",
    "ID_MANDIRI": "IDR",
    "ID_DANA": "IDR",
    "ID_OVO": "IDR",
    "PH_BDO": "PHP",
    "PH_GCASH": "PHP",
    "VN_VIETCAPITAL": "VND",
    "TH_SCB": "THB",
    "MY_MAYBANK": "MYR",
}

#: Numbers that make a card's charge fail, in major units, anywhere but in Vietnam.
FAILING = {
    10051: "EXPIRED_CARD",
    10052: "SUSPECTED_FRAUDULENT",
    10053: "DECLINED_BY_PROCESSOR",
    10054: "INSUFFICIENT_BALANCE",
    10055: "STOLEN_CARD",
    10056: "INACTIVE_OR_UNAUTHORIZED_CARD",
    10057: "PROCESSOR_ERROR",
    10058: "INVALID_CVV",
    10059: "DECLINED_BY_ISSUER",
}
FAILING_IN_VIETNAM = {
    405400: "EXPIRED_CARD",
    405900: "SUSPECTED_FRAUDULENT",
    405100: "INSUFFICIENT_BALANCE",
    400700: "STOLEN_CARD",
    405500: "INACTIVE_OR_UNAUTHORIZED_CARD",
    402500: "PROCESSOR_ERROR",
    403900: "INVALID_CVV",
    400300: "DECLINED_BY_ISSUER",
}
#: Account numbers that decide what becomes of a payout; any other is paid.
STAYS = "131313"
RETURNS = "654321"
FAILING_ACCOUNTS = {
    "123456": "TEMPORARY_TRANSFER_ERROR",
    "999999": "REJECTED_BY_CHANNEL",
    "121212": "INVALID_DESTINATION",
}
