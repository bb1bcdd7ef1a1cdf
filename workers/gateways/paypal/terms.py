"""What is agreed with one PayPal account: what the adapter declares, and what an operator may set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from domain.attempt import Operation
from domain.money import CURRENCIES
from domain.ports import Declaration, Promise
from workers.gateways import Unusable
from workers.gateways.paypal.coins import EXPONENTS
from workers.gateways.paypal.listing import LAG_S, listing
from workers.gateways.paypal.requests import ADAPTER_VERSION, METHOD, NAME_LIMIT, Writer
from workers.gateways.reading import seconds

PROVIDER: Final = "paypal"

HOUR_S: Final = 3_600.0
DAY_S: Final = 24 * HOUR_S
#: How long keys are kept: 6 hours for orders (an account manager grants up to 72), 45 days for
#: captures and refunds; a batch's number is good for 30 days.
ORDERS_WINDOW_S: Final = 6 * HOUR_S
PAYMENTS_WINDOW_S: Final = 45 * DAY_S
PAYOUTS_WINDOW_S: Final = 30 * DAY_S
#: A void has no key, and needs none while the authorization lives: twice is once.
VOID_WINDOW: Final = timedelta(days=29)
#: An order shows its refunds at once; the margin is ours.
VISIBILITY_LAG_S: Final = 60.0

#: One currency that an operator adds.
ENTRY: Final = re.compile(r"([A-Z]{3}):([023])\Z")


def declared(settings: Mapping[str, object]) -> Declaration:
    """Return what the adapter promises. Raises `Unusable`.

    Only refunds can be found by our reference, in the order that they belong to.
    """
    payments = seconds(settings, "payments_window_s", PAYMENTS_WINDOW_S)
    lag = seconds(settings, "visibility_lag_s", VISIBILITY_LAG_S)
    orders = seconds(settings, "orders_window_s", ORDERS_WINDOW_S)
    payouts = seconds(settings, "payouts_window_s", PAYOUTS_WINDOW_S)
    promises = {
        Operation.CHARGE: Promise(orders, split=True),
        Operation.CAPTURE: Promise(payments),
        Operation.VOID: Promise(VOID_WINDOW),
        Operation.REFUND: Promise(payments, authoritative=True, visibility_lag=lag),
        Operation.PAYOUT: Promise(payouts),
    }
    return Declaration(
        provider=PROVIDER,
        adapter_version=ADAPTER_VERSION,
        promises=MappingProxyType(promises),
        can_void=True,
        can_3ds=False,  # not on demand: every payer is on PayPal's page, which sees to it
        methods=frozenset({METHOD}),
        currencies=exponents(settings),
        listing=listing(seconds(settings, "reporting_lag_s", LAG_S)),
    )


def writer(settings: Mapping[str, object]) -> Writer:
    """Return what writes this account's requests. Raises `Unusable`."""
    brand = settings.get("brand_name")
    if not isinstance(brand, str | None) or len(brand or "") > NAME_LIMIT:
        raise Unusable(f"brand_name is a text of at most {NAME_LIMIT} characters")
    return Writer(exponents(settings), brand)


def reads_disputes(settings: Mapping[str, object]) -> bool:
    """Return whether disputes are read with a captured charge. Raises `Unusable`."""
    value = settings.get("read_disputes", True)
    if not isinstance(value, bool):
        raise Unusable("read_disputes is true or false")
    return value


def exponents(settings: Mapping[str, object]) -> Mapping[str, int]:
    """Return the account's currencies: those that PayPal lists, and what an operator adds, such as
    `IDR:0,RUB:2`. Raises `Unusable`."""
    more = settings.get("currencies", "")
    found = dict(EXPONENTS)
    if not isinstance(more, str):
        raise Unusable("currencies is a text such as IDR:0,RUB:2")
    for text in more.split(",") if more else ():
        entry = ENTRY.match(text)
        if entry is None or entry[1] not in CURRENCIES:
            raise Unusable("currencies are ISO 4217 codes with PayPal's decimals: IDR:0,RUB:2")
        found[entry[1]] = int(entry[2])
    return MappingProxyType(found)
