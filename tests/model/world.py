"""The world: books, banks, worker processes, messages, merchants; everything stops at its ports."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Final, TypeVar
from uuid import UUID

from domain.attempt import Attempt
from domain.books import Interrupted
from domain.commands import Command
from domain.errors import DomainError
from domain.fraud.features import NO_HISTORY
from domain.payment import Payment
from domain.payout import Payout
from domain.policy import Policy
from domain.ports import Runtime
from ops.store.inbox import Came
from ops.store.memory.books import Kept
from ops.store.memory.door import MemoryInbox
from ops.store.memory.locks import WaitedTooLong
from ops.store.memory.sweep import sweep
from tests.model.bank import Bank, Nature
from tests.model.chance import Chance
from tests.model.line import Exchange, Line, Slot
from tests.model.scheduler import Crashed, Killed, Scheduler, Task
from tests.model.stopping import BEGIN, COMMITTED, Stopping
from tests.model.watch import Watch
from tests.scripted import Windows
from tests.stage import BOOT_S, Clock, run

Found = TypeVar("Found")

#: What a task may come to that is no fault of the flows: it was refused, or it did not survive.
ENDINGS: Final = (DomainError, Interrupted, WaitedTooLong, Crashed, Killed)
NAMES: Final = ("one", "two", "three")


@dataclass(slots=True)
class Process:
    """One worker process. Its monotonic clock starts anywhere; its number is in its leases."""

    name: str
    owner: int
    boot_s: float
    #: What the flows use in it.
    runtime: Runtime = field(init=False, repr=False)
    draining: bool = False
    dead: bool = False
    tasks: list[Task] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plot:
    """What a world begins with."""

    natures: Sequence[Nature]
    payments: Sequence[Payment] = ()
    payouts: Sequence[Payout] = ()
    policy: Policy = field(default_factory=Policy)
    workers: int = 2


class World:
    """Everything there is. Nothing in it happens by itself."""

    def __init__(self, plot: Plot, chance: Chance, trace: list[str] | None = None) -> None:
        """`trace` gets a line for everything that happens; None: nobody listens."""
        self.chance = chance
        self.trace = trace
        self.clock = Clock()
        self.scheduler = Scheduler()
        self.watch = Watch(self)
        self.policy = plot.policy
        self.banks = [
            Bank(name, nature, chance, self.clock, place)
            for place, (name, nature) in enumerate(zip(NAMES, plot.natures, strict=False))
        ]
        self.store = Stopping(self, self.banks)
        #: Messages that nobody has fetched yet.
        self.queue: list[tuple[Command, UUID]] = []
        self.hints = 0
        self.sweeping = False
        self.processes: list[Process] = []
        self._owners = count(11)
        self._ids = count(0x100)
        for number in range(plot.workers):
            self.start(f"worker {number + 1}")
        with self.store.begin() as work:
            for payment in plot.payments:
                work.books.add_payment(payment)
            for payout in plot.payouts:
                work.add_payout(payout)
        if trace is not None:
            trace += [f"provider {bank.id}: {bank.nature}" for bank in self.banks]

    # -- what the ports call

    def pause(self, point: str, weight: float = 1.0) -> None:
        """A task has come to a port: it goes on, waits for its next turn, or does not survive."""
        task = self.scheduler.running
        if task is None:
            return
        if task.doom is None:
            fate = self.chance.at(point, task.name, weight)
            if fate == "goes on":
                return
            self.note(lambda: f"{task.name} {fate} {point}")
            if fate == "crashes":
                raise Crashed(point)
            if fate == "dies":
                self.bury(self.process_of(task))
                raise Killed
        self.scheduler.pause(point)

    def cut_off(self, point: str) -> None:
        """The session of a task may end, before its commit or before it hears of it."""
        task = self.scheduler.running
        if task is not None and task.doom is not None:
            raise task.doom
        if task is not None and self.chance.happens(f"is cut off {point}", task.name, 0.01):
            raise Interrupted(point)

    def wait(self, ready: Callable[[], bool]) -> None:
        """A statement waits for a lock; not for ever."""
        task = self.scheduler.running
        assert task is not None, "nobody else is there, and yet something is held"
        if self.chance.happens("waits too long for a lock", task.name, 0.05):
            raise WaitedTooLong
        task.waits_for = ready
        self.note(lambda: f"{task.name} waits for a lock")
        self.scheduler.pause("waits for a lock")

    def wake(self, command: Command, id_: UUID, _request_id: str = "") -> None:
        """Put a message into the queue; it may be lost, or be there twice."""
        if self.chance.happens("is not told", command.value, 0.15):
            return
        self.queue.append((command, id_))
        if self.chance.happens("is told twice", command.value, 0.05):
            self.queue.append((command, id_))

    def new_id(self) -> UUID:
        """Return an id that nobody had before."""
        return UUID(int=next(self._ids))

    def lives(self, owner: int) -> bool:
        """Whether a lease's owner still does."""
        return any(process.owner == owner for process in self.processes)

    def ready(self) -> list[Task]:
        """Return the tasks that can go on."""
        return [task for task in self.scheduler.tasks if task.ready]

    def committed(self, id_: UUID) -> Attempt | None:
        """Return an attempt as everybody sees it."""
        kept = self.store.books.attempts.get(id_)
        return None if kept is None else kept.row

    def next_time(self) -> datetime | None:
        """Return when the sweep can next find anybody; None: never."""
        books, times = self.store.books, list[datetime]()
        tables: tuple[Iterable[Kept[Any]], ...] = (
            books.payments,
            books.attempts,
            books.notices,
            books.refunds,
            books.payouts,
        )
        for table in tables:
            for kept in table:
                due, job = kept.row.due.next_run_at, kept.job
                if due is None or job.wake_at is None:
                    continue
                at = max(due, job.wake_at)
                if job.lease_until is not None and self.lives(job.lease_owner or 0):
                    at = max(at, job.lease_until)
                times.append(at)
        return min(times, default=None)

    # -- processes and tasks

    def start(self, name: str) -> Process:
        """Start a worker process."""
        process = Process(name, next(self._owners), BOOT_S + 1_000.0 * len(self.processes))
        process.runtime = self._runtime(process)
        self.processes.append(process)
        return process

    def bury(self, process: Process | None) -> None:
        """A process has died: everybody sees that its leases have ended, and another one starts."""
        if process is None or process.dead:
            return
        process.dead = True
        self.processes.remove(process)
        for task in process.tasks:
            task.doom = task.doom or Killed()
        self.start(process.name)

    def kill(self, process: Process) -> None:
        """End a process and everything that it runs."""
        self.note(lambda: f"{process.name} is killed")
        self.bury(process)
        for task in list(process.tasks):
            if not task.over:
                self.scheduler.kill(task, Killed())

    def process_of(self, task: Task) -> Process | None:
        """Return the process that a task runs in; requests have none that matters."""
        return next((one for one in self.processes if task in one.tasks), None)

    def _runtime(self, process: Process) -> Runtime:
        """Return what the flows use in a process."""
        exchange = Exchange({}, process, self)
        exchange.lines.update({bank.id: Line(bank, process, self) for bank in self.banks})
        return Runtime(
            store=self.store,
            gateways=exchange,
            velocity=Windows(NO_HISTORY),
            policy=self.policy,
            owner=process.owner,
            new_id=self.new_id,
            monotonic=lambda: process.boot_s + self.clock.passed_s,
            draw=lambda: self.chance.between(0.0, 0.999),
            wake=self.wake,
            draining=lambda: process.draining,
        )

    def work(self, command: Command, id_: UUID, process: Process) -> Task:
        """A worker has fetched a message."""
        runtime = process.runtime
        task = self.scheduler.spawn(
            f"{process.name}: {command.value} {id_.int:x}", lambda: run(command, id_, runtime)
        )
        self.note(lambda: f"{task.name} begins")
        process.tasks = [one for one in process.tasks if not one.over]
        process.tasks.append(task)
        return task

    def go_on(self, task: Task) -> None:
        """Give a task its turn; that it ends badly is its own affair."""
        if task.doom is not None:
            self.scheduler.kill(task, task.doom)
            return
        if task.hand is not None:
            self.note(lambda: f"{task.name} goes on")
        try:
            self.scheduler.resume(task)
        except ENDINGS as ending:
            said = repr(ending)
            self.note(lambda: f"{task.name} ends with {said}")

    def sweep(self) -> None:
        """The clock wakes everybody who is overdue."""
        self.pause(BEGIN)
        self.sweeping = True  # one statement finds and marks them all: nobody comes between
        try:
            wakes = sweep(self.store)
        finally:
            self.sweeping = False
        self.pause(COMMITTED)
        for wake in wakes:
            self.wake(wake.command, wake.row_id)

    def hint(self, bank: Bank, event: int, body: bytes) -> None:
        """A webhook arrives: event number `event` of a bank."""
        self.hints += 1
        came = Came(UUID(int=0x1_0000 + self.hints), bank.id, f"evt_{event}", body, "req-3")
        (stored,) = at_once(MemoryInbox(self.store)([came]))
        if isinstance(stored, Exception):
            raise stored
        self.wake(Command.NOTICE, stored.id)

    def note(self, line: Callable[[], str]) -> None:
        """Write a line into the trace, if there is one."""
        if self.trace is not None:
            self.trace.append(f"+{self.clock.passed_s:.1f}s {line()}")


def at_once(coroutine: Coroutine[Any, Any, Found]) -> Found:
    """Run what is written for a loop but waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        found: Found = done.value
        return found
    raise AssertionError("it waits for something")
