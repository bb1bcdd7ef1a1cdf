"""The key book: API keys as they are stored, and the ones that were looked up a moment ago."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from domain.payment import Mode

#: A revoked key works no longer than this after the commit: an entry's age counts from before its
#: look-up began.
KEEP_S: Final = 1.0
#: Ids remembered, known or not; some 10 MB at most.
MAX_ENTRIES: Final = 10_000


class StoredKey(Protocol):
    """An API key and what its merchant may do."""

    @property
    def key_id(self) -> str:
        """The public part."""

    @property
    def merchant_id(self) -> UUID:
        """Whose key it is."""

    @property
    def mode(self) -> Mode:
        """Which money it moves."""

    @property
    def secret_mac(self) -> bytes:
        """What `ops.apikeys.mac` made of the secret."""

    @property
    def scopes(self) -> frozenset[str]:
        """What it may do."""

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by itself."""

    @property
    def revoked_at(self) -> datetime | None:
        """When it was ended."""

    @property
    def merchant_active(self) -> bool:
        """Whether we do business with its merchant."""

    @property
    def rate_limit_per_minute(self) -> int:
        """Requests a minute."""

    @property
    def ip_allowlist(self) -> tuple[str, ...]:
        """Networks it may be used from; empty: all."""

    @property
    def default_country(self) -> str | None:
        """Where its merchant's payers are taken to be when nobody says."""

    @property
    def return_url_hosts(self) -> tuple[str, ...]:
        """Hosts that its merchant's payers may be returned to; empty: all."""


class KeyBook(Protocol):
    """Where API keys are stored."""

    async def __call__(self, key_id: str, /) -> StoredKey | None:
        """Return a key by its public part."""


@dataclass(frozen=True, slots=True)
class _Entry:
    began: float
    task: asyncio.Task[StoredKey | None]


class RecentKeys:
    """A key book that asks another one at most once a second for the same id.

    Unknown ids are remembered too, so that guessing costs us no more than knowing; requests that
    come while an id is being looked up wait for that one look-up.
    """

    def __init__(self, book: KeyBook, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._monotonic = monotonic
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def __call__(self, key_id: str, /) -> StoredKey | None:
        """Return a key as it was at most `KEEP_S` seconds ago. Raises what the book raises."""
        now = self._monotonic()
        entry = self._entries.get(key_id)
        if entry is None or now - entry.began >= KEEP_S or _failed(entry.task):
            entry = _Entry(now, asyncio.create_task(self._look_up(key_id)))
            self._entries[key_id] = entry
            self._entries.move_to_end(key_id)
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
        if entry.task.done():
            return entry.task.result()
        return await asyncio.shield(entry.task)  # one client's leaving must not fail the others

    async def _look_up(self, key_id: str) -> StoredKey | None:
        return await self._book(key_id)


def _failed(task: asyncio.Task[StoredKey | None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
