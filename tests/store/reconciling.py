"""A desk for tests of reconciling: books on PostgreSQL, a scripted gateway, and its list."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.attempt import State
from domain.flows.reconcile import reconcile
from domain.money import CURRENCIES, Money
from domain.outcome import Unknown
from domain.payment import Status
from domain.policy import Policy
from domain.ports import Budget, Promise, Runtime
from domain.reconcile import Entry, Listing, Window
from domain.reconcile_books import Listed, Page
from domain.reconcile_ours import Move
from ops.store.reconciliation import PostgresRolls
from ops.store.reconciliation_reads import ItemRow, RunRow, ask_runs, read_items, read_runs
from tests.scripted import Board, Scripted, Windows
from tests.store.books import a_charge, a_payment
from tests.store.conftest import Books

#: A look-up by our reference that finds nothing says nothing here.
SILENT = Promise(timedelta(0))
LAG = timedelta(seconds=0)


def usd(minor: int) -> Money:
    return Money(minor, CURRENCIES["USD"])


@dataclass
class Shelf:
    """A provider's list that gives the pages it was handed, and notes what it was asked for."""

    pages: list[Listed] = field(default_factory=lambda: [Page(())])
    listing: Listing = field(
        default_factory=lambda: Listing(LAG, timedelta(days=31), frozenset(Move))
    )
    asked: list[tuple[Window, str | None]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        self.before()
        self.asked.append((window, following))
        return self.pages[int(following or 0)]

    def shows(self, *pages: Sequence[Entry]) -> None:
        last = len(pages) - 1
        self.pages = [
            Page(tuple(page), None if n == last else str(n + 1)) for n, page in enumerate(pages)
        ]


@dataclass
class Desk:
    """Books, a gateway `one` with a list or without, and the flow on them."""

    books: Books
    gateway: Scripted
    shelf: Shelf | None = field(default_factory=Shelf)
    draining: Callable[[], bool] = lambda: False
    rolls: PostgresRolls = field(init=False)

    def __post_init__(self) -> None:
        self.rolls = PostgresRolls(self.books.engine, self.books.new_id)

    def lister(self, gateway_id: str) -> Shelf | None:
        return self.shelf if gateway_id == "one" else None

    def run(self, since: datetime | None = None, until: datetime | None = None) -> Ran:
        """Ask for a window (the last hour) at the gateway `one`, and do what is due."""
        now = datetime.now(UTC)
        window = Window(since or now - timedelta(hours=1), until or now + timedelta(seconds=1))
        with self.books.engine.begin() as db:
            ids = ask_runs(db, "one", window, "someone", "req-9", self.books.new_id)
        self.work()
        return self.ran(ids)

    def work(self) -> int:
        ticks = itertools.count()
        runtime = Runtime(
            store=self.books.store,
            gateways=Board({self.gateway.row.id: self.gateway}),
            velocity=Windows(),
            policy=Policy(),
            owner=7,
            new_id=self.books.new_id,
            monotonic=lambda: float(next(ticks)),
            draw=lambda: 0.5,
            wake=lambda *_: None,
            draining=self.draining,
        )
        done = 0
        while reconcile(self.rolls, self, runtime):
            done += 1
        return done

    def ran(self, ids: Sequence[UUID]) -> Ran:
        with self.books.engine.connect() as db:
            runs = read_runs(db, ids)
            return Ran(runs, read_items(db, [run.id for run in runs]))


@dataclass
class Ran:
    runs: list[RunRow]
    items: list[ItemRow]

    @property
    def run(self) -> RunRow:
        (run,) = self.runs
        return run

    def open(self) -> list[tuple[str, str]]:
        return [(item.kind, item.move) for item in self.items if item.resolved_at is None]

    def resolved(self) -> list[tuple[str, str | None]]:
        return [(item.kind, item.resolution) for item in self.items if item.resolved_at is not None]


def a_lost_charge(books: Books) -> tuple[UUID, UUID]:
    """A charge whose answer was lost, given up by the look-ups: parked, and its payment waits."""
    payment = a_payment(books, Status.PROCESSING, next_run_at=None, wake_at=None)
    parked: dict[str, Any] = {"parked_reason": "unresolved", "owner": "operations"}
    return payment, a_charge(
        books, payment, state=State.UNKNOWN, parked_at=datetime.now(UTC), **parked
    )


def a_sale(books: Books, provider_id: str = "ch_1", **more: Any) -> UUID:
    """A captured payment with its movement; returns the attempt's id."""
    payment = a_payment(books, Status.CAPTURED, gateway_id="one")
    charge = a_charge(
        books, payment, state=State.CAPTURED, provider_id=provider_id, captured=1000, **more
    )
    books.sql(
        "INSERT INTO transactions (id, payment_id, attempt_id, type, amount, total, currency,"
        " gateway_id, provider_id) VALUES (:id, :p, :a, 'sale', 1000, 1000, 'USD', 'one', :name)",
        id=books.new_id(),
        p=payment,
        a=charge,
        name=provider_id,
    )
    return charge


def entry(attempt: UUID | None, provider_id: str = "ch_1", **changes: Any) -> Entry:
    name = None if attempt is None else attempt.hex
    quiet = Entry(Move.CHARGE, provider_id, usd(1000), datetime.now(UTC), reference=name)
    return replace(quiet, **changes)


def a_desk(books: Books) -> Desk:
    """A desk whose gateway answers no look-up, and lists nothing."""
    return Desk(books, Scripted("one", promise=SILENT, lookups=[Unknown("no look-up here")]))
