"""Agreement: whether the last runs of one length say the same, as they should of the same programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from ops.bench.figures import Figure

#: So many runs are compared: this one, and those before it.
RUNS: Final = 3
#: A share of a number. Rounds of one run may be closer together than two starts of a program ever are.
SLACK: Final = 0.05


def earlier(known: Mapping[str, Any], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Return the runs that a figure of `latest.json` knows of, newest first, and which compare with
    one of so many rounds of so many seconds. What was noisy says nothing, so it is none of them."""
    run = known.get("run", {})
    if (run.get("rounds"), run.get("seconds")) != (rounds, seconds):
        return []
    before: list[dict[str, Any]] = [*known.get("earlier", [])]
    if not known.get("noisy"):
        before.insert(0, {"at": run.get("at"), "rounds": known["rounds"]})
    return before[: RUNS - 1]


def told(figure: Figure, before: Sequence[Mapping[str, Any]]) -> str:
    """Say how many runs there are of a figure, this one included, and whether they agree."""
    if figure.noisy:
        return "noisy"
    if not before:
        return "one run"
    runs = [figure.compared(), *(_compared(one["rounds"]) for one in before)]
    return f"{len(runs)} runs that {'agree' if agree(runs) else 'differ'}"


def agree(runs: Sequence[Sequence[float]]) -> bool:
    """Whether the middle of each run lies among the rounds of every other, or as good as."""
    return all(
        min(other) * (1 - SLACK) <= median(one) <= max(other) * (1 + SLACK)
        for one in runs
        for other in runs
    )


def _compared(rounds: Mapping[str, Sequence[float]]) -> list[float]:
    return Figure("earlier", "", rounds["ours"], rounds["baseline"]).compared()
