"""Accounts: whose webhooks we accept, as configured not more than a second ago."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from ops.runtime import Ground
from ops.store.gateways import Account, read_accounts

#: A changed secret or a new gateway is in force after this.
FRESH_S = 1.0


class Accounts:
    """Reads the gateways beside the loop, once a second at most."""

    def __init__(self, base: Ground) -> None:
        self._base = base
        self._read_at = 0.0
        self._accounts: Sequence[Account] = ()
        self._reading = asyncio.Lock()

    async def __call__(self) -> Sequence[Account]:
        """Return every gateway with its secrets opened."""
        async with self._reading:
            if not self._accounts or time.monotonic() - self._read_at >= FRESH_S:
                self._accounts = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
        return self._accounts

    def _read(self) -> Sequence[Account]:
        with self._base.engine.connect() as db:
            return read_accounts(db, self._base.vault)
