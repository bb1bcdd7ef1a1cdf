"""Backlog: a door behind which too much waits takes nothing new, and says so (law 12)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import Overloaded
from domain.idempotency import Claimed
from ingress.problems import UNREACHABLE
from ops.store.accept import KeyId

#: A count is good for this long: in that time a process accepts no more than its intake queue, and
#: a flood costs the database one small query a second.
KEPT_S: Final = 1.0
#: A backlog that is over its bound is not worked off in a second.
RETRY_S: Final = 5


class Waiting(Protocol):
    """What is asked about the backlog."""

    async def waiting(self, most: int, /) -> int:
        """Return how many rows wait for a worker; it stops counting at `most`."""

    async def answered(self, id_: KeyId, /) -> Claimed | None:
        """Return what an idempotency key was answered; None: it was not used."""


@dataclass(slots=True)
class Backlog:
    """Bounds what is accepted and not begun. Asked by what makes new rows, and by nothing else:
    reads, cancels and webhooks are what a full house needs most."""

    #: None: nobody works on what is accepted (USE_MOCK_DB), so nothing can be behind.
    rows: Waiting | None
    limit: int
    clock: Callable[[], float] = time.monotonic
    _full: bool = False
    _fresh_until: float = float("-inf")

    async def answered(self, id_: KeyId, fingerprint: bytes) -> Claimed | None:
        """Return None where there is room. Else what the key was answered before, which counts
        whatever is true now (law 7); a new key raises `Overloaded`, and is not used up by that."""
        if self.rows is None or not await self._is_full(self.rows):
            return None
        known = await self.rows.answered(id_)
        if known is None:
            raise Overloaded(
                "as much is waiting to be worked on as may",
                RETRY_S,
                fix="send the same request again, with the same Idempotency-Key",
            )
        return Claimed(known.recorded.replayed_for(fingerprint), known.resource_id)

    async def _is_full(self, rows: Waiting) -> bool:
        now = self.clock()
        if now >= self._fresh_until:
            self._fresh_until = now + KEPT_S  # one asks, the others go by what was known
            try:
                self._full = await rows.waiting(self.limit + 1) > self.limit
            except UNREACHABLE:
                return self._full  # whoever writes next finds out, and says it
        return self._full


def unbounded() -> Backlog:
    """Return a backlog that is never full."""
    return Backlog(None, 0)
