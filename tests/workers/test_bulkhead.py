"""The bulkhead of one process: who gets a place at a gateway, who waits for one, who goes away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast
from uuid import UUID

import pytest

from domain.breaker import Refusal, Verdict
from domain.commands import Command
from domain.ports import Refused, Runtime
from ops.queue.broker import stub_broker
from ops.store.jobs import TABLES
from tests.workers.caller_rig import Recorded
from workers import bulkhead
from workers.actors import declare
from workers.bulkhead import (
    PATIENCE_S,
    YOUNG_S,
    Bulkhead,
    InPlaces,
    Places,
    of_known_money,
    of_new_money,
)
from workers.circuit import Permit

ROW = UUID(int=7)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def enter(circuit: Bulkhead, gateway: str = "one", operation: str = "charge") -> Permit | Refused:
    return circuit.enter(gateway, operation, max_in_flight=32, hold_s=17.0)


def taken(places: Places, count: int, gateway: str = "one") -> list[str]:
    found = [places.take(gateway) for _ in range(count)]
    assert None not in found
    return [place for place in found if place is not None]


@pytest.mark.parametrize(
    ("threads", "new", "known"), [(1, 1, 1), (2, 1, 1), (8, 4, 2), (16, 8, 4), (33, 16, 8)]
)
def test_a_gateway_may_hold_half_of_the_threads_for_new_money_and_a_quarter_for_the_rest(
    threads: int, new: int, known: int
) -> None:
    clock = Time()
    for places, count in ((Places(new, clock), new), (Places(known, clock), known)):
        taken(places, count)
        clock.now += YOUNG_S + 0.1
        assert places.take("one") is None
    assert (of_new_money(threads).count, of_known_money(threads).count) == (new, known)


def test_places_at_one_gateway_are_nobodys_at_another() -> None:
    clock = Time()
    places = Places(2, clock)
    taken(places, 2, "one")
    clock.now += YOUNG_S + 0.1

    assert places.take("one") is None
    taken(places, 2, "two")


def test_where_a_call_hangs_nobody_waits_for_a_place() -> None:
    clock = Time()
    places = Places(2, clock)
    taken(places, 1)
    clock.now += YOUNG_S + 0.1
    taken(places, 1)  # one is young and may be back soon, but the other one is not

    with ThreadPoolExecutor(1) as pool:
        # It would wait for ever: the clock stands still.
        assert pool.submit(places.take, "one").result(10) is None


def test_where_calls_are_quick_who_comes_too_many_takes_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulkhead, "PATIENCE_S", 30.0)
    monkeypatch.setattr(bulkhead, "YOUNG_S", 30.0)
    places, at_once, most, lock = Places(2), 0, 0, threading.Lock()

    def call(_: int) -> bool:
        nonlocal at_once, most
        place = places.take("one")
        if place is None:
            return False
        with lock:
            at_once += 1
            most = max(most, at_once)
        with lock:
            at_once -= 1
        places.give("one", place)
        return True

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(call, range(400)))
    assert most <= 2


def test_patience_ends() -> None:
    ticks = iter(n * PATIENCE_S / 4 for n in range(100))
    places = Places(1, lambda: next(ticks))
    taken(places, 1)

    assert places.take("one") is None


def test_a_place_that_is_given_back_twice_is_one_place() -> None:
    clock = Time()
    places = Places(1, clock)
    (place,) = taken(places, 1)
    places.give("one", place)
    places.give("one", place)
    taken(places, 1)
    clock.now += YOUNG_S + 0.1

    assert places.take("one") is None


def test_new_money_without_a_place_is_refused_and_nobody_else_is_asked() -> None:
    clock, shared = Time(), Recorded()
    circuit = Bulkhead(shared, Places(1, clock))
    first = enter(circuit)
    clock.now += YOUNG_S + 0.1

    full = enter(circuit, operation="payout")

    assert isinstance(first, Permit)
    assert isinstance(full, Refused)
    assert (full.reason, full.ours) == (Refusal.BULKHEAD_FULL, True)
    assert full.retry_after_s > 0
    assert [operation for _, operation, *_ in shared.asked] == ["charge"]
    circuit.leave(first, Verdict.GOOD, 0.1)
    assert isinstance(enter(circuit), Permit)
    assert shared.left == [("charge", Verdict.GOOD)]


def test_what_the_shared_circuit_refuses_holds_no_place() -> None:
    shared = Recorded(Refused(Refusal.OPEN, 9.0))
    circuit = Bulkhead(shared, Places(1, Time()))

    assert enter(circuit) == shared.refused
    shared.refused = None
    assert isinstance(enter(circuit), Permit)


@pytest.mark.parametrize("breaks", ["enter", "leave"])
def test_a_shared_circuit_that_breaks_costs_no_place(breaks: str) -> None:
    class Broken(Recorded):
        def enter(self, *args: object, **more: object) -> Permit | Refused:
            if breaks == "enter":
                raise RuntimeError("a bug")
            return super().enter(*args, **more)  # type: ignore[arg-type]

        def leave(self, permit: Permit, verdict: Verdict, took_s: float) -> None:
            raise RuntimeError("a bug")

    places = Places(1, Time())
    circuit = Bulkhead(Broken(), places)

    def use() -> None:
        permit = enter(circuit)
        assert isinstance(permit, Permit)
        circuit.leave(permit, Verdict.GOOD, 0.1)

    with pytest.raises(RuntimeError):
        use()
    taken(places, 1)


def test_known_money_is_never_refused_by_the_places_of_new_money() -> None:
    clock = Time()
    circuit = Bulkhead(Recorded(), Places(1, clock))
    enter(circuit)
    clock.now += YOUNG_S + 0.1

    for operation in ("refund", "void", "capture", "lookup", "cancel", "replay", "probe"):
        assert isinstance(enter(circuit, operation=operation), Permit)


def rows(gateway: str | None) -> Callable[[Command, UUID], str | None]:
    return lambda command, row_id: gateway


def test_work_at_a_gateway_is_done_from_a_place_and_leaves_it() -> None:
    places = Places(1, Time())
    placed, done = InPlaces(places, rows("one")), list[str]()

    def work() -> None:
        done.append("work")
        assert len(places.here("one")) == 1

    placed(Command.RESOLVE, ROW, work)
    placed(Command.REFUND, ROW, work)

    assert done == ["work", "work"]
    assert places.here("one") == {}


def test_work_without_a_place_is_not_begun() -> None:
    clock = Time()
    places = Places(1, clock)
    taken(places, 1)
    clock.now += YOUNG_S + 0.1
    done: list[str] = []

    InPlaces(places, rows("one"))(Command.NOTICE, ROW, lambda: done.append("one"))
    InPlaces(places, rows("two"))(Command.NOTICE, ROW, lambda: done.append("two"))
    InPlaces(places, rows(None))(Command.CHARGE, ROW, lambda: done.append("chooses itself"))

    assert done == ["two", "chooses itself"]


def test_work_that_crashes_leaves_its_place() -> None:
    places = Places(1, Time())

    def crash() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        InPlaces(places, rows("one"))(Command.VOID, ROW, crash)
    taken(places, 1)


def test_every_row_is_worked_on_from_a_place() -> None:
    broker, asked = stub_broker(), list[tuple[Command, UUID]]()
    declare(
        broker,
        cast("Runtime", None),
        seal=lambda _: 0,
        publish=lambda: 0,
        probe=lambda: 0,
        placed=lambda command, row_id, work: asked.append((command, row_id)),
    )
    of_rows = [Command.SCREEN, Command.CHARGE, Command.PAYOUT, *TABLES]

    for command in of_rows:
        broker.get_actor(command.value)(str(ROW))

    assert asked == [(command, ROW) for command in of_rows]
