"""Turns: ours and the baseline alternately, and what else the machine did meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

T = TypeVar("T")

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
#: More of the machine taken by the hypervisor than this, and rates say nothing.
STOLEN: Final = 0.05
#: The same for other programs of this machine. A cron job or a shell is less.
STRANGERS: Final = 0.10
#: A burst of stolen processor time lasts seconds to minutes: so long it is waited out, once a turn.
WAIT_S: Final = 20.0
LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Ticks:
    """What /proc/stat counts, in seconds of processor time since the machine started."""

    busy_s: float
    stolen_s: float
    total_s: float

    @classmethod
    def now(cls) -> Ticks:
        """Read the counters of all processors together."""
        with Path("/proc/stat").open() as stat:
            words = stat.readline().split()[1:]
        user, nice, system, idle, iowait, irq, softirq, stolen = (int(n) for n in words[:8])
        busy = user + nice + system + irq + softirq
        return cls(busy * TICK_S, stolen * TICK_S, (busy + idle + iowait + stolen) * TICK_S)


@dataclass(frozen=True, slots=True)
class Noise:
    """What disturbed some turns: processor time, summed over them."""

    stolen_s: float = 0.0
    strangers_s: float = 0.0
    total_s: float = 0.0

    @classmethod
    def between(cls, before: Ticks, after: Ticks, ours_s: float) -> Noise:
        """Return what disturbed one turn, in which our processes used so much processor time."""
        # Counters tick coarsely and are not read at one instant: less than nothing is nothing.
        strangers_s = max(0.0, after.busy_s - before.busy_s - ours_s)
        total_s = after.total_s - before.total_s
        return cls(after.stolen_s - before.stolen_s, strangers_s, total_s)

    def __add__(self, other: Noise) -> Noise:
        return Noise(
            self.stolen_s + other.stolen_s,
            self.strangers_s + other.strangers_s,
            self.total_s + other.total_s,
        )

    @property
    def why(self) -> str:
        """Why the clock cannot be trusted; empty where it can."""
        if not self.total_s:
            return ""
        found = []
        if (stolen := self.stolen_s / self.total_s) > STOLEN:
            found.append(f"{stolen:.0%} stolen")
        if (strangers := self.strangers_s / self.total_s) > STRANGERS:
            found.append(f"{strangers:.0%} used by others")
        return ", ".join(found)


@dataclass(slots=True)
class Turns:
    """Runs turns and remembers what disturbed them."""

    #: Tells how much processor time our own processes have used so far.
    ours_s: Callable[[], float]
    noise: Noise = field(default_factory=Noise)

    def one(self, work: Callable[[], T]) -> T:
        """Wait for a quiet moment, then do one turn's work."""
        result, noise = self._turn(work)
        self.noise += noise
        return result

    def alternate(
        self, rounds: int, ours: Callable[[], T], baseline: Callable[[], T]
    ) -> tuple[list[T], list[T]]:
        """Do A B, B A, A B ...: who goes first changes, so that neither always warms the other.

        Returns the calm rounds if at least half of them were calm, else all of them.
        """
        a, b = self._rounds(rounds, [lambda _: ours(), lambda _: baseline()])
        return a, b

    def repeat(self, rounds: int, work: Callable[[int], T]) -> list[T]:
        """Do the same, without a baseline; `work` is told the number of the round."""
        (found,) = self._rounds(rounds, [work])
        return found

    def _rounds(self, rounds: int, works: Sequence[Callable[[int], T]]) -> list[list[T]]:
        done: list[tuple[list[T], Noise]] = []
        for number in range(rounds):
            noise, results = Noise(), {}
            for place in range(len(works))[:: 1 if number % 2 == 0 else -1]:
                work = works[place]
                results[place], disturbed = self._turn(lambda: work(number))  # noqa: B023 - at once
                noise += disturbed
            done.append(([results[place] for place in range(len(works))], noise))
        calm = [one for one in done if not one[1].why]
        kept = calm if 2 * len(calm) >= rounds else done
        for _, noise in kept:
            self.noise += noise
        return [[results[place] for results, _ in kept] for place in range(len(works))]

    def _turn(self, work: Callable[[], T]) -> tuple[T, Noise]:
        quiet()
        before, used = Ticks.now(), self.ours_s()
        result = work()
        return result, Noise.between(before, Ticks.now(), self.ours_s() - used)


def own_cpu_s() -> float:
    """Return the processor time of this process and its ended children."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def quiet(within_s: float = WAIT_S) -> bool:
    """Wait until little processor time is stolen; False when that did not come in time."""
    deadline, pause = monotonic() + within_s, threading.Event()
    while True:
        before = Ticks.now()
        pause.wait(LOOK_S)
        after = Ticks.now()
        if after.stolen_s - before.stolen_s <= STOLEN * (after.total_s - before.total_s):
            return True
        if monotonic() > deadline:
            return False
