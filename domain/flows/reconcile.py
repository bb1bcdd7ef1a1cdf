"""Reconcile: compare our books with what a gateway lists, and settle only by what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.flows.reconcile_asking import MOST_ASKED, Asking
from domain.flows.reconcile_evidence import confirms, entries_of
from domain.outcome import Prepared, Unknown
from domain.ports import Runtime
from domain.reconcile import (
    SKEW,
    Compared,
    Entry,
    Finding,
    Scope,
    Window,
)
from domain.reconcile_books import Lister, Listers, Method, Page, Report, Rolls, Run, Unlisted
from domain.reconcile_compare import compare, missing_there
from domain.reconcile_ours import Move, Ours, Tried, ours_of

#: Listed before the window as well: what was entered late is seen by the next day's run, and what
#: we heard of late stands there.
OVERLAP: Final = timedelta(hours=1)
#: Lines of one run, held in memory at once; a window with more is cut in two.
MOST_LINES: Final = 20_000
#: No provider gives fewer than one line a page for long: a list that never ends is a fault.
MOST_PAGES: Final = 2_000
#: A window is not cut below this.
SHORTEST: Final = timedelta(minutes=1)
#: Starts of a run until it is given up, and the pause between two (s).
MOST_STARTS: Final = 6
PAUSE_S: Final = 300.0
#: Who asks for the runs that are due by the day.
CLOCK: Final = "clock"


class _Stopped(Exception):
    """This process ends, or the run is somebody else's by now."""


class _TooMany(Exception):
    """The window holds more than one run may."""


class _Failed(Exception):
    """The list could not be read; the text is its cause."""


def reconcile(rolls: Rolls, listers: Listers, runtime: Runtime) -> int:
    """Do one run that is due, after writing those that have become due. Returns how many were done."""
    with runtime.store.begin() as work:
        ids = [gateway.id for gateway in work.gateways()]
    for id_ in ids:
        lister = listers.lister(id_)
        rolls.plan(id_, timedelta(0) if lister is None else lister.listing.lag)
    lease_s = 2 * runtime.policy.lease_s
    run = rolls.claim(lease_s)
    if run is None:
        return 0
    if run.starts > MOST_STARTS:
        rolls.postpone(run, "started too often without a result", None)
        return 1
    desk = _Desk(rolls, listers.lister(run.gateway_id), runtime, run, lease_s)
    try:
        rolls.finish(run, desk.report())
    except _Stopped:
        rolls.release(run)
        return 0
    except _TooMany:
        _cut(rolls, run)
    except _Failed as failed:
        # A person who asked is waiting for the answer, and can ask again.
        again = run.asked_by == CLOCK and run.starts < MOST_STARTS
        rolls.postpone(run, str(failed), PAUSE_S * run.starts if again else None)
    return 1


def _cut(rolls: Rolls, run: Run) -> None:
    window = run.window
    half = (window.until - window.since) / 2
    if half < SHORTEST:
        rolls.postpone(run, "more movements in a minute than one run may compare", None)
    else:
        rolls.split(run, window.pieces(half + timedelta(microseconds=1)))


@dataclass(slots=True)
class _Desk:
    """One run under way."""

    rolls: Rolls
    lister: Lister | None
    runtime: Runtime
    run: Run
    lease_s: float
    asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        self.asking = Asking(self.runtime, self.run.gateway_id, self.run.now, self._go_on)

    def report(self) -> Report:
        """Compare, ask about what differs, and compare again."""
        if self.runtime.gateways.get(self.run.gateway_id) is None:
            raise _Failed("the gateway has no adapter here")
        if self.lister is None:
            return self._asked()
        return self._listed(self.lister)

    def _listed(self, lister: Lister) -> Report:
        window, now, listing = self.run.window, self.run.now, lister.listing
        listed = Window(window.since - OVERLAP, min(window.until, now) + SKEW)
        judged = Window(window.since, max(window.since, min(window.until, now - listing.lag)))
        scope = Scope(listed, judged, listing.moves, now)
        entries = self._entries(lister, listed)
        before = self._tried(entries, window)
        first = compare(entries, _ours(before.values()), scope)
        unjudged = 0
        questions = [finding for finding in first.findings if finding.asks]
        for finding in questions:
            unjudged += not self.asking.ask(finding)
        after = before if not questions else self._tried(entries, window)
        last = compare(entries, _ours(after.values()), scope) if questions else first
        late, unsaid = self._uncovered(last.uncovered)
        findings = (*last.findings, *late)
        return Report(
            Method.LISTED,
            len(entries),
            len(after),
            findings,
            _settled(first, last),
            last.agreed,
            unjudged + unsaid + last.recent,
        )

    def _entries(self, lister: Lister, listed: Window) -> list[Entry]:
        found: list[Entry] = []
        for piece in listed.pieces(lister.listing.longest):
            following: str | None = None
            for _ in range(MOST_PAGES):
                self._go_on()
                page = lister.list_movements(piece, following, self.asking.budget())
                match page:
                    case Unlisted(cause=cause):
                        raise _Failed(cause)
                    case Page():
                        found += page.entries
                if len(found) > MOST_LINES:
                    raise _TooMany
                following = page.following
                if following is None:
                    break
            else:
                raise _Failed(f"the list has more than {MOST_PAGES} pages")
        return found

    def _tried(self, entries: Sequence[Entry], window: Window) -> dict[str, Tried]:
        """Return our side: what the list names, and what moved or was sent in the window."""
        run = self.run
        known = self.rolls.tried_in(run.gateway_id, window, MOST_LINES + 1)
        if len(known) > MOST_LINES:
            raise _TooMany
        names = {entry.reference for entry in entries if entry.reference}
        ids = {entry.provider_id for entry in entries}
        named = self.rolls.tried(run.gateway_id, sorted(names), sorted(ids))
        return {one.attempt_id.hex: one for one in (*known, *named)}

    def _uncovered(self, uncovered: Sequence[Ours]) -> tuple[list[Finding], int]:
        """Ask about what was sent before the list begins: it may stand on an earlier page."""
        found, unsaid = [], 0
        for ours in uncovered:
            said = self.asking.look_up(ours.tried, None)
            sure = None if said is None else confirms(said, ours)
            if sure is None:
                unsaid += 1
            elif not sure:
                reason = "we believe that it moved, and the provider does not show it"
                found.append(missing_there(ours, reason))
        return found, unsaid

    def _asked(self) -> Report:
        """Without a list, ask about each of our attempts."""
        run, window = self.run, self.run.window
        tried = self.rolls.tried_in(run.gateway_id, window, MOST_ASKED + 1)
        if len(tried) > MOST_ASKED:
            raise _TooMany
        entries: list[Entry] = []
        answered: list[Tried] = []
        for one in tried:
            if not ours_of(one) or any(ours.is_under_way(run.now) for ours in ours_of(one)):
                continue
            said = self.asking.look_up(one, None)
            if said is None or isinstance(said, Prepared | Unknown):
                continue  # it was not asked for, or not said
            answered.append(one)
            shown = entries_of(said, one, run.now)
            entries += shown
            scope = _everything(window, run.now)
            if any(finding.asks for finding in compare(shown, ours_of(one), scope).findings):
                self.asking.learn(one.attempt_id, said)
        scope = _everything(window, run.now)
        first = compare(entries, _ours(answered), scope)
        names = [one.attempt_id.hex for one in answered]
        after = self.rolls.tried(run.gateway_id, names, ())
        last = compare(entries, _ours(after), scope)
        unjudged = sum(bool(ours_of(one)) for one in tried) - len(answered)
        return Report(
            Method.ASKED,
            len(entries),
            len(answered),
            last.findings,
            _settled(first, last),
            last.agreed,
            unjudged,
        )

    def _go_on(self) -> None:
        """Keep the run before every call. Raises `_Stopped`."""
        if self.runtime.draining() or not self.rolls.renew(self.run, self.lease_s):
            raise _Stopped


def _ours(tried: Iterable[Tried]) -> list[Ours]:
    return [ours for one in tried for ours in ours_of(one)]


def _everything(window: Window, now: datetime) -> Scope:
    """Whoever was asked about each attempt has said all: nothing can stand elsewhere."""
    return Scope(replace(window, since=datetime.min.replace(tzinfo=now.tzinfo)), window, ALL, now)


#: Every way in which money moves.
ALL: Final = frozenset(Move)


def _settled(first: Compared, last: Compared) -> tuple[Finding, ...]:
    """Return what differed before the provider was asked, and does not any more."""
    still = {finding.subject for finding in last.findings}
    return tuple(finding for finding in first.findings if finding.subject not in still)
