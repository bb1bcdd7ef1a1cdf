"""What the account keeps: transactions with their refunds, and payouts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import msgspec

#: Midtrans' clock, which it writes without saying so.
WIB = timezone(timedelta(hours=7))
#: Rupiah to ISO 4217 minor units.
SEN = 100


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back; rupiah. `bank_at` is empty until the bank has confirmed it."""

    number: int
    key: str
    amount: int
    reason: str
    made_at: str
    bank_at: str = ""


class Transaction(msgspec.Struct, frozen=True, kw_only=True, tag="transaction"):
    """One charge and everything that happened to it; rupiah, times as Midtrans writes them."""

    id: str
    order_id: str
    amount: int
    payment_type: str
    status: str
    made_at: str
    expires_at: str
    #: accept, challenge, deny; empty where nothing is screened.
    fraud: str = ""
    #: What it becomes once the payer, a bank or a person has said yes: authorize or capture.
    holds: bool = False
    channel_code: str = ""
    masked_card: str = ""
    #: Why the payer is asked: 3ds, wallet, transfer.
    asks: str = ""
    bank: str = ""
    va_number: str = ""
    settled_at: str = ""
    fields: tuple[str, str, str] = ("", "", "")
    refunds: tuple[Refund, ...] = ()

    @property
    def minor(self) -> int:
        """The amount in ISO minor units."""
        return self.amount * SEN

    @property
    def frees_its_name(self) -> bool:
        """Whether its order_id may be charged again: what nobody has paid was ended."""
        paid = self.settled_at or self.channel_code == "00"
        return self.status in ("cancel", "expire") and not paid

    @property
    def given_back(self) -> int:
        """Rupiah refunded so far."""
        return sum(refund.amount for refund in self.refunds)

    @property
    def left(self) -> int:
        """Rupiah that could still be refunded."""
        return self.amount - self.given_back


class Payout(msgspec.Struct, frozen=True, kw_only=True, tag="payout"):
    """Money on its way out; rupiah."""

    number: str
    amount: int
    name: str
    account: str
    bank: str
    notes: str
    status: str
    made_at: str
    changed_at: str
    email: str = ""
    error_code: str = ""


def now(after_s: float = 0.0) -> str:
    """Return the time as Midtrans writes it."""
    return datetime.fromtimestamp(time.time() + after_s, WIB).strftime("%Y-%m-%d %H:%M:%S")


def iris_now() -> str:
    """Return the time as Iris writes it."""
    return datetime.fromtimestamp(time.time(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
