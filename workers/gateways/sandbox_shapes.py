"""The sandbox provider's objects as it shows them, as far as we believe them."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

#: What the provider calls its own texts: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]
#: A bank's name, an account's number.
SHORT: Final = 64
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: Minor units of the currency; wide enough to show an amount that is wrong.
Minor: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Named(msgspec.Struct, frozen=True):
    """The names of an object, which is all that an event is believed. What an operator of the
    provider made by hand has no reference of ours."""

    id: Name
    reference: Name | None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What payments, refunds and payouts have in common.

    Strict in what decides about money; what only explains it must not hide that money moved.
    """

    id: Name
    reference: Name
    amount: Minor
    currency: str
    status: str
    created_at: str = ""


class ShownPayment(Shown, frozen=True, kw_only=True):
    """A payment: one charge, with everything that happened to it since."""

    amount_captured: Minor
    amount_refunded: Minor
    amount_charged_back: Minor
    next_action: Any = None
    decline_code: Any = None
    #: Null until the money was held.
    authorization_expires_at: Any = None


class ShownRefund(Shown, frozen=True, kw_only=True):
    """A refund of the payment whose id is `payment`."""

    payment: Name
    failure_code: Any = None


class ShownPayout(Shown, frozen=True, kw_only=True):
    """Money on its way out."""

    failure_code: Any = None


class Payments(msgspec.Struct, frozen=True):
    """What a search for payments answers."""

    data: list[ShownPayment]


class Refunds(msgspec.Struct, frozen=True):
    """What a search for refunds answers."""

    data: list[ShownRefund]


class Payouts(msgspec.Struct, frozen=True):
    """What a search for payouts answers."""

    data: list[ShownPayout]


class Action(msgspec.Struct, frozen=True):
    """Where the payer must act; what only explains it must not hide that they must."""

    url: Url
    type: Any = None
    bank: Any = None
    account_number: Any = None

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """The account that a transfer is made to; a redirect needs nothing but its address."""
        account = (("bank", self.bank), ("account_number", self.account_number))
        if self.type != "bank_transfer" or not all(_is_short(text) for _, text in account):
            return ()
        return (("type", "bank_transfer"), *account)


class Detached(msgspec.Struct, frozen=True):
    """A token that the provider has forgotten."""

    token: str
    detached: bool


class Problem(msgspec.Struct, frozen=True):
    """An error, with the object that a decline made or left as it was."""

    type: Word
    code: Word
    payment: ShownPayment | None = None
    refund: ShownRefund | None = None
    payout: ShownPayout | None = None


class Failed(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: Problem


class Event(msgspec.Struct, frozen=True):
    """A webhook's body; `data` names its objects by kind."""

    type: Word
    data: dict[str, msgspec.Raw]


def told(code: object, otherwise: str) -> str:
    """Return a code of the provider's, or ours where it gives none that is a text."""
    return code[:64] if isinstance(code, str) and code else otherwise


def _is_short(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= SHORT
