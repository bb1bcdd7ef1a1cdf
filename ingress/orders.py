"""Orders: the body of a checkout, read strictly, with every default filled in."""

from __future__ import annotations

import hmac
import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from domain.checkout import Checkout
from domain.errors import InvalidRequest
from domain.money import CURRENCIES, MAX_MINOR
from domain.payment import Card, Customer, Method, Mode
from ingress.countries import COUNTRIES
from ingress.fields import MISSING, Fields, open_body
from ingress.strict_json import Inexact, shown

DEFAULT_CURRENCY: Final = "USD"
METHODS: Final = ("card", "wallet", "paypal", "bank_transfer")
#: What a test checkout without a payment method pays with: the sandbox's card that succeeds.
TEST_TOKEN: Final = "tok_visa"  # noqa: S105 - public, and only the simulators know it
#: Tokens that everybody uses in examples. They stand for no card, so they are not counted as one:
#: else the fraud windows would soon challenge whoever tries the examples out.
SHARED_TEST_TOKENS: Final = frozenset({TEST_TOKEN, "tok_mastercard", "tok_amex", "tok_test"})
#: A year beyond these is a typing error.
YEARS: Final = (2000, 2100)
MAX_METADATA: Final = 50
MAX_METADATA_NAME: Final = 40
MAX_METADATA_VALUE: Final = 500
MAX_URL: Final = 2_048

ORDER_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,50}")
ORDER_ID_FIX: Final = "send 1 to 50 of the characters a-z A-Z 0-9 _ -"
#: What a header may carry and a log line may show.
VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")
VISIBLE_FIX: Final = "send 1 to 255 visible ASCII characters"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_GATEWAY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE: Final = re.compile(r".{1,500}")
_NAME: Final = re.compile(r".{1,100}")
_BRAND: Final = re.compile(r"[a-zA-Z0-9 _-]{1,30}")
_FINGERPRINT: Final = re.compile(r"[a-zA-Z0-9_.=+/-]{1,100}")
_LAST4: Final = re.compile(r"[0-9]{4}")
_EMAIL: Final = re.compile(r"(?=.{3,254}\Z)[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_DECIMAL: Final = re.compile(r"([0-9]{1,12})\.([0-9]{1,3})")
_WHOLE: Final = re.compile(r"[0-9]{1,12}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_checkout(body: bytes, mode: Mode, fingerprint_key: bytes) -> tuple[Checkout, str | None]:
    """Read a checkout and the idempotency key in its body, if there is one.

    A card without a fingerprint gets one: HMAC-SHA256 of its token under `fingerprint_key`.
    Raises `MalformedBody`, `RawCardDataRefused`, or `InvalidRequest` with all errors at once.
    """
    top = open_body(body)
    amount, currency = _money(top)
    method = _method(top, mode, fingerprint_key)
    customer = _customer(top)
    capture = top.take("capture_method")
    if capture not in (None, "automatic"):
        top.refuse("capture_method", "only automatic capture is available", "send automatic")
    key = top.text("idempotency_key", VISIBLE, VISIBLE_FIX)
    checkout = Checkout(
        amount=amount,
        currency=currency,
        method=method,
        order_id=top.text("order_id", ORDER_ID, ORDER_ID_FIX),
        country=_country(top),
        customer=customer,
        preference=top.text("provider_preference", _GATEWAY, "send a gateway or a provider"),
        description=top.text("description", _LINE, "send 1 to 500 characters on one line"),
        return_url=_return_url(top),
        metadata=top.strings("metadata", MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE),
    )
    top.close()
    top.raise_errors()
    return checkout, key


def _money(top: Fields) -> tuple[int, str]:
    """Read amount and currency; where they are wrong the values returned mean nothing."""
    currency = top.text("currency", _CURRENCY, "send an ISO 4217 code such as USD, EUR or IDR")
    if currency is None:
        currency = DEFAULT_CURRENCY
    amount = top.take("amount")
    match amount:
        case bool() | list() | dict():
            top.refuse("amount", "is not an integer", "send minor units: 10000 for 100.00")
        case int():
            try:
                Checkout(amount, currency, Method("card")).money()
            except InvalidRequest as refused:
                top.add(refused)
            return amount, currency
        case None:
            top.refuse("amount", MISSING, "send minor units: 10000 for 100.00")
        case _:
            _refuse_amount(top, amount, currency)
    return 0, currency


def _refuse_amount(top: Fields, amount: str | Inexact, currency: str) -> None:
    """Say what to send instead of a decimal or a string."""
    text = amount.text if isinstance(amount, Inexact) else amount
    minor = _minor_units(text, currency)
    if minor is not None:
        reason = f"{text} is refused: send {minor} (minor units)"
        top.refuse("amount", reason, f"send the integer {minor}")
    elif isinstance(amount, str) and _WHOLE.fullmatch(text):
        top.refuse("amount", "is a string", f"send {text} without quotes, if it is minor units")
    elif isinstance(amount, Inexact) and text.lstrip("-").isdigit():
        top.refuse("amount", "has too many digits", f"send an integer up to {MAX_MINOR}")
    else:
        fix = "send an integer of minor units: 10000 for 100.00"
        top.refuse("amount", f"{shown(text)} is not an integer", fix)


def _minor_units(text: str, currency: str) -> int | None:
    """Return what somebody who wrote `100.00` meant; None where it cannot be told."""
    match = _DECIMAL.fullmatch(text)
    if match is None or currency not in CURRENCIES:
        return None
    exponent = CURRENCIES[currency].exponent
    part = match[2].rstrip("0")
    return int(match[1] + part.ljust(exponent, "0")) if len(part) <= exponent else None


def _method(top: Fields, mode: Mode, fingerprint_key: bytes) -> Method:
    """Read how the payer pays. `method` alone is short for `payment_method.type`."""
    alias = top.choice("method", METHODS)
    given = top.object("payment_method")
    if given is None:
        return _unstated(top, alias, mode, fingerprint_key)
    type_ = given.choice("type", METHODS)
    token = given.text("token", VISIBLE, VISIBLE_FIX)
    wallet_id = given.text("wallet_id", VISIBLE, VISIBLE_FIX)
    given.text("holder_name", _NAME, "send 1 to 100 characters")
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
    return _with_fingerprint(kind, token or wallet_id or "", described, fingerprint_key)


def _unstated(top: Fields, alias: str | None, mode: Mode, fingerprint_key: bytes) -> Method:
    """Fill in the method of a checkout without `payment_method`; a live card is never invented."""
    kind = alias or "card"
    absent = "payment_method" not in top
    if kind == "wallet" and absent:
        top.refuse("payment_method", MISSING, "send payment_method.wallet_id, or its token")
    if kind == "card" and mode is Mode.LIVE and absent:
        top.refuse("payment_method", MISSING, "send payment_method.type and its token")
    token = TEST_TOKEN if kind == "card" else ""
    return _with_fingerprint(kind, token, Card(), fingerprint_key)


def _card(card: Fields) -> Card:
    read = Card(
        fingerprint=card.text("fingerprint", _FINGERPRINT, "send 1 to 100 letters and digits"),
        brand=card.text("brand", _BRAND, "send the scheme's name, such as visa"),
        last4=card.text("last4", _LAST4, "send the last four digits as a string"),
        exp_month=card.integer("exp_month", 1, 12),
        exp_year=card.integer("exp_year", *YEARS),
        country=_country(card),
    )
    card.close()
    return read


def _with_fingerprint(kind: str, token: str, card: Card, key: bytes) -> Method:
    """Return the method; a card is always recognisable, by the merchant's word or by its token."""
    if kind != "card":
        return Method(kind, token)
    made = None
    if token not in SHARED_TEST_TOKENS:
        made = hmac.digest(key, b"card-fingerprint:" + token.encode(), "sha256").hex()
    return Method(
        kind,
        token,
        Card(
            card.fingerprint or made,
            card.brand,
            card.last4,
            card.exp_month,
            card.exp_year,
            card.country,
        ),
    )


def _customer(top: Fields) -> Customer:
    given = top.object("customer")
    if given is None:
        return Customer()
    ip = given.take("ip")
    address = _address(ip)
    if ip is not None and address is None:
        given.refuse("ip", "is not an IP address", "send an IPv4 or IPv6 address as a string")
    customer = Customer(
        id=given.text("id", _NAME, "send 1 to 100 characters"),
        email=given.text("email", _EMAIL, "send an address such as name@example.com"),
        ip=address,
        country=_country(given),
    )
    given.close()
    return customer


def _address(value: object) -> str | None:
    """Return an address in its one spelling; None for anything else, or one with a zone."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def _country(fields: Fields) -> str | None:
    value = fields.take("country")
    if value is None or (isinstance(value, str) and value in COUNTRIES):
        return value
    fields.refuse("country", "is not a country", "send an ISO 3166-1 code such as US, DE or ID")
    return None


def _return_url(top: Fields) -> str | None:
    value = top.take("return_url")
    if value is None or (isinstance(value, str) and _is_safe_url(value)):
        return value
    fix = f"send an https URL of at most {MAX_URL} characters; http only for localhost"
    top.refuse("return_url", "is not a URL that a payer may be sent to", fix)
    return None


def _is_safe_url(text: str) -> bool:
    """Whether browsers and we read the same host in it, and nobody in between reads the rest."""
    if (
        not (text.isascii() and text.isprintable())
        or len(text) > MAX_URL
        or set(text) & set(' \\"')
    ):
        return False
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port  # a wrong port raises as well
    except ValueError:
        return False
    if not host or url.username is not None or url.password is not None:
        return False
    return url.scheme == "https" or (url.scheme == "http" and host in _LOOPBACK)
