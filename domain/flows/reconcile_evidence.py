"""What a provider's word says in a reconciliation: as a line of a list, and as an outcome."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.attempt import Operation
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.reconcile import Entry, Stands
from domain.reconcile_ours import COMES_FROM, WANTED, Move, Ours, Tried

#: What a movement becomes when it comes back.
_FAILURES = {came_from: move for move, came_from in COMES_FROM.items()}


def shown_by(entry: Entry, ours: Ours) -> Outcome | None:
    """Return what a line of the list proves about our attempt; None: nothing. It must name the
    attempt, by our reference or by the id we know it by."""
    if entry.reference != ours.reference and entry.provider_id != ours.provider_id:
        return None
    if entry.reference not in (None, ours.reference) or entry.move is not _wanted(ours.tried):
        return None
    if not entry.is_object and ours.provider_id is None:
        return None
    named = ours.provider_id or entry.provider_id
    match entry.stands:
        case Stands.MOVED:
            return Succeeded(named, entry.money, True, entry.reference)
        case Stands.HELD:
            return Succeeded(named, entry.money, False, entry.reference)
        case Stands.PENDING:
            return Pending(named)
        case Stands.FAILED:
            return None  # why, and for good or not, only a look-up can tell
        case _:
            assert_never(entry.stands)


def entries_of(said: Lookup, tried: Tried, now: datetime) -> list[Entry]:
    """Return a look-up's answer as lines of a list; none where nothing is there."""
    move = _wanted(tried)
    assert move is not None, "captures and voids are not asked about"
    name = tried.attempt_id.hex

    def line(stands: Stands, provider_id: str | None) -> Entry:
        return Entry(move, provider_id or name, tried.money, now, stands, name)

    match said:
        case Succeeded(provider_id=id_, money=money, captured=captured, reference=reference):
            stands = Stands.MOVED if captured else Stands.HELD
            return [Entry(move, id_, money, now, stands, reference or name)]
        case TakenBack(provider_id=id_, captured=captured_money, taken=taken):
            charged = Entry(move, id_, captured_money, now, Stands.MOVED, name)
            return [charged, Entry(Move.CHARGEBACK, id_, taken, now, Stands.MOVED, name)]
        case Returned(provider_id=id_):
            back = Entry(_FAILURES[move], id_, tried.money, now, Stands.MOVED, name)
            return [line(Stands.MOVED, id_), back]
        case Pending(provider_id=id_) | RequiresAction(provider_id=id_):
            return [line(Stands.PENDING, id_)]
        case Prepared() | NotFound() | Unknown():
            return []  # nothing was asked for, or nothing is known
        case Declined(provider_id=declined_id) | NotCharged(provider_id=declined_id):
            return [line(Stands.FAILED, declined_id)]
        case _:
            assert_never(said)


def confirms(said: Lookup, ours: Ours) -> bool | None:
    """Whether the provider's own answer has our movement; None: it did not answer."""
    if isinstance(said, Unknown):
        return None
    shown = entries_of(said, ours.tried, ours.sent_at)
    return any(
        entry.move is ours.move
        and entry.stands is Stands.MOVED
        and entry.money.currency is ours.money.currency
        and entry.money.minor >= ours.money.minor
        for entry in shown
    )


def _wanted(tried: Tried) -> Move | None:
    if tried.operation is Operation.VOID:
        return None
    return WANTED.get(tried.operation)
