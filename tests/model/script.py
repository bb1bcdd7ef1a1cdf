"""A script instead of dice: nothing goes wrong but what was written down to go wrong next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Thing = TypeVar("Thing")


@dataclass(slots=True)
class Cue:
    """One thing that is to happen, the next time it can."""

    #: The misfortune, the point, or the choice.
    what: str
    #: Whom it befalls: a provider, or the beginning of a task's name.
    whom: str
    #: What becomes of whoever comes to the point; or what is chosen.
    becomes: Any = True
    #: How many times it lets it pass before.
    passes: int = 0


class Script:
    """Chance by cues; each is used up once it has happened."""

    def __init__(self) -> None:
        self.cues: list[Cue] = []

    def add(self, cue: Cue) -> None:
        """Something else is to happen."""
        self.cues.append(cue)

    def happens(self, what: str, whom: str, odds: float) -> bool:
        return self._taken(what, whom) is not None

    def at(self, point: str, whom: str, weight: float = 1.0) -> str:
        cue = self._taken(point, whom)
        return "goes on" if cue is None else str(cue.becomes)

    def one_of(self, what: str, whom: str, things: Sequence[Thing]) -> Thing:
        cue = self._taken(what, whom)
        if cue is None:
            return things[0]
        chosen: Thing = cue.becomes
        assert chosen in things, f"{whom} has no {chosen!r} among {things}"
        return chosen

    def between(self, least: float, most: float) -> float:
        return (least + most) / 2

    def _taken(self, what: str, whom: str) -> Cue | None:
        for cue in self.cues:
            if cue.what == what and whom.startswith(cue.whom):
                if cue.passes:
                    cue.passes -= 1
                    return None
                self.cues.remove(cue)
                return cue
        return None
