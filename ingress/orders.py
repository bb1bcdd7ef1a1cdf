"""Orders: the body of a checkout, read strictly, with every default filled in."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from domain.checkout import Checkout
from domain.errors import FieldError, InvalidRequest
from domain.means import Method
from domain.money import CURRENCIES, MAX_MINOR
from domain.payment import CaptureMethod, Mode
from ingress.fields import MISSING, Fields, open_body
from ingress.order_method import (
    METHODS,
    SHARED_TEST_TOKENS,
    TEST_TOKEN,
    VISIBLE,
    VISIBLE_FIX,
    YEARS,
    read_method,
)
from ingress.order_payer import read_billing, read_country, read_customer
from ingress.strict_json import Inexact, shown

__all__ = ["METHODS", "SHARED_TEST_TOKENS", "TEST_TOKEN", "VISIBLE", "VISIBLE_FIX", "YEARS"]

DEFAULT_CURRENCY: Final = "USD"
MAX_METADATA: Final = 50
MAX_METADATA_NAME: Final = 40
MAX_METADATA_VALUE: Final = 500
MAX_URL: Final = 2_048

ORDER_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,50}")
ORDER_ID_FIX: Final = "send 1 to 50 of the characters a-z A-Z 0-9 _ -"
_CAPTURES: Final = {one.value: one for one in CaptureMethod}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_GATEWAY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE: Final = re.compile(r".{1,500}")
_DECIMAL: Final = re.compile(r"([0-9]{1,12})\.([0-9]{1,3})")
_WHOLE: Final = re.compile(r"[0-9]{1,12}")
#: What needs no closer look: a host by its name, and nothing that two parsers could split elsewhere.
_PLAIN_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9/._~%?&=+-]*)?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_checkout(body: bytes, mode: Mode, fingerprint_key: bytes) -> tuple[Checkout, str | None]:
    """Read a checkout and the idempotency key in its body, if there is one.

    A card without a fingerprint gets one: HMAC-SHA256 of its token under `fingerprint_key`. A saved
    payment method is still `order_method.UNREAD`: `ingress.checkout` looks it up.
    Raises `MalformedBody`, `RawCardDataRefused`, or `InvalidRequest` with all errors at once.
    """
    top = open_body(body)
    amount, currency = read_money(top)
    method, method_id = read_method(top, mode, fingerprint_key)
    customer, customer_id = read_customer(top)
    capture = _CAPTURES[top.choice("capture_method", _CAPTURES) or "automatic"]
    if method.type and (wrong := refused_hold(capture, method)):
        top.add(InvalidRequest([wrong]))
    key = top.text("idempotency_key", VISIBLE, VISIBLE_FIX)
    checkout = Checkout(
        amount=amount,
        currency=currency,
        method=method,
        order_id=top.text("order_id", ORDER_ID, ORDER_ID_FIX),
        country=read_country(top),
        customer=customer,
        preference=top.text("provider_preference", _GATEWAY, "send a gateway or a provider"),
        description=top.text("description", _LINE, "send 1 to 500 characters on one line"),
        return_url=read_return_url(top),
        metadata=top.strings("metadata", MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_VALUE),
        capture_method=capture,
        confirm=_confirm(top),
        customer_id=customer_id,
        method_id=method_id,
        billing=read_billing(top),
    )
    top.close()
    top.raise_errors()
    return checkout, key


def refused_hold(capture: CaptureMethod, method: Method) -> FieldError | None:
    """Return what is wrong with collecting later, where there is nothing to hold meanwhile."""
    if capture is CaptureMethod.AUTOMATIC or method.holds:
        return None
    reason = f"a {method.type} cannot be held and collected later"
    return FieldError("capture_method", reason, "send automatic, or pay by card or paypal")


def _confirm(top: Fields) -> bool:
    value = top.take("confirm")
    if isinstance(value, bool | None):
        return value is not False
    top.refuse("confirm", "is not true or false", "send true or false, without quotes")
    return True


def read_money(top: Fields) -> tuple[int, str]:
    """Read amount and currency; where they are wrong the values returned mean nothing."""
    currency = top.text("currency", _CURRENCY, "send an ISO 4217 code such as USD, EUR or IDR")
    if currency is None:
        currency = DEFAULT_CURRENCY
    amount = top.take("amount")
    match amount:
        case bool() | list() | dict():
            top.refuse("amount", "is not an integer", "send minor units: 10000 for 100.00")
        case int():
            if not _is_money(amount, currency):
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


def _is_money(amount: int, currency: str) -> bool:
    """Whether there is nothing to say about it: `Checkout.money` says what there is."""
    known = CURRENCIES.get(currency)
    return known is not None and 0 < amount <= MAX_MINOR and not amount % known.step


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


def read_return_url(top: Fields) -> str | None:
    value = top.take("return_url")
    if value is None or (isinstance(value, str) and _is_safe_url(value)):
        return value
    fix = f"send an https URL of at most {MAX_URL} characters; http only for localhost"
    top.refuse("return_url", "is not a URL that a payer may be sent to", fix)
    return None


def _is_safe_url(text: str) -> bool:
    """Whether browsers and we read the same host in it, and nobody in between reads the rest."""
    if len(text) <= MAX_URL and _PLAIN_URL.fullmatch(text) is not None:
        return True
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
