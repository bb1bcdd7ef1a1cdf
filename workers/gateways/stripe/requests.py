"""Stripe's requests: the exact parameters of every call, put together once and stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, assert_never

import msgspec

from domain.ids import Kind, public
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from workers.gateways import Unusable
from workers.gateways.stripe.currencies import PAYOUT_STEPS, PAYPAL_CURRENCIES, expressed
from workers.gateways.stripe.shapes import REFERENCE

ADAPTER_VERSION: Final = 1

CARD: Final = "card"
PAYPAL: Final = "paypal"
#: The provider's types of our methods: the cards in a phone's wallet come as `card`, too.
TYPES: Final[Mapping[str, str]] = {"card": CARD, "wallet": CARD, "paypal": PAYPAL}
METHODS: Final = frozenset(TYPES)
#: What the token of a saved PayPal account begins with: what does not is another provider's.
SAVED: Final = "pm_"
#: Where a payout can go: what its token begins with, and how it travels.
DESTINATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "bank_account": ("ba_", "standard"),
    "card": ("card_", "instant"),
}
#: A saved method is charged together with the customer that it is attached to: `cus_1:pm_1`.
CUSTOMER: Final = "cus_"

#: The provider's limits in characters and entries; for a description it documents none, and this
#: one is ours.
TOKEN_LIMIT: Final = 255
DESCRIPTION_LIMIT: Final = 1000
URL_LIMIT: Final = 2048
HTTPS: Final = re.compile(r"https://[!-~]+")
METADATA_ENTRIES: Final = 50
METADATA_NAME: Final = 40
METADATA_VALUE: Final = 500
#: The entries that name our rows to people who look at the provider's own pages.
PAYMENT_ID: Final = "paylink_payment_id"
PAYOUT_ID: Final = "paylink_payout_id"
REASON: Final = "paylink_reason"


class Stored(msgspec.Struct, frozen=True):
    """A charge's two requests: what makes the intent, and what moves its money."""

    create: dict[str, Any]
    confirm: dict[str, Any]


def composed(task: Task, reference: str, back: str | None = None) -> bytes | None:
    """Return the exact request; None where this provider has no words for it. `back` is where the
    payer comes back to from PayPal when the merchant gave no address."""
    match task:
        case Charge(payment=payment):
            return _written(_charge(payment, reference, back))
        case Capture(charge=charge, money=money):
            fits = money.currency == charge.money.currency and money.minor <= charge.money.minor
            amount = expressed(money) if fits else None
            return _written(None if amount is None else {"amount_to_capture": amount})
        case Void():
            return _written({})
        case GiveBack(charge=charge, refund=refund):
            same = refund.money.currency == charge.money.currency
            return _written(_refund(refund, reference) if same else None)
        case PayOut(payout=payout):
            return _written(_payout(payout, reference))
        case _:
            assert_never(task)


def _charge(payment: Payment, reference: str, back: str | None) -> dict[str, Any] | None:
    means = _means(payment)
    amount, confirm = expressed(payment.money), _confirm(payment, back)
    metadata = dict(payment.metadata) | {
        PAYMENT_ID: public(Kind.PAYMENT, payment.id),
        REFERENCE: reference,
    }
    expressible = (
        amount is not None
        and len(payment.description or "") <= DESCRIPTION_LIMIT
        and len(payment.return_url or "") <= URL_LIMIT
        and _are_entries(metadata)
    )
    if not expressible or means is None or confirm is None:
        return None
    create: dict[str, Any] = {
        "amount": amount,
        "currency": payment.money.currency.code.lower(),
        **means,
        "capture_method": "automatic" if payment.captures_at_once else "manual",
        "metadata": metadata,
    }
    if payment.description:
        create["description"] = payment.description
    return {"create": create, "confirm": confirm}


def _means(payment: Payment) -> dict[str, Any] | None:
    """Return the part of the intent that says how it is paid. PayPal needs no token: whose account
    it is, the payer says there."""
    (customer, token), type_ = owned(payment.method.token), TYPES.get(payment.method.type)
    means: dict[str, Any] = {"allowed_payment_method_types": [type_]}
    if type_ == PAYPAL:
        if payment.money.currency.code not in PAYPAL_CURRENCIES:
            return None
        if not payment.method.token:
            return means | {"payment_method_data": {"type": PAYPAL}}
        if not token.startswith(SAVED):
            return None
    if type_ is None or not 1 <= len(token) <= TOKEN_LIMIT:
        return None
    means["payment_method"] = token
    if customer:
        means["customer"] = customer
    if payment.wants_3ds and type_ == CARD:
        means["payment_method_options"] = {CARD: {"request_three_d_secure": "any"}}
    return means


def _confirm(payment: Payment, back: str | None) -> dict[str, Any] | None:
    """Return the second request's parameters; None: the payer has to go to PayPal, and could not
    come back."""
    if payment.return_url:
        return {"return_url": payment.return_url}
    customer, _ = owned(payment.method.token)
    if customer:
        # Something saved, and no page to send its owner to: they are not there.
        return {"off_session": True}
    if TYPES.get(payment.method.type) != PAYPAL:
        return {}
    return {"return_url": back} if back else None


def _refund(refund: Refund, reference: str) -> dict[str, Any] | None:
    """Return a refund's parameters, to which the intent is added.

    Our reason is a merchant's own words; among the provider's three, `fraudulent` would block the
    card for good, which nobody asked for.
    """
    amount = expressed(refund.money)
    if amount is None or len(refund.reason) > METADATA_VALUE:
        return None
    return {"amount": amount, "metadata": {REFERENCE: reference, REASON: refund.reason}}


def _payout(payout: Payout, reference: str) -> dict[str, Any] | None:
    """Return a payout's parameters. It can only go to an external account of the account's own."""
    amount = expressed(payout.money, PAYOUT_STEPS)
    prefix, method = DESTINATIONS.get(payout.destination.type, ("", ""))
    token = payout.destination.token
    metadata = dict(payout.metadata) | {
        PAYOUT_ID: public(Kind.PAYOUT, payout.id),
        REFERENCE: reference,
    }
    expressible = (
        amount is not None
        and method
        and token.startswith(prefix)
        and len(token) <= TOKEN_LIMIT
        and len(payout.description or "") <= DESCRIPTION_LIMIT
        and _are_entries(metadata)
    )
    if not expressible:
        return None
    params: dict[str, Any] = {
        "amount": amount,
        "currency": payout.money.currency.code.lower(),
        "destination": token,
        "method": method,
        "metadata": metadata,
    }
    if payout.description:
        params["description"] = payout.description
    return params


def owned(token: str) -> tuple[str, str]:
    """Return the customer that a token names, or nothing, and the payment method in it."""
    customer, separator, method = token.partition(":")
    return (customer, method) if separator and customer.startswith(CUSTOMER) else ("", token)


def return_url(settings: Mapping[str, object]) -> str | None:
    """Read where payers come back to when the merchant gave no address. Raises `Unusable`."""
    value = settings.get("return_url")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > URL_LIMIT or not HTTPS.fullmatch(value):
        raise Unusable(f"return_url is an https address of at most {URL_LIMIT} characters")
    return value


def _are_entries(metadata: Mapping[str, str]) -> bool:
    return (
        len(metadata) <= METADATA_ENTRIES
        and all(1 <= len(name) <= METADATA_NAME for name in metadata)
        and not any(mark in name for name in metadata for mark in "[]")
        and all(len(value) <= METADATA_VALUE for value in metadata.values())
    )


def _written(fields: dict[str, Any] | None) -> bytes | None:
    """Return the JSON; None also for half a surrogate pair, which no form can carry."""
    if fields is None:
        return None
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return None
