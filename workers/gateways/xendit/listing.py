"""Xendit's transactions: what moved in the account's balance in a window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

import msgspec

from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Stands, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from workers.gateways.xendit import amounts
from workers.gateways.xendit.answers import read
from workers.gateways.xendit.line import Line
from workers.gateways.xendit.shapes import Name, Said

TRANSACTIONS: Final = "/transactions"
#: The most that one page has.
PAGE: Final = 50
#: No longest window is documented.
LONGEST: Final = timedelta(days=31)
#: Nor how late a transaction may show.
LAG_S: Final = 3_600.0

#: The types that are ours to make; transfers, top-ups, fees and the like are the account's own.
TYPES: Final[Mapping[str, Move]] = {
    "PAYMENT": Move.CHARGE,
    "CHARGEBACK": Move.CHARGEBACK,
    "REFUND": Move.REFUND,
    "DISBURSEMENT": Move.PAYOUT,
}
STATUSES: Final[Mapping[str, Stands]] = {
    "SUCCESS": Stands.MOVED,
    "PENDING": Stands.PENDING,
    "FAILED": Stands.FAILED,
    "VOIDED": Stands.FAILED,
    "REVERSED": Stands.FAILED,  # it moved and came back: nothing is left of it
}
#: A payment's transaction names the payment, and we call a charge by its request.
REQUEST: Final = "pr-"


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One movement; `product_id` is the id of the object that moved it."""

    id: Name
    product_id: Name
    type: Said
    status: Said
    currency: Said
    amount: Decimal
    created: datetime
    reference_id: str | None = None


class Transactions(msgspec.Struct, frozen=True):
    """A page of them, newest first."""

    data: list[Transaction]
    has_more: bool


def listing(lag: timedelta) -> Listing:
    """Return what the list promises. That a refund or a payout came back shows in its status."""
    return Listing(lag, LONGEST, frozenset(TYPES.values()))


def listed(line: Line, window: Window, following: str | None, budget: Budget) -> Listed:
    """Read one page; `following` is the last transaction of the page before."""
    query = {
        "created[gte]": _written(window.since),
        "created[lte]": _written(window.until),
        "limit": PAGE,
    }
    if following is not None:
        query["after_id"] = following
    page = read(line.get(f"{TRANSACTIONS}?{urlencode(query)}", budget), Transactions)
    if isinstance(page, Unknown):
        return Unlisted(page.cause)
    entries: list[Entry] = []
    for shown in page.data:
        entry = _entry(shown)
        if isinstance(entry, Unlisted):
            return entry
        entries += [] if entry is None else [entry]
    if page.has_more and not page.data:
        return Unlisted("a page of transactions that is empty and not the last")
    return Page(tuple(entries), page.data[-1].id if page.has_more else None)


def _entry(shown: Transaction) -> Entry | Unlisted | None:
    move = TYPES.get(shown.type)
    if move is None:
        return None
    money, stands = amounts.read(shown.amount, shown.currency), STATUSES.get(shown.status)
    if money is None or stands is None or shown.created.tzinfo is None:
        return Unlisted(f"{shown.id} is {shown.status:.64} in {shown.currency:.16}")
    is_object = move is not Move.CHARGE or shown.product_id.startswith(REQUEST)
    return Entry(
        move,
        shown.product_id,
        money,
        shown.created,
        stands,
        shown.reference_id or None,
        line=shown.id,
        is_object=is_object,
    )


def _written(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
