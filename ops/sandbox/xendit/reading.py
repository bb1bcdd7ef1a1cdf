"""Reading request bodies strictly: what Xendit does not know, or wants otherwise, is an error."""

import re
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from ops.sandbox.xendit.errors import invalid, unfit
from ops.sandbox.xendit.numbers import CURRENCIES, minor

T = TypeVar("T")

Reference = Annotated[str, Meta(min_length=1, max_length=255)]
Description = Annotated[str, Meta(min_length=1, max_length=1000)]
Metadata = dict[
    Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=500)]
]
#: Entries of metadata.
ENTRIES = 50
_RETURN = re.compile(r"https://\S{3,247}\Z")


class NewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v3/payment_requests. Exactly one of the token and the channel."""

    reference_id: Reference
    type: str
    country: str
    currency: str
    request_amount: Decimal
    capture_method: str = "AUTOMATIC"
    channel_code: str | None = None
    payment_token_id: str | None = None
    channel_properties: dict[str, msgspec.Raw] = {}
    description: Description | None = None
    metadata: Metadata | None = None


class NewCapture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v3/payments/{id}/capture."""

    capture_amount: Decimal


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that says nothing."""


class NewRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /refunds. Without an amount: all that is left."""

    payment_request_id: str
    reason: str
    reference_id: Reference | None = None
    currency: str | None = None
    amount: Decimal | None = None
    metadata: Metadata | None = None


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a payout goes."""

    account_number: Annotated[str, Meta(min_length=1, max_length=100)]
    account_holder_name: Annotated[str, Meta(min_length=1, max_length=100)]
    account_type: str | None = None


class NewPayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /v2/payouts."""

    reference_id: Reference
    channel_code: str
    channel_properties: Account
    amount: Decimal
    currency: str
    description: Annotated[str, Meta(max_length=100)] | None = None
    receipt_notification: dict[str, list[str]] | None = None
    metadata: Metadata | None = None


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v3/payment_requests/{id}/simulate."""

    amount: Decimal


class CardProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a card's charge may say besides."""

    skip_three_ds: bool = False
    card_on_file_type: str | None = None
    statement_descriptor: str | None = None
    mid_label: str | None = None
    success_return_url: str | None = None
    failure_return_url: str | None = None


class PageProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a channel with a page needs."""

    success_return_url: str
    failure_return_url: str | None = None
    cancel_return_url: str | None = None
    account_mobile_number: str | None = None


class PhoneProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a channel needs that asks the payer on their phone."""

    account_mobile_number: Annotated[str, Meta(pattern=r"^\+[0-9]{6,15}$")]
    success_return_url: str | None = None
    failure_return_url: str | None = None


class ShownProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a number or a code may say besides."""

    expires_at: str | None = None
    display_name: str | None = None
    qr_string_type: str | None = None


def body_of(raw: bytes, type_: type[T]) -> T:
    """Read a body as `type_`; raises the error that Xendit answers. An empty one says nothing."""
    try:
        body = msgspec.json.decode(raw or b"{}", type=type_)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not JSON") from error
    metadata = getattr(body, "metadata", None)
    if metadata is not None and len(metadata) > ENTRIES:
        raise invalid(f"metadata has more than {ENTRIES} entries")
    return body


def properties(raw: dict[str, msgspec.Raw], type_: type[T]) -> T:
    """Read channel_properties; return addresses are https."""
    said = body_of(msgspec.json.encode(raw), type_)
    for name in ("success_return_url", "failure_return_url", "cancel_return_url"):
        url = getattr(said, name, None)
        if url is not None and not _RETURN.match(url):
            raise invalid(f"channel_properties.{name} is an https address")
    return said


def amount_of(number: Decimal, currency: str) -> int:
    """Return an amount in minor units; raises the error that Xendit answers."""
    if currency not in CURRENCIES:
        raise invalid("currency is not supported")
    amount = minor(number, currency)
    if amount is None:
        raise unfit(f"{number:f} is no amount of {currency}")
    return amount
