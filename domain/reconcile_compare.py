"""Comparing: what a provider lists against what our books say, and what differs between the two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.attempt import State
from domain.facts import OPEN
from domain.money import Money
from domain.reconcile import SKEW, Compared, Difference, Entry, Finding, Scope, Stands
from domain.reconcile_ours import COMES_FROM, Move, Ours


@dataclass(slots=True)
class _Desk:
    """A comparison under way."""

    scope: Scope
    findings: list[Finding] = field(default_factory=list)
    agreed: set[str] = field(default_factory=set)
    uncovered: list[Ours] = field(default_factory=list)
    recent: int = 0


def compare(entries: Iterable[Entry], ours: Sequence[Ours], scope: Scope) -> Compared:
    """Return what differs. By the provider's id first, then by our reference; each of ours is
    matched once, so a second object under one reference is money that we do not know."""
    desk = _Desk(scope)
    by_id, by_name = _indexed(ours)
    taken: set[tuple[Move, str]] = set()
    rest = []
    for entry in summed(entries):
        free = [o for o in by_id[entry.move, entry.provider_id] if o.key not in taken]
        if not free:
            rest.append(entry)
            continue
        # A provider that names a refund by its charge has several under one id.
        match = min(free, key=lambda o: (o.reference != entry.reference, o.money != entry.money))
        taken.add(match.key)
        _paired(desk, entry, match)
    for entry in rest:
        named = by_name.get((entry.move, entry.reference or ""))
        if named is None or named.key in taken:
            came_from = COMES_FROM.get(entry.move, entry.move)
            begun = by_id[came_from, entry.provider_id] or [
                one for one in [by_name.get((came_from, entry.reference or ""))] if one
            ]
            _missing_here(desk, entry, begun[0] if begun else None)
            continue
        taken.add(named.key)
        _paired(desk, entry, named)
    for one in ours:
        if one.key not in taken:
            _missing_there(desk, one)
    told = tuple(desk.findings), frozenset(desk.agreed), tuple(desk.uncovered)
    return Compared(*told, desk.recent)


def summed(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries, each once, with the chargebacks of one charge added up: they come in parts."""
    found: dict[Entry, None] = dict.fromkeys(entries)
    parts: dict[tuple[str, str], Entry] = {}
    whole = []
    for entry in found:
        if entry.move is not Move.CHARGEBACK or entry.stands is not Stands.MOVED:
            whole.append(entry)
            continue
        key = entry.provider_id, entry.money.currency.code
        before = parts.get(key)
        if before is None:
            parts[key] = entry
            continue
        total = Money(before.money.minor + entry.money.minor, entry.money.currency)
        parts[key] = replace(before, money=total)
    return whole + list(parts.values())


def _indexed(
    ours: Sequence[Ours],
) -> tuple[dict[tuple[Move, str], list[Ours]], dict[tuple[Move, str], Ours]]:
    by_id: dict[tuple[Move, str], list[Ours]] = defaultdict(list)
    for one in ours:
        if one.provider_id is not None:
            by_id[one.move, one.provider_id].append(one)
    return by_id, {one.key: one for one in ours}


def _paired(desk: _Desk, entry: Entry, ours: Ours) -> None:
    if ours.is_under_way(desk.scope.now):
        return  # its sender will tell within seconds
    alike = _is_alike(entry.stands, ours)
    if entry.money.currency is not ours.money.currency:
        found = Difference.CURRENCY
        reason = f"theirs is in {entry.money.currency.code}, ours in {ours.money.currency.code}"
    elif _is_other_amount(entry, ours):
        found, reason = Difference.AMOUNT, f"theirs is {entry.money}, ours is {ours.money}"
    elif not alike:
        found = Difference.STATUS
        reason = f"theirs {entry.stands}, ours is {ours.state}"
    else:
        desk.agreed |= {f"{entry.move}:{entry.provider_id}", *ours.subjects}
        return
    more_came_back = entry.move is Move.CHARGEBACK and found is Difference.AMOUNT
    desk.findings.append(Finding(found, entry, ours, reason, asks=not alike or more_came_back))


def _is_other_amount(entry: Entry, ours: Ours) -> bool:
    if entry.stands not in (Stands.MOVED, Stands.HELD):
        return False
    if entry.move is Move.CHARGEBACK:
        return entry.money.minor > ours.money.minor  # the window may hold only a part of it
    if ours.moved and entry.stands is Stands.HELD:
        return False
    if ours.takes_part and not ours.moved:
        return entry.money.minor > ours.money.minor  # any part of a hold may be collected
    return entry.money.minor != ours.money.minor


def _is_alike(stands: Stands, ours: Ours) -> bool:
    match stands:
        case Stands.MOVED:
            return ours.moved
        case Stands.HELD:
            return not ours.moved and ours.state in (State.AUTHORIZED, State.LATE_SUCCESS)
        case Stands.PENDING:
            return ours.state in (State.PENDING, State.REQUIRES_ACTION)
        case Stands.FAILED:
            gone = not ours.moved and ours.state not in OPEN | {State.AUTHORIZED}
            return gone or ours.state is State.RETURNED
        case _:
            assert_never(stands)


def _missing_here(desk: _Desk, entry: Entry, known: Ours | None) -> None:
    if entry.stands not in (Stands.MOVED, Stands.HELD):
        return  # no money is there
    # What came back is told by what it came back of: its webhook was lost, or is on its way.
    asks = known is not None and entry.move in COMES_FROM
    reason = "no attempt of ours has its id or its reference"
    if asks:
        reason = "we have not heard that the money came back"
    elif known is not None:
        reason = "it is another object under the reference of an attempt that has one"
    desk.findings.append(Finding(Difference.MISSING_HERE, entry, known, reason, asks))


def _missing_there(desk: _Desk, ours: Ours) -> None:
    scope = desk.scope
    if ours.move not in scope.moves or ours.is_under_way(scope.now):
        return
    asks = False
    if ours.moved:
        if not scope.judged.holds(ours.moved_at):
            desk.recent += ours.moved_at is not None and ours.moved_at >= scope.judged.until
            return
        if ours.sent_at - SKEW < scope.listed.since:
            desk.uncovered.append(ours)
            return
        reason = "we believe that it moved, and the provider does not list it"
    elif ours.is_lost and scope.judged.since <= ours.sent_at and ours.ended_by(scope.judged.until):
        reason = "we do not know whether it moved, and the provider does not list it"
        asks = True
    else:
        return
    desk.findings.append(missing_there(ours, reason, asks=asks))


def missing_there(ours: Ours, reason: str, *, asks: bool = False) -> Finding:
    """Return the discrepancy of what the provider does not show. It settles nothing by itself."""
    return Finding(Difference.MISSING_THERE, None, ours, reason, asks)
