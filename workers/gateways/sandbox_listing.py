"""The sandbox provider's statement: what moved in a window, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from domain.money import CURRENCIES, Money
from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from workers.gateways.sandbox_answers import read
from workers.gateways.sandbox_line import Line
from workers.gateways.sandbox_shapes import Name

SETTLEMENTS: Final = "/v1/settlements"
PAGE: Final = 200
#: Documented; the window is cut to it.
LONGEST: Final = timedelta(days=31)

#: The statement's types: what they are to us, and which of a line's ids names what moved. What an
#: operator there took back is no different from a bank's chargeback.
TYPES: Final[dict[str, tuple[Move, str]]] = {
    "charge": (Move.CHARGE, "payment"),
    "capture": (Move.CHARGE, "payment"),
    "chargeback": (Move.CHARGEBACK, "payment"),
    "reversal": (Move.CHARGEBACK, "payment"),
    "refund": (Move.REFUND, "refund"),
    "refund_failed": (Move.REFUND_FAILURE, "refund"),
    "payout": (Move.PAYOUT, "payout"),
    "payout_returned": (Move.PAYOUT_FAILURE, "payout"),
}

Signed: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the statement; its amount is negative where the money left."""

    id: Name
    at: datetime
    type: str
    amount: Signed
    currency: str
    payment: Name | None = None
    refund: Name | None = None
    payout: Name | None = None
    #: Of the payment or payout; a refund has its own.
    reference: Name | None = None
    refund_reference: Any = None


class Statement(msgspec.Struct, frozen=True):
    """A page of it, oldest first."""

    data: list[ShownLine]
    has_more: bool


def listing(lag: timedelta) -> Listing:
    """Return what the statement promises: everything that moves is on it."""
    return Listing(lag, LONGEST, frozenset(Move))


def listed(line: Line, window: Window, following: str | None, budget: Budget) -> Listed:
    """Read one page; `following` is the last line's id."""
    query = {"since": _written(window.since), "until": _written(window.until), "limit": PAGE}
    if following is not None:
        query["after"] = following
    page = read(line.get(f"{SETTLEMENTS}?{urlencode(query)}", budget), Statement)
    if isinstance(page, Unknown):
        return Unlisted(page.cause)
    entries = [_entry(shown) for shown in page.data]
    found = tuple(entry for entry in entries if entry is not None)
    if len(found) < len(entries) or (page.has_more and not page.data):
        return Unlisted("a line of the statement that is not documented")
    return Page(found, page.data[-1].id if page.has_more else None)


def _entry(shown: ShownLine) -> Entry | None:
    if shown.type not in TYPES or shown.currency not in CURRENCIES or shown.at.tzinfo is None:
        return None
    move, names = TYPES[shown.type]
    provider_id: str | None = getattr(shown, names)
    if provider_id is None or shown.amount == 0:
        return None
    reference: Any = shown.refund_reference if names == "refund" else shown.reference
    return Entry(
        move,
        provider_id,
        Money(abs(shown.amount), CURRENCIES[shown.currency]),
        shown.at,
        reference=reference if isinstance(reference, str) else None,
        line=shown.id,
    )


def _written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds")
