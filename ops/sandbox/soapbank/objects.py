"""What the bank keeps: charges, refunds and payouts, and how it shows each of them."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from ops.sandbox.soapbank.currencies import written
from ops.sandbox.soapbank.writer import Fields


class Status(StrEnum):
    """The documented statuses."""

    PENDING = "PENDING"
    AUTHORISED = "AUTHORISED"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"
    REVERSED = "REVERSED"
    CREATED = "CREATED"
    APPROVED = "APPROVED"
    SENT = "SENT"
    RETURNED = "RETURNED"


class Charge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A charge; amounts are in minor units."""

    id: str
    reference: str
    amount: int
    currency: str
    status: Status
    holds: bool = False  #: it was to be held first
    authorised: int = 0  #: what was held
    capturing: int = 0  #: what is being collected of it, undecided
    settled: int = 0
    refunded: int = 0
    refunding: int = 0  #: promised to refunds that are undecided
    reversed: int = 0
    reason: str = ""
    ends: str = ""  #: why it will be rejected once it is decided; empty: it will not

    @property
    def left(self) -> int:
        """What can still be given back."""
        return max(0, self.settled - self.refunded - self.refunding - self.reversed)


class Refund(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money of a charge on its way back. One that an operator forced has no reference."""

    id: str
    reference: str
    charge: str
    amount: int
    currency: str
    status: Status
    reason: str = ""
    ends: str = ""  #: as with a charge


class Payout(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money on its way out."""

    id: str
    reference: str
    amount: int
    currency: str
    status: Status
    reason: str = ""
    course: str = ""  #: what its test token makes of it


Thing: TypeAlias = Charge | Refund | Payout


def record(thing: Thing) -> Fields:
    """Return the fields of an object as every answer shows them."""
    kind = type(thing).__name__.upper()
    told = {
        "BankId": thing.id,
        "Reference": thing.reference,
        "Kind": kind,
        "Status": thing.status.value,
        "Amount": written(thing.amount, thing.currency),
        "Currency": thing.currency,
    }
    if isinstance(thing, Charge):
        amounts = {
            "AuthorisedAmount": thing.authorised,
            "SettledAmount": thing.settled,
            "RefundedAmount": thing.refunded,
            "ReversedAmount": thing.reversed,
        }
        told |= {name: written(units, thing.currency) for name, units in amounts.items()}
    if isinstance(thing, Refund):
        told["Original"] = thing.charge
    return told | {"Reason": thing.reason}
