"""Meter: what trees of processes have used so far, children and children's children included."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.bench.turns import TICK_S
from ops.dev.proc import PROC, living

#: Columns of /proc/PID/stat after the name: the parent, and four counts of ticks. The last two are
#: of children that have ended and were waited for, so short-lived ones are not lost.
_PARENT, _USER, _CHILDREN = 1, 11, 15


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds by program."""

    by: Mapping[str, float]

    def __sub__(self, before: Used) -> Used:
        return Used({name: used - before.by.get(name, 0.0) for name, used in self.by.items()})

    def each_us(self, operations: int) -> dict[str, float]:
        """Return microseconds per operation, by program."""
        return {name: used / operations * 1e6 for name, used in self.by.items()}


class Trees:
    """All living processes at one instant, as far as /proc can be read at one."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        self._used: dict[int, float] = {}
        for pid in living():
            try:
                line = (PROC / str(pid) / "stat").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
            words = line.rpartition(b") ")[2].split()
            self._children[int(words[_PARENT])].append(pid)
            self._used[pid] = sum(map(int, words[_USER:_CHILDREN])) * TICK_S

    def tree(self, root: int) -> list[int]:
        """Return a process and everything below it."""
        found, at = [root], 0
        while at < len(found):
            found += self._children[found[at]]
            at += 1
        return found

    def used_s(self, root: int) -> float:
        """Return the processor time of a tree so far; it never goes down while the root lives."""
        return sum(self._used.get(pid, 0.0) for pid in self.tree(root))

    def used(self, roots: Mapping[str, int]) -> Used:
        """Return the processor time of several trees."""
        return Used({name: self.used_s(pid) for name, pid in roots.items()})

    def largest_mib(self, root: int) -> float:
        """Return the memory of a tree's largest process; pages that it shares count in parts."""
        return max(map(_share_kib, self.tree(root))) / 1024


def all_s() -> float:
    """Return the processor time of this process and of everything that it has started."""
    return Trees().used_s(os.getpid())


def _share_kib(pid: int) -> float:
    """Return a process's proportional share of memory; of one that ended, nothing."""
    try:
        lines: Sequence[str] = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))
