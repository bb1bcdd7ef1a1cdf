"""Reconciling in the worker: whose lists are read, how that is judged, and when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from domain.breaker import Verdict
from domain.commands import Command
from domain.ports import Budget, Declaration
from domain.reconcile import Listing, Window
from domain.reconcile_books import Listed, Listers, Page, Unlisted
from domain.reconcile_ours import Move
from ops.queue.broker import stub_broker
from tests.builders import Scripted, a_runtime
from workers.actors import declare
from workers.caller import LIST, Caller
from workers.circuit import Permit
from workers.clock import RECONCILE_S, Clock, schedule
from workers.gateways import Adapter
from workers.reconciling import Listless, reconciler

WINDOW = Window(datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
LISTING = Listing(timedelta(hours=3), timedelta(days=31), frozenset(Move))
SOON = Budget(1.0, 2.0)


@dataclass
class WithList:
    """An adapter with a list, or without."""

    declaration: Declaration
    page: Listed

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        assert (window, following, budget) == (WINDOW, "2", SOON)
        return self.page


@dataclass
class Circuit:
    """Lets everything in, and notes what was said of it."""

    said: list[tuple[str, Verdict]]

    def enter(self, gateway_id: str, operation: str, **_: Any) -> Permit:
        return cast("Permit", _Slot(gateway_id, operation))

    def leave(self, permit: Permit, verdict: Verdict, took_s: float) -> None:
        self.said.append((permit.operation, verdict))


@dataclass(frozen=True)
class _Slot:
    gateway_id: str
    operation: str


def a_caller(adapters: Mapping[str, object], circuit: Circuit) -> tuple[Caller, list[str]]:
    counted: list[str] = []
    caller = Caller(
        cast("Mapping[str, Adapter]", adapters),
        circuit,
        hold_s=10.0,
        on_call=lambda gateway, operation, outcome, took_s: counted.append(outcome),
    )
    return caller, counted


def adapter(page: Listed, listing: Listing | None = LISTING) -> WithList:
    return WithList(replace(Scripted("one").declaration, listing=listing), page)


@pytest.mark.parametrize(
    ("page", "verdict", "outcome"),
    [(Page(()), Verdict.GOOD, "answered"), (Unlisted("503"), Verdict.BAD, "silent")],
    ids=["a page", "none"],
)
def test_a_page_is_read_through_the_door_and_says_how_the_gateway_is(
    page: Listed, verdict: Verdict, outcome: str
) -> None:
    circuit = Circuit([])
    caller, counted = a_caller({"one": adapter(page)}, circuit)

    lister = caller.lister("one")

    assert lister is not None
    assert lister.listing == LISTING
    assert lister.list_movements(WINDOW, "2", SOON) == page
    assert (circuit.said, counted) == ([(LIST, verdict)], [outcome])


def test_a_gateway_without_a_list_or_an_adapter_has_no_lister() -> None:
    caller, _ = a_caller({"one": adapter(Page(()), None)}, Circuit([]))

    assert isinstance(caller, Listers)
    assert caller.lister("one") is None
    assert caller.lister("nobody") is None
    assert Listless().lister("one") is None


def test_the_actor_does_run_after_run_until_none_is_due() -> None:
    broker = stub_broker()
    left = iter([1, 1, 0, 1])
    declare(
        broker,
        a_runtime(),
        seal=lambda _: 0,
        publish=lambda: 0,
        probe=lambda: 0,
        reconcile=lambda: next(left),
    )

    broker.get_actor(Command.RECONCILE.value).fn("due")

    assert list(left) == [1]


def test_the_clock_asks_once_a_minute_and_does_no_work_itself() -> None:
    woken: list[tuple[object, ...]] = []

    @dataclass
    class Wakes:
        def wake(self, *what: object) -> None:
            woken.append(what)

    nothing: Any = None
    clock = Clock(nothing, cast("Any", Wakes()), nothing, nothing, nothing)
    clock.reconcile()

    assert woken == [(Command.RECONCILE, "due", "clock")]
    (job,) = (job for job in schedule(clock).get_jobs() if job.id == "reconcile")
    assert job.trigger.interval == timedelta(seconds=RECONCILE_S)


def test_making_the_reconciler_asks_nobody_anything() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")

    assert callable(reconciler(engine, replace(a_runtime(), new_id=uuid4)))
