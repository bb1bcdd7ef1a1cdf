"""Stripe's objects as it shows them, as far as we believe them."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

#: What the provider names its objects: one part of a path, whatever is asked about them.
Id: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[A-Za-z0-9_-]+\Z")]
#: And the types of its events.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: The provider's units; wide enough to show an amount that is wrong.
Minor: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]

#: The entry of an object's metadata that carries our reference.
REFERENCE: Final = "paylink_reference"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What intents, refunds and payouts have in common.

    Strict in what decides about money; what only explains it must not hide that money moved.
    """

    id: Id
    amount: Minor
    currency: str
    status: str
    created: int = 0
    metadata: Any = None

    @property
    def reference(self) -> str | None:
        """Our name on it; None: it carries none."""
        return reference_of(self.metadata)


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The movement that an intent came to, where it was asked for in full."""

    id: Id
    amount: Minor | None = None
    amount_captured: Minor | None = None
    amount_refunded: Minor = 0
    disputed: bool = False


class Intent(Shown, frozen=True, kw_only=True):
    """A PaymentIntent: one charge, from the wish to the money."""

    amount_received: Minor | None = None
    amount_capturable: Minor | None = None
    #: Its id, or the whole of it.
    latest_charge: Charge | str | None = None
    next_action: Any = None
    last_payment_error: Any = None
    cancellation_reason: Any = None


class Refund(Shown, frozen=True, kw_only=True):
    """A refund of the intent whose id is `payment_intent`."""

    payment_intent: Id | None = None
    failure_reason: Any = None


class Payout(Shown, frozen=True, kw_only=True):
    """Money on its way to a bank account or card of the account's own."""

    failure_code: Any = None
    #: The payout that brought it back.
    reversed_by: Any = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's bank asks money of a charge back."""

    amount: Minor
    currency: str
    status: str
    reason: Any = None


class Method(msgspec.Struct, frozen=True):
    """A stored way to pay, and whose it is."""

    id: Id
    customer: Any = None


class Intents(msgspec.Struct, frozen=True):
    """What a list of, or a search for, intents answers."""

    data: list[Intent]


class Refunds(msgspec.Struct, frozen=True):
    """One page of refunds, newest first."""

    data: list[Refund]
    has_more: bool = False


class Payouts(msgspec.Struct, frozen=True):
    """One page of payouts, newest first."""

    data: list[Payout]
    has_more: bool = False


class Disputes(msgspec.Struct, frozen=True):
    """The disputes of one intent."""

    data: list[Dispute]
    has_more: bool = False


class Redirect(msgspec.Struct, frozen=True):
    """Where the payer must act."""

    url: Url


class Action(msgspec.Struct, frozen=True):
    """What an intent waits for."""

    redirect_to_url: Redirect


class Problem(msgspec.Struct, frozen=True):
    """An error. Its message quotes the request, so it is read and never repeated."""

    type: Any = None
    code: Any = None
    decline_code: Any = None
    advice_code: Any = None
    network_advice_code: Any = None
    param: Any = None
    message: Any = None
    payment_intent: Any = None


class Failed(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: Problem


class Happening(msgspec.Struct, frozen=True):
    """What an event is about."""

    object: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """A webhook's body."""

    type: Name
    data: Happening


def reference_of(metadata: object) -> str | None:
    """Return our name in an object's metadata."""
    found = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) and found else None


def told(code: object, otherwise: str = "") -> str:
    """Return a code of the provider's, or `otherwise` where it gives none that is a short word."""
    return code if isinstance(code, str) and 0 < len(code) <= 64 and code.isascii() else otherwise
