"""Lookups: reads of payments that come together share one query, begun after all of them came."""

from __future__ import annotations

from uuid import UUID

from domain.payment import Mode, Payment
from ingress.batcher import Batcher
from ops.store import rows
from ops.store.accept import Pool
from ops.store.reads import Reads, Sought
from ops.vault import Vault

#: Payments that one query looks for.
MAX_TOGETHER = 64


class Lookups(Reads):
    """The door's reads, of which the most frequent one goes in batches."""

    def __init__(self, pool: Pool, vault: Vault, *, depth: int) -> None:
        """`depth` bounds what may wait."""
        super().__init__(pool, vault)
        self._together: Batcher[Sought, rows.Row | None] = Batcher(
            self.found, cap=MAX_TOGETHER, depth=depth
        )

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's. Raises `Overloaded`."""
        row = await self._together.submit((id_, merchant_id, mode.value))
        return None if row is None else rows.payment_of(row, self._vault)
