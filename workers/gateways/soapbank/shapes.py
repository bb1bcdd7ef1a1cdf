"""What a bank shows of its objects, as far as we believe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from domain.money import CURRENCIES, Money

#: What we or the bank call things: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=64, pattern=r"^[!-~]+\Z")]
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z_]{1,32}\Z")]

#: A decimal number; it has exactly as many decimals as its currency, which is checked where it is
#: known. Eighteen digits are more than any amount that we could have asked for.
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?")
#: A longer reason explains no more.
REASON_LIMIT: Final = 64


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What charges, refunds and payouts have in common.

    Strict in what decides about money; what only explains it must not hide that money moved.
    """

    bank_id: Name
    reference: Name
    kind: Word
    status: Word
    amount: str
    currency: str
    reason: str = ""

    def told(self, otherwise: str) -> str:
        """Return the bank's reason, or ours where it gives none that can be shown."""
        reason = self.reason[:REASON_LIMIT]
        return reason if reason and reason.isprintable() else otherwise


class ShownCharge(Record, frozen=True, kw_only=True, rename="pascal"):
    """A charge, with everything that happened to it since."""

    authorised_amount: str
    settled_amount: str
    refunded_amount: str
    reversed_amount: str


class ShownRefund(Record, frozen=True, kw_only=True, rename="pascal"):
    """A refund of the charge whose id is `original`."""

    original: Name


class ShownPayout(Record, frozen=True, kw_only=True, rename="pascal"):
    """Money on its way out."""


KINDS: Final[Mapping[type[Record], str]] = {
    ShownCharge: "CHARGE",
    ShownRefund: "REFUND",
    ShownPayout: "PAYOUT",
}

R = TypeVar("R", bound=Record)


class Notified(msgspec.Struct, frozen=True, rename="pascal"):
    """What a callback is believed: which object it speaks of."""

    event_id: Name
    bank_id: Name
    status: Word
    #: Empty where nobody has asked for the object.
    reference: str = ""


def shown_as(fields: Mapping[str, str], type_: type[R]) -> R | None:
    """Return the fields of a record as `type_`; None: it is of another shape or kind."""
    try:
        record = msgspec.convert(dict(fields), type_)
    except msgspec.ValidationError:
        return None
    return record if record.kind == KINDS[type_] else None


def notified(fields: Mapping[str, str]) -> Notified | None:
    """Return what a callback's fields say; None: they name nothing."""
    try:
        return msgspec.convert(dict(fields), Notified)
    except msgspec.ValidationError:
        return None


def money_of(text: str, code: str) -> Money | None:
    """Return an amount as the bank writes it; None: unknown currency, or not its decimals."""
    currency = CURRENCIES.get(code)
    number = _DECIMAL.fullmatch(text)
    if currency is None or number is None:
        return None
    decimals = number[2] or ""
    if len(decimals) != currency.exponent:
        return None
    return Money(int(number[1] + decimals), currency)


def decimal_of(money: Money) -> str:
    """Return an amount as the bank reads it: all decimals of its currency, and no others."""
    exponent = money.currency.exponent
    digits = str(money.minor).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
