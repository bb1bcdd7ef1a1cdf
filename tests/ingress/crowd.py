"""A crowd behind the door: as many rows as a test says wait, and what keys were answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.idempotency import Claimed
from ops.store.accept import KeyId


@dataclass
class Crowd:
    """What the door asks about its backlog, from memory; `error` is raised instead of a count."""

    rows: int = 0
    keys: dict[KeyId, Claimed] = field(default_factory=dict)
    error: Exception | None = None
    counted: list[int] = field(default_factory=list)

    async def waiting(self, most: int, /) -> int:
        self.counted.append(most)
        if self.error is not None:
            raise self.error
        return min(self.rows, most)

    async def answered(self, id_: KeyId, /) -> Claimed | None:
        return self.keys.get(id_)
