"""What requests must look like. What PayPal knows and is not simulated here is refused as unknown."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from ops.sandbox.paypal import coins, problems
from ops.sandbox.stage.calls import Call, Refused

T = TypeVar("T")

Short = Annotated[str, Meta(min_length=1, max_length=127)]
Code = Annotated[str, Meta(min_length=3, max_length=3)]
Value = Annotated[str, Meta(max_length=32, pattern=r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))\Z")]
Url = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^https?://\S+\Z")]
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z")]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a request in which every field is known."""


class Money(Strict, frozen=True, kw_only=True):
    """An amount of Orders and Payments."""

    currency_code: Code
    value: Value


class Unit(Strict, frozen=True, kw_only=True):
    """What is paid for; PayPal takes up to ten, the simulator one."""

    amount: Money
    reference_id: Annotated[str, Meta(min_length=1, max_length=256)] = "default"
    description: Short | None = None
    custom_id: Short | None = None
    invoice_id: Short | None = None
    soft_descriptor: Annotated[str, Meta(min_length=1, max_length=22)] | None = None


class Context(Strict, frozen=True, kw_only=True):
    """What the payer sees on PayPal's page, and where they go from there."""

    brand_name: Short | None = None
    locale: str | None = None
    landing_page: Literal["LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE"] = "NO_PREFERENCE"
    user_action: Literal["CONTINUE", "PAY_NOW"] = "CONTINUE"
    shipping_preference: Literal["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"] = (
        "GET_FROM_FILE"
    )
    payment_method_preference: Literal["UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"] = (
        "UNRESTRICTED"
    )
    return_url: Url | None = None
    cancel_url: Url | None = None


class Wallet(Strict, frozen=True, kw_only=True):
    """That the payer pays with their PayPal account."""

    email_address: Email | None = None
    experience_context: Context = Context()


class Source(Strict, frozen=True, kw_only=True):
    """How the payer pays; the simulator knows PayPal alone."""

    paypal: Wallet | None = None


class OrderRequest(Strict, frozen=True, kw_only=True):
    """A new order."""

    intent: Literal["CAPTURE", "AUTHORIZE"]
    purchase_units: Annotated[list[Unit], Meta(min_length=1, max_length=1)]
    payment_source: Source | None = None


class MoveRequest(Strict, frozen=True, kw_only=True):
    """Of a capture or an authorization of an order; the payer's approval says everything."""


class Change(Strict, frozen=True, kw_only=True):
    """One change of an order."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: str = ""
    value: Any = None


class CaptureRequest(Strict, frozen=True, kw_only=True):
    """What is collected of a hold."""

    amount: Money | None = None
    invoice_id: Short | None = None
    final_capture: bool = False
    note_to_payer: Annotated[str, Meta(max_length=255)] | None = None
    soft_descriptor: Annotated[str, Meta(max_length=22)] | None = None


class RefundRequest(Strict, frozen=True, kw_only=True):
    """What is given back of a capture."""

    amount: Money | None = None
    custom_id: Short | None = None
    invoice_id: Short | None = None
    note_to_payer: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class PayoutMoney(Strict, frozen=True, kw_only=True):
    """An amount of Payouts, which name the currency otherwise."""

    currency: Code
    value: Value


class PayoutItem(Strict, frozen=True, kw_only=True):
    """One payout."""

    amount: PayoutMoney
    receiver: Annotated[str, Meta(min_length=1, max_length=127)]
    recipient_type: Literal["EMAIL", "PAYPAL_ID", "PHONE"] | None = None
    note: Annotated[str, Meta(max_length=4000)] = ""
    sender_item_id: Annotated[str, Meta(max_length=63)] | None = None
    recipient_wallet: Literal["PAYPAL"] = "PAYPAL"


class PayoutHeader(Strict, frozen=True, kw_only=True):
    """What is said of a batch."""

    sender_batch_id: Annotated[str, Meta(max_length=256)] | None = None
    recipient_type: Literal["EMAIL", "PAYPAL_ID", "PHONE"] | None = None
    email_subject: Annotated[str, Meta(max_length=255)] | None = None
    email_message: Annotated[str, Meta(max_length=1000)] | None = None


class PayoutRequest(Strict, frozen=True, kw_only=True):
    """A batch of payouts; PayPal takes up to 15 000, the simulator one."""

    sender_batch_header: PayoutHeader
    items: Annotated[list[PayoutItem], Meta(min_length=1, max_length=1)]


#: The beginnings of msgspec's messages, and the issue that PayPal would name.
ISSUES = (
    ("Object missing required field", "MISSING_REQUIRED_PARAMETER"),
    ("Object contains unknown field", "NOT_SUPPORTED"),
    ("Invalid enum value", "INVALID_PARAMETER_VALUE"),
    ("Expected `array` of length <=", "INVALID_ARRAY_MAX_ITEMS"),
    ("Expected `array` of length >=", "INVALID_ARRAY_MIN_ITEMS"),
    ("Expected `str` of length", "INVALID_STRING_LENGTH"),
    ("Expected `str` matching regex", "INVALID_PARAMETER_SYNTAX"),
)


def read(call: Call, type_: type[T], *, empty: T | None = None) -> T:
    """Return the body as a `type_`. Raises the 400 that names the field, or the 415."""
    if call.body == b"" and empty is not None:
        return empty
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(problems.problem("UNSUPPORTED_MEDIA_TYPE"))
    try:
        return msgspec.json.decode(call.body, type=type_)
    except msgspec.ValidationError as error:
        raise problems.syntax(*named(str(error))) from None
    except (msgspec.DecodeError, RecursionError):
        raise problems.syntax("MALFORMED_REQUEST_JSON") from None


def named(message: str) -> tuple[str, str]:
    """Return the issue and the field (a JSON pointer) that a message of msgspec's speaks of."""
    said, _, path = message.partition(" - at `")
    issue = next((it for start, it in ISSUES if said.startswith(start)), "INVALID_PARAMETER_SYNTAX")
    pointer = "/" + re.sub(r"[\[\].]+", "/", path.rstrip("`").removeprefix("$")).strip("/")
    missing = re.search(r"field `(\w+)`", said)
    if missing:
        pointer = f"{pointer.rstrip('/')}/{missing[1]}"
    return issue, pointer


def amount(money: Money, field: str, *, decimals: str = "DECIMAL_PRECISION") -> int:
    """Return an amount in ISO minor units. Raises the 422 for money that PayPal cannot take."""
    currency = money.currency_code
    if currency not in coins.DIGITS:
        raise problems.business("INVALID_CURRENCY_CODE", f"{field}/currency_code")
    minor = coins.minor_of(money.value, currency)
    if minor is None:
        raise problems.business(decimals, f"{field}/value")
    if minor <= 0:
        raise problems.business("CANNOT_BE_ZERO_OR_NEGATIVE", f"{field}/value")
    if minor > coins.MOST:
        raise problems.business("MAX_VALUE_EXCEEDED", f"{field}/value")
    return minor
