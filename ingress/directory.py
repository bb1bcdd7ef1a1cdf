"""The directory at the door: currencies and countries as they were not more than a second ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from domain.directory import Snapshot, as_shipped, check, country_of, tender_of
from domain.errors import FieldError, InvalidRequest
from domain.payment import Mode
from ingress.recent import Recent
from ops.store.accept import Pool
from ops.store.directory import read_snapshot
from ops.store.gateways import Account

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


def on_memory() -> Directory:
    """Return the directory as a new database has it (USE_MOCK_DB)."""
    shipped = as_shipped()

    async def snapshot() -> Snapshot:
        return shipped

    return snapshot


def check_preference(preference: str | None, accounts: Iterable[Account], mode: Mode) -> None:
    """Refuse a `provider_preference` that names no gateway and no provider of this mode (G-04).

    Raises `InvalidRequest`. Where no gateway is configured at all no name could be right: then none
    is refused, and the payment waits for a gateway as any other.
    """
    known = {name for one in accounts if one.mode is mode for name in (one.id, one.provider)}
    if preference is not None and known and preference not in known:
        reason = f"{preference} is neither a gateway nor a provider here"
        fix = "choose one of GET /v1/providers, or leave it out"
        raise InvalidRequest([FieldError("provider_preference", reason, fix)])
