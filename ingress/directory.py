"""The directory at the door: what is taken here, as it was not more than a second ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from domain.directory import (
    Gate,
    Snapshot,
    as_shipped,
    check,
    check_preference,
    country_of,
    tender_of,
)
from ingress.recent import Recent
from ops.store.accept import Pool
from ops.store.directory import read_snapshot

__all__ = [
    "Directory",
    "Snapshot",
    "check",
    "check_preference",
    "country_of",
    "on_memory",
    "on_pool",
    "tender_of",
]

#: `check(await directory(), amount, currency, country)` refuses what is not taken here.
Directory: TypeAlias = Callable[[], Awaitable[Snapshot]]


def on_pool(pool: Pool) -> Directory:
    """Return the directory of the database, read once a second at most."""
    return Recent(lambda: read_snapshot(pool))


def on_memory(*gates: Gate) -> Directory:
    """Return the directory as a new database has it, with these gateways (USE_MOCK_DB: none)."""
    shipped = replace(as_shipped(), gates=gates)

    async def snapshot() -> Snapshot:
        return shipped

    return snapshot
