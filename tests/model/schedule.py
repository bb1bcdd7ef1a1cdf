"""Schedules: a history that somebody wrote, line by line. `SCHEDULES.md` has the language."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.commands import Command
from domain.payment import CaptureMethod, Payment
from tests.model.bank import Bank, Nature
from tests.model.calm import settle
from tests.model.judge import Judge
from tests.model.merchant import Merchant
from tests.model.phrases import ACTS, FATES, MISFORTUNES, VERBS, Unreadable, nature_of, seconds
from tests.model.plots import POLICY, a_payout
from tests.model.scheduler import Task
from tests.model.script import Cue, Script
from tests.model.world import NAMES, Plot, Process, World

#: Rounds until a moment, or a span of time, is over; far more than any has.
ROUNDS: Final = 2_000


@dataclass(slots=True)
class Play:
    """A schedule while it is played."""

    world: World
    script: Script
    merchant: Merchant
    #: Lines that wait for their time: seconds from the start, and the line.
    later: list[tuple[float, str]] = field(default_factory=list)
    in_the_end: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        """Do what a line says. Raises `Unreadable`, and `AssertionError` for what is not so."""
        for pattern, act in LINES:
            if found := re.fullmatch(pattern, text):
                self.world.note(lambda: f"# {text}")
                act(self, *found.groups())
                return
        raise Unreadable(text)

    # -- time and work

    def at(self, when: str, text: str) -> None:
        """Keep a line for its time."""
        self.later.append((seconds(when), text))

    def run(self) -> None:
        """Let everything happen that can happen at this moment."""
        world = self.world
        for _ in range(ROUNDS):
            if ready := [task for task in world.ready() if not _is_held(task)]:
                world.go_on(ready[0])
            elif world.queue:
                command, id_ = world.queue.pop(0)
                world.go_on(world.work(command, id_, self._idle()))
            else:
                return
        raise AssertionError("this moment never ends")

    def advance(self, span: str) -> None:
        """Let time pass; what is due on the way, and what is written for then, happens."""
        clock, until_s = self.world.clock, self.world.clock.passed_s + seconds(span)
        self.run()
        for _ in range(ROUNDS):
            due, times = self.world.next_time(), [when for when, _ in self.later]
            if due is not None:
                times.append(clock.passed_s + (due - clock.now()).total_seconds())
            at_s = max(clock.passed_s, min(times, default=until_s + 1))
            if at_s > until_s:
                clock.advance(until_s - clock.passed_s)
                return
            clock.advance(at_s - clock.passed_s)
            for one in [one for one in self.later if one[0] <= clock.passed_s]:
                self.later.remove(one)
                self.line(one[1])
            self.sweep()
        raise AssertionError("this time never passes")

    def sweep(self) -> None:
        """The clock wakes whoever is overdue."""
        self.world.sweep()
        self.run()

    # -- what is to go wrong

    def fault(self, name: str, phrase: str) -> None:
        """Something is to befall a provider."""
        if (misfortune := MISFORTUNES.get(phrase)) is not None:
            self.script.add(Cue(misfortune, name))
        elif (fate := FATES.get(phrase)) is not None:
            self.script.add(Cue(fate[0], name, fate[1]))
        elif phrase in ACTS:
            self._acts(name, phrase)
        else:
            raise Unreadable(f"provider {name} {phrase}")

    def _acts(self, name: str, act: str) -> None:
        bank = self._bank(name)
        things = [*bank.ledger.charges, *bank.ledger.transfers]
        assert things, f"{name} has made nothing yet"
        self.script.add(Cue("", name, things[-1]))
        if act != "goes on":
            self.script.add(Cue(act, name))
        bank.acts()

    def worker(self, number: str, fate: str, point: str, time: str | None) -> None:
        """Something is to become of a worker when it comes to a point."""
        passes = int(time) - 1 if time else 0
        if fate == "is cut off":
            point = f"is cut off {point}"
        self.script.add(Cue(point, f"worker {number}", fate, passes))

    def goes_on(self, number: str) -> None:
        """A worker that was stopped goes on."""
        held = [task for task in self.world.scheduler.tasks if _is_held(task)]
        mine = [task for task in held if task.name.startswith(f"worker {number}")]
        assert mine, f"worker {number} was not stopped"
        for task in mine:
            self.world.go_on(task)
        self.run()

    def kill(self, number: str) -> None:
        """A worker's process ends at once."""
        self.world.kill(self._process(number))

    def drain(self, number: str) -> None:
        """A worker is told to stop."""
        self._process(number).draining = True

    def lose(self, command: str) -> None:
        """The next message of a kind is to be lost."""
        self.script.add(Cue("is not told", Command(command).value))

    # -- who asks

    def checkout(self, held: str | None) -> None:
        """A merchant sends a checkout."""
        method = CaptureMethod.MANUAL if held else CaptureMethod.AUTOMATIC
        self.world.go_on(self.merchant.says(self.merchant.buys(method)))
        self.run()

    def payout(self) -> None:
        """Money is to be sent out."""
        row = a_payout(created_at=self.world.clock.now())
        with self.world.store.begin() as work:
            work.add_payout(row)
        self.world.wake(Command.PAYOUT, row.id)
        self.run()

    def wants(self, verb: str, amount: str | None) -> None:
        """A merchant asks something of the payment; `amount` in minor units."""
        minor = None if amount is None else int(amount)
        wish = self.merchant.wants(VERBS[verb], self._payment().id, minor)
        self.world.go_on(self.merchant.says(wish))
        self.run()

    def again(self) -> None:
        """The last request comes once more, under the same key."""
        self.world.go_on(self.merchant.says(self.merchant.wishes[-1]))
        self.run()

    def webhook(self, name: str, twice: str | None) -> None:
        """A provider's last webhook comes."""
        bank = self._bank(name)
        assert bank.ledger.events, f"{name} has nothing to tell"
        event = bank.ledger.events[-1]
        for _ in range(2 if twice else 1):
            self.world.hint(bank, event.number, f"{event.reference} {event.id}".encode())
        self.run()

    # -- what must be so

    def expect(self, words: str) -> None:
        """Something must be so now."""
        if words == "nobody is charged":
            assert self._charged() == 0, f"expected: {words}, but {self._charged()} were"
        elif words == "charged once":
            assert self._charged() == 1, f"expected: {words}, but {self._charged()} were"
        elif words in ("payment is parked", "charge is parked"):
            rows = [kept.row.due for kept in self.world.store.books.attempts]
            due = [self._payment().due] if words.startswith("payment") else rows
            assert any(one.parked is not None for one in due), f"expected: {words}"
        elif found := re.fullmatch(r"(payment|payout) is (\w+)", words):
            books = self.world.store.books
            table = books.payments if found[1] == "payment" else books.payouts
            status = [str(kept.row.status) for kept in table]
            assert status == [found[2]], f"expected: {words}, but it is {status}"
        else:
            raise Unreadable(f"expect {words}")

    def expect_in_the_end(self, words: str) -> None:
        """Something must be so once everything is over."""
        self.in_the_end.append(words)

    # -- what lines speak of

    def _idle(self) -> Process:
        """Return the first worker that does nothing, else the first."""
        tasks = self.world.scheduler.tasks
        processes = sorted(self.world.processes, key=lambda process: process.name)
        idle = [one for one in processes if not any(task in tasks for task in one.tasks)]
        return (idle or processes)[0]

    def _process(self, number: str) -> Process:
        return next(one for one in self.world.processes if one.name == f"worker {number}")

    def _bank(self, name: str) -> Bank:
        return next(bank for bank in self.world.banks if bank.id == name)

    def _payment(self) -> Payment:
        return next(kept.row for kept in self.world.store.books.payments)

    def _charged(self) -> int:
        return sum(one.state == "paid" for b in self.world.banks for one in b.ledger.charges)


def _is_held(task: Task) -> bool:
    """Whether a line has stopped it: it goes on when another line says so."""
    return task.hand is not None and task.waits_for is None


_NAME: Final = "(" + "|".join(NAMES) + ")"
LINES: Final[Sequence[tuple[str, Callable[..., Any]]]] = (
    (r"at ([\d.]+[smhd]): (.+)", Play.at),
    (r"advance ([\d.]+[smhd])", Play.advance),
    (r"run", Play.run),
    (r"sweep", Play.sweep),
    (r"worker (\d) goes on", Play.goes_on),
    (
        r"worker (\d) (stops|crashes|dies|is cut off) (.+?)(?:, the (\d+)(?:st|nd|rd|th) time)?",
        Play.worker,
    ),
    (r"kill worker (\d)", Play.kill),
    (r"worker (\d) is told to stop", Play.drain),
    (r"the next (\w+) message is lost", Play.lose),
    (rf"provider {_NAME} (.+)", Play.fault),
    (rf"deliver webhook of {_NAME}( twice)?", Play.webhook),
    (r"checkout( held)?", Play.checkout),
    (r"payout", Play.payout),
    (r"merchant asks again", Play.again),
    (rf"merchant ({'|'.join(VERBS)})(?: (\d+))?", Play.wants),
    (r"expect (.+)", Play.expect),
    (r"in the end (.+)", Play.expect_in_the_end),
)


def play(text: str, trace: list[str] | None = None) -> Play:
    """Play a schedule to its end and judge it, as a storm is judged.

    Raises `Unreadable` for a line that means nothing, and `AssertionError` for a broken law, for
    what was expected and is not so, and for what was to go wrong and never did.
    """
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    natures: list[Nature] = []
    while lines and (found := re.fullmatch(rf"provider {_NAME}:(.*)", lines[0])):
        if found[1] != NAMES[len(natures)]:
            raise Unreadable(f"{lines.pop(0)} (the next one is {NAMES[len(natures)]})")
        natures.append(nature_of(found[2]))
        lines.pop(0)
    script = Script()
    plot = Plot(natures or [Nature(), Nature()], policy=POLICY)
    world = World(plot, script, trace)
    done = Play(world, script, Merchant(world))
    try:
        for line in lines:
            done.line(line)
        left = [cue.what for cue in script.cues] + [text for _, text in done.later]
        assert not left, f"this never happened: {left}"
        settle(world, done.merchant)
        judge = Judge(world)
        judge.books()
        judge.answered(done.merchant.wishes)
        for words in done.in_the_end:
            done.expect(words)
    finally:
        world.scheduler.close()
    return done
