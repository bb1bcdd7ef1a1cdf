"""Stripe's lists of a window, one after another: intents, refunds, payouts, disputes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec

from domain.money import Money
from domain.outcome import Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Stands, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from workers.gateways.stripe.answers import read
from workers.gateways.stripe.currencies import understood
from workers.gateways.stripe.line import Line
from workers.gateways.stripe.orders import TAKEN
from workers.gateways.stripe.shapes import Id, Intent, Minor, Payout, Refund

#: No longest window is documented; a page has a hundred lines whatever the window.
LONGEST: Final = timedelta(days=31)

#: How an object stands, by its status. What waits for its payer, or for us, is no movement.
INTENTS: Final[Mapping[str, Stands | None]] = {
    "succeeded": Stands.MOVED,
    "requires_capture": Stands.HELD,
    "processing": Stands.PENDING,
    "canceled": Stands.FAILED,
    "requires_payment_method": Stands.FAILED,
    "requires_action": None,
    "requires_confirmation": None,
}
REFUNDS: Final[Mapping[str, Stands | None]] = {
    "succeeded": Stands.MOVED,
    "pending": Stands.PENDING,
    "requires_action": Stands.PENDING,
    "failed": Stands.FAILED,
    "canceled": Stands.FAILED,
}
PAYOUTS: Final[Mapping[str, Stands | None]] = {
    "paid": Stands.MOVED,
    "pending": Stands.PENDING,
    "in_transit": Stands.PENDING,
    "failed": Stands.FAILED,
    "canceled": Stands.FAILED,
}


class ShownDispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute with the intent whose money it asks for."""

    id: Id
    amount: Minor
    currency: str
    status: str
    created: int
    payment_intent: Id | None = None


class Intents(msgspec.Struct, frozen=True):
    """One page of intents, newest first."""

    data: list[Intent]
    has_more: bool


class Refunds(msgspec.Struct, frozen=True):
    """One page of refunds."""

    data: list[Refund]
    has_more: bool


class Payouts(msgspec.Struct, frozen=True):
    """One page of payouts."""

    data: list[Payout]
    has_more: bool


class Disputes(msgspec.Struct, frozen=True):
    """One page of disputes."""

    data: list[ShownDispute]
    has_more: bool


Pages: TypeAlias = Intents | Refunds | Payouts | Disputes
Thing: TypeAlias = Intent | Refund | Payout | ShownDispute


def listing(lag: timedelta) -> Listing:
    """Return what the lists promise. That a refund or a payout came back shows in its status, and
    not as a line of its own."""
    moves = frozenset({Move.CHARGE, Move.CHARGEBACK, Move.REFUND, Move.PAYOUT})
    return Listing(lag, LONGEST, moves)


def listed(line: Line, window: Window, following: str | None, budget: Budget) -> Listed:
    """Read one page; `following` names the list, and the last object of its page before."""
    name, _, after = (following or f"{_NAMES[0]}:").partition(":")
    type_, said = _LISTS[name]
    # Whole seconds: what was made in the first one belongs to it.
    since, until = math.floor(window.since.timestamp()), math.ceil(window.until.timestamp())
    within = {"gte": since, "lt": until}
    page: Pages | Unknown = read(line.made_within(name, within, after or None, budget), type_)
    if isinstance(page, Unknown):
        return Unlisted(page.cause)
    data: Sequence[Thing] = page.data
    entries: list[Entry] = []
    for shown in data:
        entry = said(shown)
        if isinstance(entry, Unlisted):
            return entry
        entries += [] if entry is None else [entry]
    if page.has_more:
        if not data:
            return Unlisted(f"a page of {name} that is empty and not the last")
        return Page(tuple(entries), f"{name}:{data[-1].id}")
    later = _NAMES[_NAMES.index(name) + 1 :]
    return Page(tuple(entries), f"{later[0]}:" if later else None)


_Said: TypeAlias = Callable[[Any], Entry | Unlisted | None]


def _intent(shown: Intent) -> Entry | Unlisted | None:
    collected = shown.amount_received if shown.status == "succeeded" else shown.amount
    if collected is None:
        return Unlisted(f"{shown.id} does not say what was received")
    return _order(Move.CHARGE, INTENTS, shown, collected)


def _refund(shown: Refund) -> Entry | Unlisted | None:
    return _order(Move.REFUND, REFUNDS, shown, shown.amount)


def _payout(shown: Payout) -> Entry | Unlisted | None:
    if shown.status == "paid" and shown.reversed_by is not None:
        shown = msgspec.structs.replace(shown, status="failed")  # it was paid, and came back
    return _order(Move.PAYOUT, PAYOUTS, shown, shown.amount)


def _dispute(shown: ShownDispute) -> Entry | Unlisted | None:
    money = understood(shown.amount, shown.currency)
    if money is None or shown.status not in TAKEN:
        return _strange(shown)
    if not TAKEN[shown.status] or shown.payment_intent is None:
        return None
    at = datetime.fromtimestamp(shown.created, UTC)
    return Entry(Move.CHARGEBACK, shown.payment_intent, money, at, line=shown.id)


def _order(
    move: Move,
    statuses: Mapping[str, Stands | None],
    shown: Intent | Refund | Payout,
    amount: int,
) -> Entry | Unlisted | None:
    money: Money | None = understood(amount, shown.currency)
    if money is None or shown.status not in statuses:
        return _strange(shown)
    stands = statuses[shown.status]
    if stands is None:
        return None
    at = datetime.fromtimestamp(shown.created, UTC)
    return Entry(move, shown.id, money, at, stands, shown.reference)


def _strange(shown: Thing) -> Unlisted:
    return Unlisted(f"{shown.id} is {shown.status:.64} in {shown.currency:.16}")


_LISTS: Final[Mapping[str, tuple[type[Pages], _Said]]] = {
    "payment_intents": (Intents, _intent),
    "refunds": (Refunds, _refund),
    "payouts": (Payouts, _payout),
    "disputes": (Disputes, _dispute),
}
_NAMES: Final = tuple(_LISTS)
