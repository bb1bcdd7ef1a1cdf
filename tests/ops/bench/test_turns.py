"""Turns: who goes first changes, and what disturbed them is counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.bench import turns
from ops.bench.turns import Noise, Ticks, Turns


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "quiet", lambda: True)
    monkeypatch.setattr(Ticks, "now", lambda: Ticks(0.0, 0.0, 0.0))


@pytest.mark.usefixtures("calm")
def test_who_goes_first_alternates_and_rounds_stay_paired() -> None:
    order: list[str] = []

    def work(name: str) -> int:
        order.append(name)
        return len(order)

    a, b = Turns(lambda: 0.0).alternate(3, lambda: work("a"), lambda: work("b"))

    assert order == ["a", "b", "b", "a", "a", "b"]
    assert (a, b) == ([1, 4, 5], [2, 3, 6])


@pytest.mark.parametrize(
    ("after", "ours_s", "why"),
    [
        (Ticks(10.0, 0.0, 20.0), 10.0, ""),
        (Ticks(10.0, 2.0, 20.0), 10.0, "10% stolen"),
        (Ticks(10.0, 0.0, 20.0), 4.0, "30% used by others"),
        (Ticks(10.0, 2.0, 20.0), 4.0, "10% stolen, 30% used by others"),
        # Counters are read one after another: ours may seem to have used more than there was.
        (Ticks(10.0, 0.0, 20.0), 10.5, ""),
    ],
    ids=["quiet", "stolen", "others", "both", "less than nothing"],
)
def test_noise_is_what_was_stolen_and_what_strangers_used(
    after: Ticks, ours_s: float, why: str
) -> None:
    assert Noise.between(Ticks(0.0, 0.0, 0.0), after, ours_s).why == why


def test_nothing_measured_is_not_noisy() -> None:
    assert Noise().why == ""


@pytest.mark.usefixtures("calm")
def test_a_turn_counts_what_happened_during_it(monkeypatch: pytest.MonkeyPatch) -> None:
    readings: Iterator[Ticks] = iter([Ticks(5.0, 1.0, 10.0), Ticks(8.0, 2.0, 14.0)])
    monkeypatch.setattr(Ticks, "now", lambda: next(readings))
    used = iter([1.0, 3.5])

    measured = Turns(lambda: next(used))
    assert measured.one(lambda: "done") == "done"

    assert measured.noise == Noise(stolen_s=1.0, strangers_s=0.5, total_s=4.0)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(
    ("stolen", "kept"),
    [
        ([0.0, 0.9, 0.0], [0, 2]),
        ([0.9, 0.9, 0.0], [0, 1, 2]),
        ([0.0, 0.0, 0.0], [0, 1, 2]),
    ],
    ids=["one disturbed", "most disturbed", "calm"],
)
def test_disturbed_rounds_are_left_out_where_enough_are_calm(
    stolen: list[float], kept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [Ticks(0.0, 0.0, 0.0)]
    for share in stolen:
        last = readings[-1]
        readings += [last, Ticks(last.busy_s, last.stolen_s + share, last.total_s + 1.0)]
    told = iter(readings[1:])
    monkeypatch.setattr(Ticks, "now", lambda: next(told))

    measured = Turns(lambda: 0.0)
    assert measured.repeat(3, lambda number: number) == kept
    assert bool(measured.noise.why) == (len(kept) == 3 and 0.9 in stolen)


def test_a_burst_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # Half of the machine is stolen in the first look, nothing in the second.
    readings = iter([0.0, 0.5, 0.5, 0.5])
    totals = iter([0.0, 1.0, 1.0, 2.0])
    monkeypatch.setattr(Ticks, "now", lambda: Ticks(0.0, next(readings), next(totals)))
    monkeypatch.setattr(turns, "LOOK_S", 0.001)
    assert turns.quiet()
    assert next(readings, None) is None


def test_a_burst_that_stays_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    stolen = iter(range(10_000))
    monkeypatch.setattr(Ticks, "now", lambda: Ticks(0.0, (n := next(stolen)), float(n)))
    monkeypatch.setattr(turns, "LOOK_S", 0.001)
    assert not turns.quiet(within_s=0.02)


def test_the_machine_counts_forwards() -> None:
    first, second = Ticks.now(), Ticks.now()
    assert 0 < first.busy_s <= second.busy_s
    assert first.total_s >= first.busy_s + first.stolen_s
