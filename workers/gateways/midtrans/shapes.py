"""Midtrans' objects as it shows them, as far as we believe them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from domain.money import CURRENCIES, Money

#: What Midtrans calls its own texts: bounded, printable, without spaces.
Name: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[!-~]+\Z")]
Code: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{3}\Z")]
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Url: TypeAlias = Annotated[str, Meta(max_length=2048, pattern=r"^https?://[!-~]+\Z")]
#: What a telephone opens: also by the name of an app, but never a script.
Link: TypeAlias = Annotated[
    str, Meta(max_length=2048, pattern=r"^(?!javascript|data|vbscript)[a-z][a-z0-9+.-]*://[!-~]+\Z")
]

IDR: Final = CURRENCIES["IDR"]
#: `10000.00`, also `10000`: rupiah, with at most two digits of what nobody can pay.
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,2}))?")


class Coded(msgspec.Struct, frozen=True):
    """Every answer of the Core API says how it went in its body, whatever HTTP says."""

    status_code: Code


class VaNumber(msgspec.Struct, frozen=True):
    """A virtual account that the payer transfers to."""

    bank: Word
    va_number: Word


class Action(msgspec.Struct, frozen=True):
    """Something that the payer, or a program for them, may call."""

    name: Word
    url: Link


class ShownRefund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund of a transaction; ours has a name and an amount. One that people have made, on
    Midtrans' own pages, must not hide the others."""

    refund_key: Any = None
    refund_amount: Any = None
    refund_chargeback_id: int | str | None = None
    bank_confirmed_at: Any = None


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction: one charge, with everything that happened to it since.

    Strict in what decides about money; what only explains it must not hide that money moved.
    """

    transaction_id: Name
    order_id: Name
    gross_amount: str
    transaction_status: Word
    #: Some channels leave it out; Midtrans charges in rupiah only.
    currency: str = "IDR"
    payment_type: Any = None
    fraud_status: Any = None
    channel_response_code: Any = None
    redirect_url: Any = None
    va_numbers: Any = None
    permata_va_number: Any = None
    actions: Any = None
    #: Ours: where the shop wants its payers back.
    custom_field2: Any = None
    settlement_time: Any = None
    refunds: list[ShownRefund] | None = None

    @property
    def status(self) -> str:
        """Some channels say it in capitals."""
        return self.transaction_status.lower()

    @property
    def money(self) -> Money | None:
        """What was charged, or was collected of it; None: no amount of rupiah."""
        return rupiah(self.gross_amount) if self.currency == IDR.code else None


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund is answered with."""

    transaction_id: Name
    transaction_status: Word
    refund_key: Name | None = None
    refund_amount: str | None = None
    refund_chargeback_id: int | str | None = None
    bank_confirmed_at: Any = None


class Named(msgspec.Struct, frozen=True):
    """The names in a notification of the Core API, which is all that it is believed."""

    transaction_id: Name
    order_id: Name
    transaction_status: Word
    refunds: list[ShownRefund] | None = None


class NamedPayout(msgspec.Struct, frozen=True):
    """The names in a notification of Iris."""

    reference_no: Name
    status: Word


class Made(msgspec.Struct, frozen=True):
    """A payout as it is made."""

    reference_no: Name
    status: Word


class MadeList(msgspec.Struct, frozen=True):
    """What making payouts is answered with."""

    payouts: list[Made]


class Approved(msgspec.Struct, frozen=True):
    """What approving payouts is answered with."""

    status: Word


class ShownPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout, read back."""

    reference_no: Name
    amount: str
    status: Word
    #: Ours: the attempt's reference.
    notes: Any = None
    error_code: Any = None


class IrisProblem(msgspec.Struct, frozen=True):
    """The body of Iris' refusals; `errors` is for people."""

    error_message: str


class Stored(msgspec.Struct, frozen=True):
    """A payout's stored request: both calls. Which payout is approved is only known in between."""

    create: msgspec.Raw
    approve: dict[str, Any]


def rupiah(text: object) -> Money | None:
    """Return an amount in rupiah as money, whose minor unit is the sen; None: it is none."""
    found = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    return Money(int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")), IDR)
