"""A history: one seed, some sessions, the same calls on both sides, compared after every step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine

from tests.model.differential import deeds, more_deeds
from tests.model.differential.board import Opening
from tests.model.differential.deeds import Hand, Named, Table
from tests.model.differential.ending import differences
from tests.model.differential.opening import EPOCH, LIVING
from tests.model.differential.ours import Ours
from tests.model.differential.seats import SEATS, Call, Outcome, Session, roll_back
from tests.model.differential.theirs import Theirs

STEPS = 28
_MICRO = timedelta(microseconds=1)
_YEAR_ZERO = EPOCH.fromtimestamp(0, EPOCH.tzinfo)

Draw = Callable[[Table, int], Named]
#: How often each call is drawn, next to the others.
_DEEDS: dict[Draw, int] = {
    deeds.claim: 6,
    deeds.lock: 14,
    deeds.read: 4,
    deeds.look: 2,
    deeds.save_payment: 7,
    deeds.release: 1,
    deeds.begin_attempt: 5,
    deeds.add_attempt: 4,
    deeds.save_attempt: 5,
    deeds.add_refund: 4,
    deeds.save_refund: 4,
    deeds.add_payout: 1,
    deeds.save_payout: 3,
    more_deeds.add_fact: 2,
    more_deeds.add_transaction: 3,
    more_deeds.add_assessment: 2,
    more_deeds.open_case: 3,
    more_deeds.decide_case: 3,
    more_deeds.win_key: 6,
    more_deeds.record_key: 1,
    more_deeds.save_notice: 3,
    more_deeds.discard_notice: 1,
    more_deeds.save_detachment: 2,
    more_deeds.tell: 1,
}
_DRAWS, _WEIGHTS = list(_DEEDS), list(_DEEDS.values())


class Differs(AssertionError):
    """The two sides do not agree; the text is the history up to there."""


@dataclass(slots=True)
class Count:
    """What happened in some histories: a test that compares nothing must not pass."""

    calls: int = 0
    waits: int = 0
    refusals: int = 0
    deadlocks: int = 0
    #: Histories that ended early, because a deadlock took another one of those that waited.
    cut_short: int = 0


@dataclass(slots=True)
class History:
    """One history on both sides."""

    seed: int
    theirs: Theirs
    ours: Ours
    count: Count
    dice: random.Random = field(init=False)
    table: Table = field(init=False)
    trace: list[str] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.table = Table(self.dice, [Hand() for _ in range(SEATS)])

    def run(self) -> bool:
        """Play it to its end. False: it was cut short. Raises `Differs`."""
        seats = self.dice.choice([2, 3, 3])
        for _ in range(STEPS):
            if self.dice.random() < 0.12:
                self._meanwhile()
            free = [seat for seat in range(seats) if seat not in self.waiting]
            if not self._step(self.dice.choice(free)):
                return False
        return self._end()

    def _meanwhile(self) -> None:
        """Time passes, or a process dies."""
        if self.ours.living and self.dice.random() < 0.2:
            owner = self.dice.choice(sorted(self.ours.living))
            self.trace.append(f"{owner} dies")
            self.ours.living.discard(owner)
            self.theirs.dies(owner)
            return
        seconds = self.dice.choice([1, 5, 5, 31])
        self.trace.append(f"{seconds} s pass")
        self.ours.passed_s += seconds
        self.theirs.set_clock(micros(self.ours.passed_s))

    def _step(self, seat: int) -> bool:
        is_open = self.ours.seats[seat].session.opened is not None
        name, call = self._inside(seat) if is_open else self._outside(seat)
        return self._both(seat, name, call)

    def _outside(self, seat: int) -> tuple[str, Call]:
        draw = self.dice.random()
        if draw < 0.8:
            return "begin", Session.begin
        if draw < 0.9:
            return more_deeds.accept(self.table)
        return (more_deeds.inbox if draw < 0.97 else more_deeds.sweep)(self.table)

    def _inside(self, seat: int) -> tuple[str, Call]:
        draw = self.dice.random()
        if draw < 0.13:
            return "commit", lambda session: session.end(None)
        if draw < 0.16:
            return "roll back", roll_back
        (drawn,) = self.dice.choices(_DRAWS, _WEIGHTS)
        name, deed = drawn(self.table, seat)
        return name, lambda session: deed(session.work)

    def _both(self, seat: int, name: str, call: Call) -> bool:
        """Make a call on both sides and compare what came of it, and of those that it let go on."""
        self.trace.append(f"{seat}: {name}")
        self.count.calls += 1
        self.waiting.add(seat)
        theirs = self.theirs.call(seat, call)
        ours: dict[int, Outcome] = {}
        if (own := self.ours.call(seat, call)) is not None:
            ours[seat] = own
        ours |= self.ours.settle(theirs)
        for one in sorted({*theirs, *ours}):
            found = theirs.get(one), ours.get(one)
            self.trace.append(f"   {one}: {_told(found[0])[:120]}")
            if found[0] != found[1]:
                if self._took_another(theirs, ours):
                    self.count.cut_short += 1
                    return False
                both = f"postgres {one}: {_told(found[0])}\nmemory   {one}: {_told(found[1])}"
                raise Differs(self._story(both))
        self._heard(theirs)
        return True

    def _heard(self, found: dict[int, Outcome]) -> None:
        for seat, outcome in found.items():
            self.waiting.discard(seat)
            self.count.refusals += outcome.how != "done"
            self.count.deadlocks += outcome.how == "deadlock"
            self.table.hands[seat].sees(outcome.value)
        if self.waiting:
            self.count.waits += 1
            self.trace.append(f"   waiting: {sorted(self.waiting)}")

    def _took_another(self, theirs: dict[int, Outcome], ours: dict[int, Outcome]) -> bool:
        """Whether both sides broke a circle of the same sessions at another place."""
        dead = [{s for s, o in found.items() if o.how == "deadlock"} for found in (theirs, ours)]
        return bool(dead[0]) and bool(dead[1]) and dead[0] != dead[1]

    def _end(self) -> bool:
        """End every transaction, then compare all tables."""
        while True:
            open_ = [
                seat
                for seat in range(SEATS)
                if seat not in self.waiting and self.ours.seats[seat].session.opened is not None
            ]
            if not open_:
                break
            call: Call = lambda session: session.end(None)  # noqa: E731 - as in every other step
            if not self._both(open_[0], "commit", call):
                return False
        if self.waiting:
            raise Differs(self._story(f"{self.waiting} wait for nobody"))
        return True

    def _story(self, end: str) -> str:
        return "\n".join([f"seed {self.seed}", *self.trace, end])

    def judge(self, engine: Engine) -> None:
        """Compare all tables row by row. Raises `Differs`."""
        if found := differences(engine, self.theirs.vault, self.ours.store.books):
            raise Differs(self._story("\n".join(found)))


def play(seed: int, theirs: Theirs, engine: Engine, opening: Opening, count: Count) -> None:
    """Play one history from the opening position. Raises `Differs`."""
    with _ours() as ours:
        opening.on_postgres(engine)
        opening.in_memory(ours.store)
        theirs.set_clock(micros(0))
        theirs.give_birth(LIVING)
        ours.living.update(LIVING)
        history = History(seed, theirs, ours, count)
        try:
            if history.run():
                history.judge(engine)
        finally:
            theirs.abandon()


def micros(passed_s: float) -> int:
    """Return the clock's number."""
    return (EPOCH + timedelta(seconds=passed_s) - _YEAR_ZERO) // _MICRO


@contextmanager
def _ours() -> Iterator[Ours]:
    ours = Ours()
    try:
        yield ours
    finally:
        ours.close()


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "waits"
    return outcome.how if outcome.value is None else f"{outcome.how}: {outcome.value}"
