"""Figures: what was measured, round by round, beside its baseline and what was promised of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from statistics import median, quantiles
from typing import Final, Protocol

#: Which number of a figure a goal is about, when it is none of its `extra` numbers.
RATIO: Final = "ratio"
OURS: Final = "ours"


class Judged(Enum):
    """What became of a goal."""

    MET = "met"
    STRETCHED = "met, stretch too"
    MISSED = "missed"
    #: The machine was not quiet enough to say.
    NOISY = "noisy"
    #: The number that the goal is about was not measured in this run.
    UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise about one number of a figure: at least so much, or at most so much."""

    #: `ratio`, `ours`, or the name of one of the figure's extra numbers.
    of: str
    least: float | None = None
    most: float | None = None
    #: What would be better than asked, in the same direction.
    stretch: float | None = None
    #: Whether the clock on the wall decides: only then can a noisy machine spoil the judgement.
    by_the_clock: bool = True

    def __post_init__(self) -> None:
        if (self.least is None) == (self.most is None):
            raise ValueError("a goal has either a least or a most")

    def __str__(self) -> str:
        bound = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        stretch = "" if self.stretch is None else f" ({self.stretch:g})"
        return f"{self.of} {bound}{stretch}"

    def judge(self, value: float | None, noisy: bool) -> Judged:
        """Say what became of it, with this value."""
        if value is None:
            return Judged.UNMEASURED
        if noisy and self.by_the_clock:
            return Judged.NOISY
        sign = 1 if self.least is not None else -1
        bound = self.least if self.least is not None else self.most
        assert bound is not None
        if self.stretch is not None and sign * value >= sign * self.stretch:
            return Judged.STRETCHED
        return Judged.MET if sign * value >= sign * bound else Judged.MISSED


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some numbers, and the two quartiles around it."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """Take the median and the quartiles; one number is all three. Refuses none at all."""
        if len(numbers) < 2:
            return cls(numbers[0], numbers[0], numbers[0])
        low, middle, high = quantiles(numbers, n=4, method="inclusive")
        return cls(middle, low, high)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: ours and the baseline in turns, one number per round each."""

    #: `bench.what`, as in `accept.rate`: the key in `latest.json`.
    name: str
    unit: str
    ours: Sequence[float]
    #: As long as `ours`; empty where there is nothing to compare with.
    baseline: Sequence[float] = ()
    #: Other numbers of ours by name with their unit last: cpu_us, p50_ms, p95_ms, p99_ms ...
    extra: Mapping[str, float] = field(default_factory=dict)
    goals: Sequence[Goal] = ()
    #: Why the machine was too busy to judge by the clock; empty when it was quiet.
    noisy: str = ""
    #: What is known about why it falls short, or what must be said beside the number.
    why: str = ""

    def __post_init__(self) -> None:
        if not self.ours:
            raise ValueError(f"{self.name} has not been measured")
        if self.baseline and len(self.baseline) != len(self.ours):
            raise ValueError(f"{self.name}: {len(self.ours)} rounds beside {len(self.baseline)}")

    @property
    def ratio(self) -> Spread | None:
        """Ours over the baseline, round by round; None without a baseline."""
        return Spread.of(self.compared()) if self._is_compared else None

    @property
    def _is_compared(self) -> bool:
        return bool(self.baseline) and all(self.baseline)

    def compared(self) -> list[float]:
        """Return what runs are compared by: the ratio of each round, or ours without a baseline."""
        if not self._is_compared:
            return [*self.ours]
        return [a / b for a, b in zip(self.ours, self.baseline, strict=True)]

    def value(self, of: str) -> float | None:
        """Return the number that a goal is about, the middle one of all rounds."""
        if of == RATIO:
            return self.ratio.middle if self.ratio else None
        if of == OURS:
            return median(self.ours)
        return self.extra.get(of)

    def judged(self) -> list[tuple[Goal, Judged]]:
        """Return every goal with what became of it."""
        return [(one, one.judge(self.value(one.of), bool(self.noisy))) for one in self.goals]

    def to_json(self) -> dict[str, object]:
        """Return what stands in `latest.json` under this figure's name."""
        ratio = self.ratio
        compared = {
            "baseline": median(self.baseline) if self.baseline else None,
            "ratio": ratio.middle if ratio else None,
            "ratio_quartiles": [ratio.low, ratio.high] if ratio else None,
        }
        return {
            "unit": self.unit,
            "ours": median(self.ours),
            **compared,
            **self.extra,
            "rounds": {"ours": list(self.ours), "baseline": list(self.baseline)},
            "goals": {str(goal): judged.value for goal, judged in self.judged()},
            "noisy": self.noisy,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure."""

    #: Turns: ours and the baseline once each.
    rounds: int
    #: How long one turn lasts, for benches that measure for a while.
    seconds: float
    #: Whether this is to show only that all works: small data, few turns.
    short: bool
    #: A folder of our own for servers, logs and data; empty at the start.
    folder: Path
    #: Decides arrivals and bodies.
    seed: int = 1


Tell = Callable[[str], None]


class Bench(Protocol):
    """A module of `ops.bench` with a function `run`."""

    def run(self, options: Options, tell: Tell) -> Iterable[Figure]:
        """Measure, yielding each figure when it is there; `tell` says what is being done now.

        What cannot be run raises `CannotRun`, whose text says what to change.
        """
        ...


class CannotRun(Exception):
    """Something that the bench needs is missing on this machine; the text says what."""
