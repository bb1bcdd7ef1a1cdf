"""Order, the payment method: how the payer of a checkout pays, read strictly."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.errors import NotFound
from domain.ids import Kind, parse
from domain.means import Card, Method
from domain.payment import Mode
from domain.people import Funding, card_fingerprint
from ingress.fields import MISSING, Fields
from ingress.order_payer import read_country

METHODS: Final = ("card", "wallet", "paypal", "bank_transfer")
#: What a test checkout without a payment method pays with: the sandbox's card that succeeds.
TEST_TOKEN: Final = "tok_visa"  # noqa: S105 - public, and only the simulators know it
#: Tokens that everybody uses in examples. They stand for no card, so they are not counted as one:
#: else the fraud windows would soon challenge whoever tries the examples out.
SHARED_TEST_TOKENS: Final = frozenset({TEST_TOKEN, "tok_mastercard", "tok_amex", "tok_test"})
#: A year beyond these is a typing error.
YEARS: Final = (2000, 2100)
#: What a header may carry and a log line may show.
VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
VISIBLE_FIX: Final = "send 1 to 255 visible ASCII characters"
MAX_HOLDER: Final = 100

_FUNDINGS: Final = tuple(one.value for one in Funding)
_HOLDER: Final = re.compile(rf".{{1,{MAX_HOLDER}}}")
_BRAND: Final = re.compile(r"[a-zA-Z0-9 _-]{1,30}")
_FINGERPRINT: Final = re.compile(r"[a-zA-Z0-9_.=+/-]{1,100}")
_LAST4: Final = re.compile(r"[0-9]{4}")
#: Until it is looked up, a saved method has no type.
UNREAD: Final = Method("")


def read_method(top: Fields, mode: Mode, fingerprint_key: bytes) -> tuple[Method, UUID | None]:
    """Read how the payer pays. `method` alone is short for `payment_method.type`.

    A saved method comes back as its id beside `UNREAD`: only its merchant's books know it.
    """
    alias = top.choice("method", METHODS)
    given = top.object("payment_method")
    if given is None:
        return _unstated(top, alias, mode, fingerprint_key), None
    if "id" in given:
        return UNREAD, _saved(top, given)
    given.take("id")
    type_ = given.choice("type", METHODS)
    token = given.text("token", VISIBLE, VISIBLE_FIX)
    wallet_id = given.text("wallet_id", VISIBLE, VISIBLE_FIX)
    holder = given.text("holder_name", _HOLDER, f"send 1 to {MAX_HOLDER} characters on one line")
    card = given.object("card")
    if "type" not in given and alias is None:
        given.refuse("type", MISSING, f"send {', '.join(METHODS)}")
    if type_ and alias and type_ != alias:
        top.refuse("method", "differs from payment_method.type", "send one of the two")
    kind = type_ or alias or ""
    if kind == "card" and "token" not in given:
        given.refuse("token", MISSING, "send the provider's token of the card")
    if kind == "wallet" and not ("token" in given or "wallet_id" in given):
        given.refuse("wallet_id", MISSING, "send the wallet's id, or its token")
    if kind not in ("", "wallet") and "wallet_id" in given:
        given.refuse("wallet_id", "belongs to a wallet", "remove it, or send the type wallet")
    if kind not in ("", "card") and card is not None:
        given.refuse("card", "belongs to a card", "remove it, or send the type card")
    described = _card(card) if card is not None else Card()
    given.close()
    secret = token or wallet_id or ""
    return _with_fingerprint(kind, secret, described, fingerprint_key, holder), None


def _saved(top: Fields, given: Fields) -> UUID | None:
    """Read the id of a saved method, beside which nothing else is to be said."""
    fix = "send the id of a saved payment method alone: pm_..."
    value = given.take("id")
    if "method" in top:
        top.refuse("method", "is told by the saved payment method", "remove it")
    given.close()
    try:
        return parse(Kind.PAYMENT_METHOD, value if isinstance(value, str) else "")
    except NotFound:
        given.refuse("id", "is not the id of a payment method", fix)
        return None


def _unstated(top: Fields, alias: str | None, mode: Mode, fingerprint_key: bytes) -> Method:
    """Fill in the method of a checkout without `payment_method`; a live card is never invented."""
    kind = alias or "card"
    absent = "payment_method" not in top
    if kind == "wallet" and absent:
        top.refuse("payment_method", MISSING, "send payment_method.wallet_id, or its token")
    if kind == "card" and mode is Mode.LIVE and absent:
        top.refuse("payment_method", MISSING, "send payment_method.type and its token")
    token = TEST_TOKEN if kind == "card" else ""
    return _with_fingerprint(kind, token, Card(), fingerprint_key, None)


def _card(card: Fields) -> Card:
    read = Card(
        fingerprint=card.text("fingerprint", _FINGERPRINT, "send 1 to 100 letters and digits"),
        brand=card.text("brand", _BRAND, "send the scheme's name, such as visa"),
        last4=card.text("last4", _LAST4, "send the last four digits as a string"),
        exp_month=card.integer("exp_month", 1, 12),
        exp_year=card.integer("exp_year", *YEARS),
        country=read_country(card),
        funding=card.choice("funding", _FUNDINGS),
    )
    card.close()
    return read


def _with_fingerprint(kind: str, token: str, card: Card, key: bytes, holder: str | None) -> Method:
    """Return the method; a card is always recognisable, by the merchant's word or by its token."""
    if kind != "card":
        return Method(kind, token, None, holder)
    if card.fingerprint is None and token not in SHARED_TEST_TOKENS:
        card = replace(card, fingerprint=card_fingerprint(key, token))
    return Method(kind, token, card, holder)
