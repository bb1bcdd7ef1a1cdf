"""Transfers, inwards: the bodies of deposits and withdrawals, in JSON or XML, read strictly."""

from __future__ import annotations

import re
from typing import Final

from domain.checkout import Checkout
from domain.flows.withdraw import Withdrawal
from domain.means import Customer
from domain.payment import Mode
from domain.payout import Destination, PayoutStatus
from ingress.fields import MISSING, Fields
from ingress.order_method import VISIBLE, VISIBLE_FIX, read_method
from ingress.order_payer import MAX_NAME, read_country
from ingress.orders import (
    MAX_METADATA,
    MAX_METADATA_NAME,
    MAX_METADATA_VALUE,
    ORDER_ID,
    ORDER_ID_FIX,
    read_money,
    read_return_url,
)
from ingress.queries import Query
from ingress.schemas import Page
from ingress.xml_in import Shape
from ops.store.reads_payouts import PayoutsWanted

#: The kind of checkout that a deposit is.
KIND: Final = "deposit"
#: What a payout can be sent to; the token is the provider's name of it.
DESTINATIONS: Final = ("bank_account", "wallet", "card")

#: What a deposit's body is in XML. Toolkits name a request after the operation or after its message.
DEPOSIT: Final = Shape(
    roots=frozenset({"deposit", "depositRequest"}),
    integers=frozenset({"amount", "payment_method.card.exp_month", "payment_method.card.exp_year"}),
    objects=frozenset({"metadata", "payment_method", "payment_method.card"}),
)
WITHDRAWAL: Final = Shape(
    roots=frozenset({"withdrawal", "withdrawalRequest", "payout", "payoutRequest"}),
    integers=frozenset({"amount"}),
    objects=frozenset({"metadata", "destination"}),
)

_USER: Final = re.compile(rf".{{1,{MAX_NAME}}}")
_USER_FIX: Final = f"send your own id of the user: 1 to {MAX_NAME} characters on one line"
_GATEWAY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE: Final = re.compile(r".{1,500}")
_LINE_FIX: Final = "send 1 to 500 characters on one line"
_DESTINATION_FIX: Final = "send its type and the provider's token of it"


def read_deposit(top: Fields, mode: Mode, fingerprint_key: bytes) -> tuple[Checkout, str | None]:
    """Read a deposit and the idempotency key in its body, if there is one.

    A deposit is a checkout of another kind: what they share is read alike. Raises `InvalidRequest`
    with all errors at once.
    """
    amount, currency = read_money(top)
    method, method_id = read_method(top, mode, fingerprint_key)
    checkout = Checkout(
        amount=amount,
        currency=currency,
        method=method,
        order_id=top.text("order_id", ORDER_ID, ORDER_ID_FIX),
        country=read_country(top),
        customer=Customer(id=_user(top)),
        preference=_preference(top),
        description=top.text("description", _LINE, _LINE_FIX),
        return_url=read_return_url(top),
        metadata=_metadata(top),
        kind=KIND,
        method_id=method_id,
    )
    return checkout, _closed(top)


def read_withdrawal(top: Fields) -> tuple[Withdrawal, str | None]:
    """Read a withdrawal and the idempotency key in its body, if there is one.

    Raises `InvalidRequest` with all errors at once.
    """
    amount, currency = read_money(top)
    withdrawal = Withdrawal(
        amount=amount,
        currency=currency,
        destination=_destination(top),
        customer=Customer(id=_user(top)),
        country=read_country(top),
        preference=_preference(top),
        reference=top.text("reference", ORDER_ID, ORDER_ID_FIX),
        description=top.text("description", _LINE, _LINE_FIX),
        metadata=_metadata(top),
    )
    return withdrawal, _closed(top)


def read_payouts_wanted(query: Query) -> tuple[PayoutsWanted, Page]:
    """Read which payouts a list is to have. Raises `InvalidRequest` with all errors at once."""
    status = query.choice("status", list(PayoutStatus))
    reference = query.text("reference", ORDER_ID, ORDER_ID_FIX)
    page = query.page()
    query.close()
    return PayoutsWanted(PayoutStatus(status) if status else None, reference), page


def _user(top: Fields) -> str | None:
    """Read whose money it is. Some systems count their users: 42 and "42" are the same one."""
    value = top.take("user_id")
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _USER.fullmatch(text):
        return text
    top.refuse("user_id", MISSING if value is None else "is not an id", _USER_FIX)
    return None


def _destination(top: Fields) -> Destination:
    given = top.object("destination")
    if given is None:
        if "destination" not in top:
            top.refuse("destination", MISSING, _DESTINATION_FIX)
        return Destination("", "")
    type_ = given.choice("type", DESTINATIONS)
    token = given.text("token", VISIBLE, VISIBLE_FIX)
    if "type" not in given:
        given.refuse("type", MISSING, f"send {', '.join(DESTINATIONS)}")
    if "token" not in given:
        given.refuse("token", MISSING, "send the provider's token of the account")
    given.close()
    return Destination(type_ or "", token or "")


def _preference(top: Fields) -> str | None:
    return top.text("provider_preference", _GATEWAY, "send a gateway or a provider")


def _metadata(top: Fields) -> dict[str, str]:
    return top.strings("metadata", MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE)


def _closed(top: Fields) -> str | None:
    """Return the key in the body, once nothing unknown and nothing wrong is left."""
    key = top.text("idempotency_key", VISIBLE, VISIBLE_FIX)
    top.close()
    top.raise_errors()
    return key
