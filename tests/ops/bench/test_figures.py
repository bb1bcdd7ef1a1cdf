"""Figures: ratios round by round, and what becomes of a goal."""

from __future__ import annotations

import pytest

from ops.bench.figures import OURS, RATIO, Figure, Goal, Judged, Spread


@pytest.mark.parametrize(
    ("goal", "value", "noisy", "judged"),
    [
        (Goal(RATIO, least=2.0), 2.0, False, Judged.MET),
        (Goal(RATIO, least=2.0), 1.99, False, Judged.MISSED),
        (Goal(RATIO, least=2.0, stretch=3.0), 3.0, False, Judged.STRETCHED),
        (Goal(RATIO, least=2.0, stretch=3.0), 2.5, False, Judged.MET),
        (Goal("p99_ms", most=25.0), 25.0, False, Judged.MET),
        (Goal("p99_ms", most=25.0), 25.1, False, Judged.MISSED),
        (Goal("p99_ms", most=25.0, stretch=10.0), 9.0, False, Judged.STRETCHED),
        (Goal(RATIO, least=2.0), 9.0, True, Judged.NOISY),
        (Goal(RATIO, most=0.5, by_the_clock=False), 0.6, True, Judged.MISSED),
        (Goal(RATIO, most=0.5, by_the_clock=False), 0.4, True, Judged.MET),
        (Goal("p99_ms", most=25.0), None, False, Judged.UNMEASURED),
    ],
    ids=str,
)
def test_a_goal_is_judged_by_its_bound_unless_noise_spoils_the_clock(
    goal: Goal, value: float | None, noisy: bool, judged: Judged
) -> None:
    assert goal.judge(value, noisy) is judged


def test_a_goal_has_one_bound() -> None:
    with pytest.raises(ValueError, match="least or a most"):
        Goal(RATIO)
    with pytest.raises(ValueError, match="least or a most"):
        Goal(RATIO, least=1.0, most=2.0)


def test_the_ratio_is_taken_round_by_round() -> None:
    # A machine that is ten times slower in one round says nothing about the ratio.
    figure = Figure("a.rate", "1/s", [200.0, 20.0, 210.0], [100.0, 10.0, 100.0])
    assert figure.ratio == Spread(2.0, 2.0, 2.05)
    assert figure.value(RATIO) == 2.0
    assert figure.value(OURS) == 200.0


def test_quartiles_tell_the_spread() -> None:
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_without_a_baseline_there_is_no_ratio() -> None:
    figure = Figure("a.p99", "ms", [3.0], goals=[Goal(RATIO, least=1.0)])
    assert figure.ratio is None
    assert [judged for _, judged in figure.judged()] == [Judged.UNMEASURED]


@pytest.mark.parametrize(("ours", "baseline"), [([], []), ([1.0, 2.0], [1.0])], ids=["none", "odd"])
def test_unpaired_rounds_are_no_figure(ours: list[float], baseline: list[float]) -> None:
    with pytest.raises(ValueError, match="a\\.rate"):
        Figure("a.rate", "1/s", ours, baseline)


def test_the_file_holds_the_numbers_their_goals_and_what_disturbed_them() -> None:
    goals = [Goal(RATIO, least=2.0), Goal("cpu_us", most=220.0, by_the_clock=False)]
    figure = Figure(
        "accept.rate", "1/s", [30.0, 30.0], [10.0, 10.0], {"cpu_us": 200.0}, goals, "12% stolen"
    )
    told = figure.to_json()
    assert told["ours"] == 30.0
    assert told["baseline"] == 10.0
    assert told["ratio"] == 3.0
    assert told["cpu_us"] == 200.0
    assert told["noisy"] == "12% stolen"
    assert told["goals"] == {"ratio >= 2": "noisy", "cpu_us <= 220": "met"}
