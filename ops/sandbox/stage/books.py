"""Sums, settlements and an index over the ledger's lines."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from ops.sandbox.stage.lines import MOVEMENTS, OF_THE_STAGE, Kind, Line

#: A reference is unique by convention only: what it names may differ in currency.
MIXED = "mixed"
#: The sums of a reference, and of a currency.
SUMS = (
    "captured",
    "refunded",
    "refund_failed",
    "charged_back",
    "reversed",
    "paid_out",
    "payout_returned",
)
#: Which sum each kind of movement counts into.
_SUM_OF = {
    Kind.SALE: "captured",
    Kind.CAPTURE: "captured",
    Kind.REFUND: "refunded",
    Kind.REFUND_FAILED: "refund_failed",
    Kind.CHARGEBACK: "charged_back",
    Kind.REVERSAL: "reversed",
    Kind.PAYOUT: "paid_out",
    Kind.PAYOUT_RETURNED: "payout_returned",
}
#: Charged, and paid out.
_TAKES = frozenset({Kind.SALE, Kind.CAPTURE})
_REFUNDS = frozenset({Kind.REFUND, Kind.REFUND_FAILED})
_PAYOUTS = frozenset({Kind.PAYOUT, Kind.PAYOUT_RETURNED})


@dataclass(slots=True)
class Tally:
    """What happened under one reference, in minor units."""

    currency: str
    charges: int = 0  #: how many charges took money
    captured: int = 0
    refunded: int = 0
    refund_failed: int = 0
    charged_back: int = 0
    reversed: int = 0
    payouts: int = 0  #: how often money was paid out
    paid_out: int = 0
    payout_returned: int = 0


@dataclass(slots=True)
class Books:
    """What the ledger comes to."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    _about: dict[str, array[int]] = field(default_factory=dict)
    _movements: array[int] = field(default_factory=lambda: array("Q"))
    _taken: set[tuple[str, str]] = field(default_factory=set)
    _given_back: Counter[str] = field(default_factory=Counter)

    def note(self, line: Line) -> None:
        """Take the next numbered line."""
        if line.kind in OF_THE_STAGE:
            return
        for name in {line.reference, line.refund_reference, line.object, line.of} - {""}:
            self._about.setdefault(name, array("Q")).append(line.seq)
        if line.kind in MOVEMENTS:
            self._movements.append(line.seq)
            self._count(line)

    def about(self, name: str) -> list[int]:
        """Return the numbers of the lines about a reference or an object."""
        return list(self._about.get(name, ()))

    def movements(self, after: int, until: int, most: int) -> tuple[list[int], bool]:
        """Return the numbers of up to `most` lines that moved money, and whether there are more."""
        first = bisect_right(self._movements, after)
        readable = bisect_right(self._movements, until)
        last = min(first + most, readable)
        return list(self._movements[first:last]), last < readable

    def summary(self) -> dict[str, Any]:
        """Return the sums per reference, and what they come to."""
        references = {reference: asdict(tally) for reference, tally in self.tallies.items()}
        currencies: dict[str, dict[str, int]] = {}
        for tally in references.values():
            sums = currencies.setdefault(tally["currency"], dict.fromkeys(SUMS, 0))
            for name in SUMS:
                sums[name] += tally[name]
        totals: dict[str, Any] = {
            "references": len(references),
            "charges": sum(tally["charges"] for tally in references.values()),
            "payouts": sum(tally["payouts"] for tally in references.values()),
            "currencies": currencies,
            "charged_more_than_once": _repeated(references, "charges"),
            "refunded_more_than_once": [one for one, n in self._given_back.items() if n > 1],
            "paid_out_more_than_once": _repeated(references, "payouts"),
        }
        return {"references": references, "totals": totals}

    def _count(self, line: Line) -> None:
        kind = Kind(line.kind)
        tally = self.tallies.setdefault(line.reference, Tally(line.currency))
        if tally.currency != line.currency:
            tally.currency = MIXED
        name = _SUM_OF[kind]
        setattr(tally, name, getattr(tally, name) + line.amount)
        if kind in _TAKES:
            charge = (line.reference, line.of or line.object)
            if charge not in self._taken:  # a charge may be collected in parts
                self._taken.add(charge)
                tally.charges += 1
        elif kind is Kind.PAYOUT:
            tally.payouts += 1
        elif kind in _REFUNDS and line.refund_reference:
            self._given_back[line.refund_reference] += 1 if kind is Kind.REFUND else -1


def settlement(line: Line) -> dict[str, Any]:
    """Return a movement as the merchant's statement shows it."""
    kind = Kind(line.kind)
    type_, sign = MOVEMENTS[kind]
    payout, refund = kind in _PAYOUTS, kind in _REFUNDS
    payment = line.of if refund else line.of or line.object
    return {
        "seq": line.seq,
        "at": line.at,
        "type": type_,
        "id": f"sl_{line.seq}",
        "payment": None if payout else payment or None,
        "refund": line.object if refund else None,
        "payout": line.object if payout else None,
        "reference": line.reference,
        "refund_reference": line.refund_reference or None,
        "amount": sign * line.amount,
        "fee": 0,
        "currency": line.currency,
    }


def _repeated(references: dict[str, dict[str, Any]], what: str) -> Iterable[str]:
    return [reference for reference, tally in references.items() if tally[what] > 1]
