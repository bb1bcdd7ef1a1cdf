"""Xendit's objects as it shows them, as far as we believe them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

#: What Xendit calls its own objects, and what it repeats of our names.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]
Word: TypeAlias = Annotated[str, Meta(max_length=64, pattern=r"^[A-Z0-9_ ]+\Z")]
#: What Xendit says in its own words; some of it is repeated to people, and kept.
Said: TypeAlias = Annotated[str, Meta(pattern=r"^[ -~]*\Z")]
EventName: TypeAlias = Annotated[str, Meta(max_length=64, pattern=r"^[a-z0-9_.]+\Z")]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: A longer code of theirs is cut.
CODE_LIMIT = 64


class ShownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A payment request: one charge. Strict in what decides about money; what only explains it must
    not hide that money moved."""

    payment_request_id: Name
    reference_id: Name | None = None
    currency: Said
    request_amount: Decimal
    status: Said
    latest_payment_id: Name | None = None
    channel_code: Any = None
    failure_code: Any = None
    actions: Any = None
    metadata: Any = None
    created: Any = None
    updated: Any = None


class Collected(msgspec.Struct, frozen=True):
    """One capture of a payment."""

    capture_amount: Decimal


class ShownPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment: the money that a payment request has led to, held or collected."""

    payment_id: Name
    payment_request_id: Name
    currency: Said
    request_amount: Decimal
    status: Said
    captures: list[Collected] | None = None
    failure_code: Any = None
    payment_details: Any = None
    updated: Any = None


class ShownRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a payment request."""

    id: Name
    payment_request_id: Name | None = None
    reference_id: Name | None = None
    currency: Said
    amount: Decimal
    status: Said
    failure_code: Any = None
    created: Any = None


class ShownPayout(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way out."""

    id: Name
    reference_id: Name | None = None
    currency: Said
    amount: Decimal
    status: Said
    failure_code: Any = None
    created: Any = None


class Requests(msgspec.Struct, frozen=True):
    """What a search for payment requests answers."""

    data: list[ShownRequest]


class Refunds(msgspec.Struct, frozen=True):
    """A page of the refunds of one payment request."""

    data: list[ShownRefund]
    has_more: bool = False


class Payouts(msgspec.Struct, frozen=True):
    """What a search for payouts answers in the client libraries; the reference shows a bare list."""

    data: list[ShownPayout]


class Disputed(msgspec.Struct, frozen=True):
    """What a dispute is about; `terminal` once it is decided."""

    initial: Decimal
    terminal: Decimal | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that the payer's bank wants back."""

    status: Said
    currency: Said
    amount: Disputed
    payment_id: Name | None = None


class Disputes(msgspec.Struct, frozen=True):
    """The disputes of one payment."""

    data: list[Dispute]


class ShownToken(msgspec.Struct, frozen=True):
    """A stored payment token."""

    payment_token_id: Name
    status: Said


class Problem(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error_code: Word


class Action(msgspec.Struct, frozen=True):
    """What the payer has to do next."""

    type: str
    descriptor: str = ""
    value: str = ""


class Event(msgspec.Struct, frozen=True):
    """A webhook's body; a dispute's has no `data` and is the object itself."""

    event: EventName
    data: Any = None
    reference_id: Any = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The names in a webhook, which are all of it that is believed."""

    payment_request_id: Name | None = None
    payment_id: Name | None = None
    payout_id: Name | None = None
    id: Name | None = None
    reference_id: Name | None = None
    #: Xendit's own example of a refund's event has the object one level deeper.
    data: Any = None


def told(code: object, otherwise: str) -> str:
    """Return a code of theirs, or ours where they give none that is a text."""
    text = code.strip()[:CODE_LIMIT] if isinstance(code, str) else ""
    return text if text and text.isprintable() else otherwise


def named(shown: ShownRequest | ShownRefund | ShownPayout) -> str:
    """Return our name on an object. All that are ours bear it: without one it is somebody else's."""
    return shown.reference_id or ""
