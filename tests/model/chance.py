"""Chance: who decides what goes wrong. Dice do, by a seed, or a schedule that somebody wrote."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

Thing = TypeVar("Thing")

#: How often, of all that come to a port, one crashes, dies with its process, or stops for now: most
#: go on, so that a history has room for long runs as well as for many turns.
CRASHES: Final = 0.01
DIES: Final = 0.015
STOPS: Final = 0.4


class Chance(Protocol):
    """Decides everything that the world leaves open."""

    def happens(self, what: str, whom: str, odds: float) -> bool:
        """Whether this misfortune happens now. `whom`: the provider or the worker it may hit."""

    def at(self, point: str, whom: str, weight: float = 1.0) -> str:
        """What a task does at a port: it `goes on`, `stops` for now, `crashes`, or `dies` with its
        process. `weight`: how much this point deserves that anything happens there."""

    def one_of(self, what: str, whom: str, things: Sequence[Thing]) -> Thing:
        """Which of several things it is; where nobody cares, the first."""

    def between(self, least: float, most: float) -> float:
        """A number from an interval; where nobody cares, its start."""


class Dice:
    """Chance by a seed. Calm, nothing goes wrong any more; kind, everybody says yes besides."""

    def __init__(self, seed: int, note: Callable[[str], None] | None = None) -> None:
        """`note` hears of every misfortune; None: nobody listens, which is quicker."""
        self.random = random.Random(seed)
        self.calm = False
        #: Whatever is chosen is the best of it.
        self.kind = False
        self._note = note
        self._roll = self.random.random

    def happens(self, what: str, whom: str, odds: float) -> bool:
        if self.calm or self._roll() >= odds:
            return False
        if self._note is not None:
            self._note(f"{whom} {what}")
        return True

    def at(self, point: str, whom: str, weight: float = 1.0) -> str:
        roll = self._roll() / weight
        if roll > STOPS or self.calm:
            return "goes on"
        return "crashes" if roll < CRASHES else "dies" if roll < DIES else "stops"

    def one_of(self, what: str, whom: str, things: Sequence[Thing]) -> Thing:
        thing = things[0 if self.kind else int(self._roll() * len(things))]
        if self._note is not None and len(things) > 1 and what:
            self._note(f"{whom} {what}: {thing}")
        return thing

    def between(self, least: float, most: float) -> float:
        return least + (most - least) * self._roll()
