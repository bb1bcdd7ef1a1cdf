"""The settlement list: every movement of money as the merchant's statement shows it."""

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from ops.sandbox.entries import (
    Capture,
    Charge,
    Chargeback,
    Entry,
    PayoutMove,
    PayoutPaid,
    PayoutReturned,
    Refund,
    RefundFailed,
    RefundMove,
    Reverse,
)
from ops.sandbox.ledger import Ledger

#: Settlement type and sign, seen from the merchant, of every kind of line that moved money.
MOVEMENTS: Mapping[type[Entry], tuple[str, int]] = {
    Charge: ("charge", 1),
    Capture: ("capture", 1),
    Refund: ("refund", -1),
    RefundFailed: ("refund_failed", 1),
    Chargeback: ("chargeback", -1),
    Reverse: ("reversal", -1),
    PayoutPaid: ("payout", -1),
    PayoutReturned: ("payout_returned", 1),
}
#: The sandbox charges nothing.
FEE = 0


class Settlements:
    """Knows where in the ledger money moved."""

    def __init__(self) -> None:
        self._seqs = array("Q")

    def note(self, entry: Entry) -> None:
        """Take the next numbered line; only movements are kept."""
        if type(entry) in MOVEMENTS:
            self._seqs.append(entry.seq)

    def page(self, ledger: Ledger, after_seq: int, most: int) -> tuple[list[dict[str, Any]], bool]:
        """Return up to `most` settlement lines after a ledger line, and whether there are more."""
        first = bisect_right(self._seqs, after_seq)
        readable = bisect_right(self._seqs, ledger.on_disk)
        last = min(first + most, readable)
        return [_line(ledger.read(seq)) for seq in self._seqs[first:last]], last < readable

    def between(
        self, ledger: Ledger, since: str, until: str, after_seq: int, most: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return up to `most` lines of a window after a ledger line, and whether there are more.

        Times are compared as they are written, which is one form of one length.
        """
        readable = bisect_right(self._seqs, ledger.on_disk)
        found: list[dict[str, Any]] = []
        for place in range(bisect_right(self._seqs, after_seq), readable):
            entry = ledger.read(self._seqs[place])
            if since <= entry.at < until:
                if len(found) == most:
                    return found, True
                found.append(_line(entry))
        return found, False


def _line(entry: Entry) -> dict[str, Any]:
    type_, sign = MOVEMENTS[type(entry)]
    refunding = entry if isinstance(entry, RefundMove) else None
    return {
        "seq": entry.seq,
        "at": entry.at,
        "type": type_,
        "id": f"sl_{entry.seq}",
        "payment": entry.payment or None,
        "refund": refunding.refund if refunding else None,
        "payout": entry.payout if isinstance(entry, PayoutMove) else None,
        "reference": entry.reference,
        "refund_reference": refunding.refund_reference if refunding else None,
        "amount": sign * entry.amount,
        "fee": FEE,
        "currency": entry.currency,
    }
