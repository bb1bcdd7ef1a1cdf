"""What an operator may set of a Xendit gateway, read once and strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from workers.gateways import Unusable
from workers.gateways.reading import seconds
from workers.gateways.xendit.listing import LAG_S

#: How long Xendit keeps an idempotency key is not documented.
KEY_WINDOW_S: Final = 86_400.0
#: A channel may call a payment failed that it has made: such money is found within a day.
DOUBT_S: Final = 86_400.0
API_VERSION: Final = "2024-11-11"
#: Where the payer of an account number or a QR code is sent when the merchant gave no address.
GUIDE: Final = "https://help.xendit.co"

#: Return addresses are bounded there.
URL_LIMIT: Final = 255
_HTTPS: Final = re.compile(r"https://[!-~]+\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z")
_VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Terms:
    """One gateway's settings."""

    #: The account's own country; without it only the currencies that name one can be charged.
    country: str | None
    #: Whether cards may be charged without 3DS when nobody asks for it: the account must allow it.
    skip_three_ds: bool
    #: Where the payer comes back to when the merchant gave no address.
    return_url: str | None
    #: Where the payer of an account number or a QR code is sent when the merchant gave no address.
    instructions_url: str
    #: Whether payment requests can be listed by our reference, which is not documented for v3.
    list_by_reference: bool
    #: Whether chargebacks are asked for when a charge is read.
    disputes: bool
    api_version: str
    refund_key_window: timedelta
    payout_key_window: timedelta
    doubt: timedelta
    #: How late a transaction may show in the account's list.
    transactions_lag: timedelta

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Terms:
        """Read a row's settings. Raises `Unusable`."""
        return cls(
            country=_text(settings, "country", _COUNTRY, "a country as two capital letters"),
            skip_three_ds=_flag(settings, "skip_three_ds", otherwise=False),
            return_url=_url(settings, "return_url"),
            instructions_url=_url(settings, "instructions_url") or GUIDE,
            list_by_reference=_flag(settings, "list_by_reference", otherwise=False),
            disputes=_flag(settings, "disputes", otherwise=True),
            api_version=_text(settings, "api_version", _VERSION, "a date") or API_VERSION,
            refund_key_window=seconds(settings, "refund_key_window_s", KEY_WINDOW_S),
            payout_key_window=seconds(settings, "payout_key_window_s", KEY_WINDOW_S),
            doubt=seconds(settings, "doubt_s", DOUBT_S),
            transactions_lag=seconds(settings, "transactions_lag_s", LAG_S),
        )


def is_return_url(url: str) -> bool:
    """Whether Xendit takes this as an address to send the payer back to."""
    return len(url) <= URL_LIMIT and _HTTPS.match(url) is not None


def _text(
    settings: Mapping[str, object], name: str, pattern: re.Pattern[str], what: str
) -> str | None:
    value = settings.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.match(value):
        raise Unusable(f"{name} is {what}")
    return value


def _url(settings: Mapping[str, object], name: str) -> str | None:
    value = _text(settings, name, _HTTPS, "an https address")
    if value is not None and not is_return_url(value):
        raise Unusable(f"{name} has at most {URL_LIMIT} characters")
    return value


def _flag(settings: Mapping[str, object], name: str, *, otherwise: bool) -> bool:
    value = settings.get(name, otherwise)
    if not isinstance(value, bool):
        raise Unusable(f"{name} is true or false")
    return value
