"""The shape of every ledger line of a simulator, and which kinds of them moved money.

One JSON object per line; empty, zero and false fields are left out. All lines:

    seq               1, 2, 3 ... without a gap
    at                RFC 3339, UTC
    kind              what happened: one of `Kind`, or a word of the provider or the stage
    reference         the client's name for the charge or payout that the line is about
    refund_reference  the client's name for the refund
    object            the provider's id of what changed
    of                the id of the charge that a capture, refund or chargeback belongs to
    amount, currency  ISO 4217 minor units, whatever the provider itself counts in
    more              true on all but the last line of one operation: it is whole or not at all
    forced            true where an operator forced the change through the admin port
    state             the object after the change, from which a restart rebuilds it
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

T = TypeVar("T")

NOTHING = msgspec.Raw(b"")


class Kind(StrEnum):
    """What happened to money; every other kind of line is history."""

    AUTHORIZATION = "authorization"  # reserved; no money moved
    VOID = "void"  # a reservation was let go of
    SALE = "sale"  # authorized and captured in one step
    CAPTURE = "capture"  # a reservation was collected, in whole or in part
    REFUND = "refund"  # went back on request
    REFUND_FAILED = "refund_failed"  # a refund that had succeeded came back
    CHARGEBACK = "chargeback"  # the payer's bank took it back
    REVERSAL = "reversal"  # went back because the provider undid a capture
    PAYOUT = "payout"  # paid out
    PAYOUT_RETURNED = "payout_returned"  # a payout that had been paid came back


#: Settlement type and sign, seen from the merchant, of every kind of line that moved money.
MOVEMENTS: Mapping[str, tuple[str, int]] = {
    Kind.SALE: ("charge", 1),
    Kind.CAPTURE: ("capture", 1),
    Kind.REFUND: ("refund", -1),
    Kind.REFUND_FAILED: ("refund_failed", 1),
    Kind.CHARGEBACK: ("chargeback", -1),
    Kind.REVERSAL: ("reversal", -1),
    Kind.PAYOUT: ("payout", -1),
    Kind.PAYOUT_RETURNED: ("payout_returned", 1),
}

#: The stage's own kinds.
EVENT, DELIVERED, GIVEN_UP = "event", "event.delivered", "event.given_up"
TIMER, TIMER_DONE = "timer", "timer.done"
KEY = "key"
OF_THE_STAGE = frozenset({EVENT, DELIVERED, GIVEN_UP, TIMER, TIMER_DONE})


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ledger line; `seq` and `more` are filled in by the journal."""

    seq: int = 0
    at: str
    kind: str
    reference: str = ""
    refund_reference: str = ""
    object: str = ""
    of: str = ""
    amount: int = 0
    currency: str = ""
    more: bool = False
    forced: bool = False
    state: msgspec.Raw = NOTHING

    def holds(self, type_: type[T]) -> T:
        """Return the object after the change, as what it was when it was recorded."""
        return msgspec.json.decode(self.state, type=type_)
