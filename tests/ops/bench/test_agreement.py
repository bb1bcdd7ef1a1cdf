"""Agreement: which runs are compared, and when they agree."""

from __future__ import annotations

from typing import Any

import pytest

from ops.bench.agreement import agree, earlier, told
from ops.bench.figures import Figure

RUN = {"rounds": 3, "seconds": 5.0, "at": "2026-01-02T03:04:05+00:00"}
OLDER = {"at": "2026-01-01T00:00:00+00:00", "rounds": {"ours": [1.0], "baseline": []}}


def known(*ours: float, noisy: str = "", older: int = 0) -> dict[str, Any]:
    """A figure as it stands in the file."""
    rounds = {"ours": [*ours], "baseline": []}
    return {"run": RUN, "rounds": rounds, "noisy": noisy, "earlier": [OLDER] * older}


@pytest.mark.parametrize(
    ("runs", "agreed"),
    [
        ([[1.0, 2.0, 3.0]], True),
        ([[1.0, 2.0, 3.0], [1.5, 2.5, 4.0], [1.0, 2.0, 9.0]], True),
        ([[1.0, 2.0, 3.0], [1.0, 3.2, 4.0]], False),  # its middle is above all of the first
        ([[1.0, 9.0, 9.5], [8.0, 9.0, 9.5], [1.0, 1.1, 9.5]], False),  # the last one's, below
        ([[2.0, 2.0, 2.0], [2.09, 2.09, 2.09]], True),  # nobody can tell them apart
        ([[2.0, 2.0, 2.0], [2.12, 2.12, 2.12]], False),
        ([[0.0], [0.0]], True),
    ],
)
def test_runs_agree_when_the_middle_of_each_lies_among_the_rounds_of_the_others(
    runs: list[list[float]], agreed: bool
) -> None:
    assert agree(runs) is agreed
    assert agree(runs[::-1]) is agreed


def test_the_last_two_runs_of_this_length_are_compared() -> None:
    before = earlier(known(2.0, 3.0, 4.0, older=2), 3, 5.0)
    assert [one["rounds"]["ours"] for one in before] == [[2.0, 3.0, 4.0], [1.0]]


@pytest.mark.parametrize(("rounds", "seconds"), [(2, 5.0), (3, 2.0)])
def test_a_run_of_another_length_is_not_compared(rounds: int, seconds: float) -> None:
    assert earlier(known(2.0, older=2), rounds, seconds) == []


def test_a_figure_that_was_never_measured_has_no_earlier_runs() -> None:
    assert earlier({}, 3, 5.0) == []


def test_a_noisy_run_is_left_out_and_those_before_it_stay() -> None:
    assert earlier(known(2.0, noisy="30% stolen", older=1), 3, 5.0) == [OLDER]


def test_it_is_the_ratio_that_is_compared_where_there_is_one() -> None:
    # Ten times slower, as the machine was then: the ratio is the same.
    before = {"rounds": {"ours": [20.0, 21.0], "baseline": [10.0, 10.0]}}
    now = Figure("a.rate", "1/s", [205.0, 207.0], [100.0, 100.0])
    assert told(now, [before]) == "2 runs that agree"
    assert told(Figure("a.rate", "1/s", [205.0, 207.0]), [before]) == "2 runs that differ"


def test_a_noisy_run_is_not_said_to_agree() -> None:
    assert told(Figure("a.rate", "1/s", [1.0], noisy="30% stolen"), []) == "noisy"
