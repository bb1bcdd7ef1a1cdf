"""Locks in memory: what a transaction holds until it ends, who waits for whom, and deadlocks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias

from domain.books import Interrupted

#: A foreign key points at it: it may be written meanwhile, but neither locked nor deleted.
POINTED_AT = 1
#: It is being written: a row by UPDATE, the entry of a unique index by whoever puts or takes it.
WRITTEN = 2
#: It is locked (SELECT FOR UPDATE), or being deleted.
LOCKED = 3
#: Two transactions may hold one thing together if their modes add up to no more than this.
TOGETHER = 3

#: Called when a statement has to wait; it returns once the function it is given says so, while
#: others go on. It may raise `WaitedTooLong`, or whatever ends the one that waits.
Waits: TypeAlias = Callable[[Callable[[], bool]], None]


class Deadlock(Interrupted):
    """Transactions wait for each other in a circle (40P01): the one that closed it is given up."""


class WaitedTooLong(Exception):
    """Somebody held it for longer than a statement may wait (55P03)."""


def never_waits(ready: Callable[[], bool]) -> None:
    """Stand where transactions follow one another: nobody is there to wait for."""
    raise AssertionError("one transaction at a time, and yet something is held")


@dataclass(eq=False, slots=True)
class Party:
    """A transaction as the locks know it: what it holds how strongly, and what it waits for."""

    held: dict[Hashable, int] = field(default_factory=dict)
    wants: tuple[Hashable, int] | None = None


class Locks:
    """Who holds what: rows, entries of unique indexes, and whatever else has a name."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._holders: dict[Hashable, dict[Party, int]] = {}

    def take(self, party: Party, what: Hashable, mode: int) -> None:
        """Hold it until the transaction ends; whoever is in the way is waited for."""
        if party.held.get(what, 0) >= mode:
            return
        if what in self._holders:
            self.settle(party, what, mode)
            self._holders.setdefault(what, {})[party] = mode
        else:
            self._holders[what] = {party: mode}
        party.held[what] = mode

    def settle(self, party: Party, what: Hashable, mode: int) -> bool:
        """Wait until it could be held, and hold nothing. Returns whether there was a wait."""
        if what not in self._holders or not self.rivals(party, what, mode):
            return False
        party.wants = what, mode
        try:
            while self.rivals(party, what, mode):
                if self._waits_for_itself(party):
                    raise Deadlock(str(what))
                self._waits(lambda: not self.rivals(party, what, mode))
        finally:
            party.wants = None
        return True

    def rivals(self, party: Party, what: Hashable, mode: int) -> list[Party]:
        """Return who holds it in a way that excludes this one."""
        return [
            other
            for other, theirs in self._holders.get(what, {}).items()
            if other is not party and mode + theirs > TOGETHER
        ]

    def end(self, party: Party) -> None:
        """Let go of everything."""
        if not party.held:
            return
        for what in party.held:
            holders = self._holders[what]
            del holders[party]
            if not holders:
                del self._holders[what]
        party.held.clear()

    def _waits_for_itself(self, party: Party) -> bool:
        seen: set[Party] = set()
        look = [party]
        while look:
            one = look.pop()
            rivals = self.rivals(one, *one.wants) if one.wants else []
            if party in rivals:
                return True
            look += set(rivals) - seen
            seen.update(rivals)
        return False
