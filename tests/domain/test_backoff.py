"""Pauses grow, spread and end; retries stay a small part of the traffic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.backoff import (
    RETRY_AFTER_CAP_S,
    Backoff,
    RetryBudget,
    Schedule,
    delay_s,
    honour,
)

ALMOST_ONE = math.nextafter(1.0, 0.0)
DRAWS = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("run", "longest"),
    [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (8, 60.0), (10**6, 60.0)],
)
def test_the_longest_pause_doubles_up_to_the_cap(run: int, longest: float) -> None:
    assert delay_s(run, ALMOST_ONE) == pytest.approx(longest)
    assert delay_s(run, 0.5) == pytest.approx(0.1 + (longest - 0.1) / 2)


@pytest.mark.parametrize("run", [1, 8])
def test_the_shortest_draw_still_pauses(run: int) -> None:
    assert delay_s(run, 0.0) == 0.1


@given(run=st.integers(min_value=1, max_value=10_000), draw=DRAWS)
def test_every_pause_lies_between_floor_and_cap(run: int, draw: float) -> None:
    policy = Backoff(base_s=0.5, factor=3, cap_s=20, floor_s=0.05)

    pause_s = delay_s(run, draw, policy)

    assert 0.05 <= pause_s <= min(20, 0.5 * 3 ** min(run - 1, 10))


@given(run=st.integers(min_value=1, max_value=50), low=DRAWS, high=DRAWS)
def test_the_whole_interval_is_used(run: int, low: float, high: float) -> None:
    share = (delay_s(run, high) - delay_s(run, low)) / (delay_s(run, ALMOST_ONE) - 0.1)

    assert share == pytest.approx(high - low, abs=1e-9)


@pytest.mark.parametrize(("run", "draw"), [(0, 0.5), (-1, 0.5), (1, 1.0), (1, -0.1), (1, math.nan)])
def test_a_run_or_draw_out_of_range_is_refused(run: int, draw: float) -> None:
    with pytest.raises(ValueError):
        delay_s(run, draw)


@pytest.mark.parametrize(
    ("base_s", "factor", "cap_s", "floor_s"),
    [(1, 2, 60, 0), (1, 2, 60, 2), (2, 2, 1, 0.1), (1, 0.5, 60, 0.1), (1, 2, math.inf, 0.1)],
    ids=["no floor", "floor above base", "cap below base", "shrinking", "endless"],
)
def test_a_policy_that_cannot_work_is_refused(
    base_s: float, factor: float, cap_s: float, floor_s: float
) -> None:
    with pytest.raises(ValueError):
        Backoff(base_s, factor, cap_s, floor_s)


@pytest.mark.parametrize(
    ("asked_s", "comes_back_after_s"),
    [
        (None, 2.0),
        (0.0, 2.0),
        (-5.0, 2.0),
        (math.nan, 2.0),
        (30.0, 32.0),
        (1e9, RETRY_AFTER_CAP_S + 2.0),
        (math.inf, RETRY_AFTER_CAP_S + 2.0),
    ],
)
def test_retry_after_is_honoured_within_reason(
    asked_s: float | None, comes_back_after_s: float
) -> None:
    assert honour(2.0, asked_s) == comes_back_after_s


def test_an_unknown_outcome_is_resolved_often_then_daily_for_a_week_then_parked() -> None:
    schedule = Schedule()

    delays = [schedule.after(n) for n in range(14)]

    assert delays == [5, 30, 120, 600, 3_600, 21_600, *[86_400] * 7, None]
    assert schedule.after(10**9) is None


def test_a_schedule_is_counted_from_zero() -> None:
    with pytest.raises(ValueError):
        Schedule((1.0,)).after(-1)


def test_an_empty_schedule_is_exhausted_at_once() -> None:
    assert Schedule(()).after(0) is None


@pytest.mark.parametrize("delay", [0.0, -1.0, math.inf, math.nan])
def test_a_schedule_of_impossible_delays_is_refused(delay: float) -> None:
    with pytest.raises(ValueError):
        Schedule((1.0, delay))


@pytest.mark.parametrize(
    ("calls", "retries", "allowed"),
    [
        (0, 0, True),
        (0, 9, True),
        (0, 10, False),
        (100, 9, True),
        (100, 10, False),
        (1_000, 99, True),
        (1_000, 100, False),
    ],
)
def test_retries_are_a_tenth_of_the_traffic_but_never_fewer_than_ten(
    calls: int, retries: int, allowed: bool
) -> None:
    assert RetryBudget().allows(calls, retries) is allowed


@pytest.mark.parametrize(
    ("share", "floor", "window_s"), [(-0.1, 10, 10), (1.1, 10, 10), (0.1, -1, 10), (0.1, 10, 0)]
)
def test_a_budget_that_cannot_work_is_refused(share: float, floor: int, window_s: float) -> None:
    with pytest.raises(ValueError):
        RetryBudget(share, floor, window_s)
