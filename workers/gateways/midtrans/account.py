"""One Midtrans account as its gateway is configured: addresses, keys, and what it has agreed on."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from workers.gateways import Setup, Unusable
from workers.gateways.reading import seconds
from workers.gateways.wire import Wire

#: Where payouts live, by the host of the Core API; any other host needs `iris_url`.
IRIS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "api.midtrans.com": "https://app.midtrans.com/iris",
        "api.sandbox.midtrans.com": "https://app.sandbox.midtrans.com/iris",
    }
)

#: An Idempotency-Key lives this long; what really guards a charge is its order_id.
KEY_WINDOW_S: Final = 300.0
#: A refund may be asked for again under the same refund_key for a week.
REFUND_KEY_WINDOW_S: Final = 7 * 86_400.0
#: Not verified: Iris is said to keep a key for a day at least.
PAYOUT_KEY_WINDOW_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed on with Midtrans, or is not documented for certain: settings of the gateway."""

    key_window: timedelta
    refund_key_window: timedelta
    payout_key_window: timedelta
    visibility_lag: timedelta
    #: What `credit_card.type` says for a hold.
    preauth_type: str
    #: The acquiring bank of card charges; empty: Midtrans chooses.
    card_bank: str
    #: Whose QR code a QRIS charge shows.
    qris_acquirer: str
    #: Whether every card is sent to its bank first.
    always_3ds: bool
    #: Whether refunds go to the bank at once, which not every bank and channel can do.
    refunds_online: bool
    #: Whether a refund counts only once the bank has confirmed it.
    refunds_need_bank: bool
    #: Where the payer of a virtual account reads how to pay; `{bank}` and `{va_number}` are filled in.
    instructions_url: str

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Terms:
        """Raises `Unusable`."""
        return cls(
            key_window=seconds(settings, "key_window_s", KEY_WINDOW_S),
            refund_key_window=seconds(settings, "refund_key_window_s", REFUND_KEY_WINDOW_S),
            payout_key_window=seconds(settings, "payout_key_window_s", PAYOUT_KEY_WINDOW_S),
            visibility_lag=seconds(settings, "visibility_lag_s", 0.0),
            preauth_type=_text(settings, "preauth_type", "authorize"),
            card_bank=_text(settings, "card_bank", ""),
            qris_acquirer=_text(settings, "qris_acquirer", "gopay"),
            always_3ds=_flag(settings, "always_3ds"),
            refunds_online=_flag(settings, "refunds_online"),
            refunds_need_bank=_flag(settings, "refunds_need_bank"),
            instructions_url=_text(settings, "instructions_url", ""),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """The lines to one account. `creator` makes payouts and `approver` lets them go: two keys,
    because at Iris nobody approves what they made; None: the account pays nothing out."""

    core: Wire
    creator: Wire | None
    approver: Wire | None
    #: The Core API's address, without a slash at its end: its QR codes are under it.
    core_url: str
    terms: Terms

    @classmethod
    def read(cls, setup: Setup) -> Account:
        """Raises `Unusable`."""
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        keys = setup.credentials
        server_key = keys.get("server_key")
        if not server_key:
            raise Unusable("the credentials need a server_key")
        terms = Terms.read(setup.settings)
        core = _wire(setup.base_url, server_key, ca_file)
        makes, approves = keys.get("iris_creator_key"), keys.get("iris_approver_key")
        creator, approver = None, None
        if makes or approves:
            if not (makes and approves):
                raise Unusable("payouts need an iris_creator_key and an iris_approver_key")
            iris_url = _iris_url(setup)
            creator = _wire(iris_url, makes, ca_file)
            approver = _wire(iris_url, approves, ca_file)
        return cls(core, creator, approver, setup.base_url.rstrip("/"), terms)

    def close(self) -> None:
        """Let go of idle connections."""
        for wire in (self.core, self.creator, self.approver):
            if wire is not None:
                wire.close()


def _wire(url: str, key: str, ca_file: str | None) -> Wire:
    """Return a line on which the key is the name, and the password is empty."""
    token = base64.b64encode(f"{key}:".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
    return Wire(url, headers, ca_file=ca_file)


def _iris_url(setup: Setup) -> str:
    core = urlsplit(setup.base_url)
    known = IRIS.get(core.hostname or "", "")
    url = _text(setup.settings, "iris_url", known)
    if not url:
        raise Unusable("payouts need an iris_url: this host has no known Iris beside it")
    if core.scheme == "https" and urlsplit(url).scheme != "https":
        raise Unusable("iris_url is reached by https, as the base URL is")
    return url


def _text(settings: Mapping[str, object], name: str, default: str) -> str:
    value = settings.get(name, default)
    if not isinstance(value, str):
        raise Unusable(f"{name} is a text")
    return value


def _flag(settings: Mapping[str, object], name: str) -> bool:
    value = settings.get(name, False)
    if not isinstance(value, bool):
        raise Unusable(f"{name} is true or false")
    return value
