"""Payment methods, inwards: what is to be saved, read strictly: a token, never a number."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from starlette.datastructures import QueryParams

from domain.errors import FieldError, InvalidRequest, NotFound
from domain.ids import Kind, parse
from domain.means import Card
from domain.payment import Mode
from domain.people import EMAIL, EXPIRY_YEARS, Funding, Means, MethodType, card_fingerprint
from ingress.fields import MISSING, Fields, open_body
from ingress.orders import SHARED_TEST_TOKENS, VISIBLE, VISIBLE_FIX
from ingress.people_in import EMAIL_FIX, read_country

GATEWAY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
GATEWAY_FIX: Final = "send the id of the gateway that made the token"
BRAND: Final = re.compile(r"[a-zA-Z0-9 _-]{1,30}")
FINGERPRINT: Final = re.compile(r"[a-zA-Z0-9_.=+/-]{1,100}")
LAST4: Final = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class NewMethod:
    """A payment method that is to be saved, and for whom."""

    customer_id: UUID
    means: Means
    make_default: bool


def parse_customer_of(query: QueryParams) -> UUID:
    """Read whose payment methods are asked for: `?customer_id=`, and nothing else."""
    if set(query) != {"customer_id"} or len(query.getlist("customer_id")) != 1:
        raise InvalidRequest([FieldError("customer_id", MISSING, "send ?customer_id=cus_...")])
    return parse(Kind.CUSTOMER, query["customer_id"])


def parse_method(body: bytes, mode: Mode, fingerprint_key: bytes) -> NewMethod:
    """Read a payment method that is to be saved: a token, never a number.

    A card without a fingerprint gets one made of its token. Raises `InvalidRequest`.
    """
    top = open_body(body)
    type_ = top.choice("type", list(MethodType))
    if "type" not in top:
        top.refuse("type", MISSING, f"send {', '.join(MethodType)}")
    token = top.text("token", VISIBLE, VISIBLE_FIX)
    wallet_id = _only(top, type_, MethodType.WALLET, "wallet_id", VISIBLE, VISIBLE_FIX)
    paypal_email = _only(top, type_, MethodType.PAYPAL, "paypal_email", EMAIL, EMAIL_FIX)
    if "token" not in top and not (type_ == MethodType.WALLET and "wallet_id" in top):
        top.refuse("token", MISSING, "send the provider's token, never a card number")
    card = top.object("card")
    if card is not None and type_ not in (None, MethodType.CARD):
        top.refuse("card", "belongs to a card", "remove it, or send the type card")
    described, funding = (Card(), Funding.UNKNOWN) if card is None else _card(card)
    gateway_id = top.text("gateway_id", GATEWAY, GATEWAY_FIX)
    if mode is Mode.LIVE and "token" in top and "gateway_id" not in top:
        top.refuse("gateway_id", MISSING, GATEWAY_FIX)
    means = Means(
        MethodType(type_) if type_ else MethodType.CARD,
        token,
        gateway_id,
        None,
        funding,
        paypal_email,
        wallet_id,
    )
    customer_id = _customer_id(top)
    make_default = _yes_or_no(top, "make_default")
    top.close()
    top.raise_errors()
    assert customer_id is not None, "a missing one is an error"
    if means.type is MethodType.CARD:
        means = replace(means, card=_recognisable(described, token or "", fingerprint_key))
    return NewMethod(customer_id, means, make_default)


def _only(
    top: Fields,
    type_: str | None,
    owner: MethodType,
    name: str,
    pattern: re.Pattern[str],
    fix: str,
) -> str | None:
    """Read a field that one type of payment method alone has."""
    value = top.text(name, pattern, fix)
    if name in top and type_ not in (None, owner):
        top.refuse(name, f"belongs to the type {owner}", f"remove it, or send the type {owner}")
    return value


def _customer_id(top: Fields) -> UUID | None:
    value = top.take("customer_id")
    if value is None:
        top.refuse("customer_id", MISSING, "send the id of a customer: cus_...")
        return None
    try:
        return parse(Kind.CUSTOMER, value if isinstance(value, str) else "")
    except NotFound:
        top.refuse("customer_id", "is not a customer's id", "send it as it was given: cus_...")
        return None


def _card(card: Fields) -> tuple[Card, Funding]:
    described = Card(
        card.text("fingerprint", FINGERPRINT, "send 1 to 100 letters and digits"),
        card.text("brand", BRAND, "send the scheme's name, such as visa"),
        card.text("last4", LAST4, "send the last four digits as a string"),
        card.integer("exp_month", 1, 12),
        card.integer("exp_year", *EXPIRY_YEARS),
        read_country(card),
    )
    funding = card.choice("funding", list(Funding))
    card.close()
    return described, Funding(funding or Funding.UNKNOWN)


def _recognisable(card: Card, token: str, key: bytes) -> Card:
    """Return the card with a fingerprint; the tokens that everybody tries out stand for no card."""
    if card.fingerprint or token in SHARED_TEST_TOKENS:
        return card
    return replace(card, fingerprint=card_fingerprint(key, token))


def _yes_or_no(top: Fields, name: str) -> bool:
    value = top.take(name)
    if isinstance(value, bool | None):
        return bool(value)
    top.refuse(name, "is not true or false", "send true or false, without quotes")
    return False
