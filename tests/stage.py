"""A runtime on books in memory and a virtual clock, and what a test wants to see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from domain.attempt import Attempt
from domain.commands import Command
from domain.facts import Fact, Transaction
from domain.flows.capture import capture
from domain.flows.charge import charge
from domain.flows.detach import detach
from domain.flows.notice import notice
from domain.flows.pay import pay
from domain.flows.payout import payout
from domain.flows.refund import refund
from domain.flows.resolve import resolve
from domain.flows.void import void
from domain.payment import Payment
from domain.payout import Payout
from domain.ports import Runtime
from domain.refund import Refund
from domain.review import Case
from domain.webhook import Notice
from ops.store.memory.books import Books, Job, Kept
from ops.store.memory.store import MemoryStore, MemoryWork
from tests.scripted import Board, Windows

NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
#: Where the monotonic clock stands at noon: never the same number as the other clock's.
BOOT_S = 5_000.0
PAYMENT = UUID(int=2)
NOTICE = UUID(int=4)

Value = TypeVar("Value")


class Clock:
    """One virtual time behind the database's clock and the monotonic one."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return BOOT_S + self.passed_s

    def advance(self, seconds: float) -> None:
        self.passed_s += seconds


@dataclass(frozen=True, slots=True)
class Stage(Runtime):
    """A runtime on books in memory, with what a test wants to see of it."""

    memory: MemoryStore
    board: Board
    windows: Windows
    clock: Clock
    woken: list[tuple[Command, UUID]]

    def payment(self, id_: UUID = PAYMENT) -> Payment:
        return _required(self.memory.books.payments.get(id_)).row

    def attempts(self, payment_id: UUID = PAYMENT) -> Sequence[Attempt]:
        with self.memory.begin() as work:
            return work.attempts(payment_id)

    def refunds(self, payment_id: UUID = PAYMENT) -> Sequence[Refund]:
        with self.memory.begin() as work:
            return work.refunds(payment_id)

    def payout(self, id_: UUID) -> Payout:
        return _required(self.memory.books.payouts.get(id_)).row

    def cases(self) -> list[Case]:
        return list(self.memory.books.cases)

    def attempt(self, number: int = 1) -> Attempt:
        return self.attempts()[number - 1]

    def attempt_by(self, id_: UUID) -> Attempt:
        return _required(self.memory.books.attempts.get(id_)).row

    def notice(self, id_: UUID = NOTICE) -> Notice:
        return _required(self.memory.books.notices.get(id_)).row

    def facts(self) -> list[Fact]:
        return list(self.memory.books.facts)

    def transactions(self) -> list[Transaction]:
        return list(self.memory.books.transactions)

    def actions(self) -> list[str]:
        """What was told, in order."""
        return [told.entry.action for told in self.memory.books.told]

    def lease_until(self, id_: UUID = PAYMENT) -> datetime | None:
        return _required(self.memory.books.payments.get(id_)).job.lease_until

    def change(self, change: Callable[[MemoryWork], Any]) -> None:
        """Do something in a transaction of its own, as another process would."""
        with self.memory.begin() as work:
            change(work)

    def add(self, notice: Notice) -> None:
        """A webhook arrives."""
        add_notice(self.memory, notice)

    def run_due(self, most: int = 1_000) -> None:
        """Run what is due now, as workers woken by the sweep would, until nothing is."""
        for _ in range(most):
            if not (ready := self.due()):
                return
            for command, id_ in ready:
                run(command, id_, self)
        raise AssertionError(f"still busy after {most} rounds: {self.due()}")

    def due(self) -> list[tuple[Command, UUID]]:
        """Every row that a worker could claim now."""
        with self.memory.begin() as work:
            now, books = work.now, work.books
            found = [
                (kept.row.next_command, kept.row.id)
                for kept in books.payments
                if work.is_free(kept.job, kept.row.due, now)
            ]
            for command, table in _jobs(books):
                found += [
                    (command, kept.row.id)
                    for kept in table
                    if work.is_free(kept.job, kept.row.due, now)
                ]
            return found

    def next_time(self) -> datetime | None:
        """When the next row is due or its lease ends; None: nothing will ever happen by itself."""
        books = self.memory.books
        tables = [books.payments, *(table for _, table in _jobs(books))]
        jobs = [(k.row.due.next_run_at, k.job.lease_until) for table in tables for k in table]
        return min((max(at, until or at) for at, until in jobs if at is not None), default=None)

    def run_on(self, until: datetime | None = None, most: int = 1_000) -> None:
        """Let time pass from due row to due row until `until`, or until nothing is left to do."""
        for _ in range(most):
            self.run_due()
            at = self.next_time()
            if at is None or (until is not None and at > until):
                return
            self.clock.advance(max(0.0, (at - self.clock.now()).total_seconds()))
        raise AssertionError(f"no end after {most} due times")

    def is_stuck(self, id_: UUID = PAYMENT) -> bool:
        """Law 2: neither final, nor due, nor parked, nor waiting for an attempt that is."""
        payment = self.payment(id_)
        jobs = [payment.due, *(attempt.due for attempt in self.attempts(id_))]
        jobs += [refund.due for refund in self.refunds(id_)]
        lives = any(due.next_run_at is not None or due.parked is not None for due in jobs)
        return not payment.final and not lives


def _jobs(books: Books) -> list[tuple[Command, Iterable[Kept[Any]]]]:
    return [
        (Command.RESOLVE, books.attempts),
        (Command.NOTICE, books.notices),
        (Command.REFUND, books.refunds),
        (Command.PAYOUT, books.payouts),
        (Command.DETACH, books.detachments),
    ]


def add_notice(memory: MemoryStore, notice: Notice) -> None:
    """Write a webhook as it is."""
    with memory.begin() as work:
        work.books.notices.put(notice.id, Kept(notice, Job(None)))


def run(command: Command, id_: UUID, runtime: Runtime) -> None:
    """Run a command's flow, as its actor does."""
    flows = {
        Command.SCREEN: pay,
        Command.CHARGE: charge,
        Command.CAPTURE: capture,
        Command.VOID: void,
        Command.REFUND: refund,
        Command.PAYOUT: payout,
        Command.DETACH: detach,
        Command.RESOLVE: resolve,
        Command.NOTICE: notice,
    }
    flows[command](id_, runtime)


def _required(value: Value | None) -> Value:
    assert value is not None, "there is no such row"
    return value
