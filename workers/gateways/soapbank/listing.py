"""The bank's statement: what moved in a window, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

import msgspec

from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from workers.gateways.soapbank.envelopes import Faulted, Said
from workers.gateways.soapbank.line import Line
from workers.gateways.soapbank.requests import STATEMENT, written
from workers.gateways.soapbank.shapes import Name, Word, money_of
from workers.gateways.wire import NeverSent

#: The longest window of the protocol.
LONGEST: Final = timedelta(days=31)
#: Before the first line.
BEGINNING: Final = "0"

KINDS: Final[Mapping[str, Move]] = {
    "CHARGE": Move.CHARGE,
    "CHARGEBACK": Move.CHARGEBACK,
    "REFUND": Move.REFUND,
    "REFUND_RETURN": Move.REFUND_FAILURE,
    "PAYOUT": Move.PAYOUT,
    "PAYOUT_RETURN": Move.PAYOUT_FAILURE,
}


class ShownLine(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A line of the statement; an operator's own doing has no reference."""

    line_id: Name
    at: datetime
    kind: Word
    bank_id: Name
    reference: str
    amount: str
    currency: str


def listing(lag: timedelta) -> Listing:
    """Return what the statement promises: everything that moves is on it."""
    return Listing(lag, LONGEST, frozenset(Move))


def listed(line: Line, window: Window, following: str | None, budget: Budget) -> Listed:
    """Read one page; `following` is the last line of the page before."""
    fields = {
        "Since": _time(window.since),
        "Until": _time(window.until),
        "After": following or BEGINNING,
    }
    # Reading moves no money, so it may be begun until the deadline.
    patient = Budget(budget.deadline, budget.deadline)
    heard = line.post(STATEMENT, written(STATEMENT, fields), patient)
    match heard:
        case Said():
            return _page(heard)
        case Faulted(code=code):
            return Unlisted(f"fault {code:.64}")
        case NeverSent(cause=cause) | Unknown(cause=cause):
            return Unlisted(cause)
        case _:
            assert_never(heard)


def _page(said: Said) -> Listed:
    entries: list[Entry] = []
    last = ""
    for fields in said.records:
        try:
            shown = msgspec.convert(dict(fields), ShownLine, strict=False)
        except msgspec.ValidationError:
            return Unlisted("a line of the statement that is not documented")
        money = money_of(shown.amount, shown.currency)
        if shown.kind not in KINDS or money is None or shown.at.tzinfo is None:
            return Unlisted(f"line {shown.line_id} is {shown.kind} in {shown.currency:.16}")
        move, name = KINDS[shown.kind], shown.reference or None
        entries.append(
            Entry(move, shown.bank_id, money, shown.at, reference=name, line=shown.line_id)
        )
        last = shown.line_id
    if said.more and not last:
        return Unlisted("a page of the statement that is empty and not the last")
    return Page(tuple(entries), last if said.more else None)


def _time(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
