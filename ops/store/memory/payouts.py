"""Payouts in memory, as the door reads them: scoped by merchant and mode."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.payout import Payout
from ops.store.memory.store import MemoryStore
from ops.store.reads_payouts import PayoutsWanted
from ops.store.wanted import Owner


class MemoryPayoutReads:
    """What the door reads of money on its way out."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def payout(self, owner: Owner, id_: UUID) -> Payout | None:
        """Return the merchant's payout; None for anybody else's."""
        return next((one for one in self._owned(owner) if one.id == id_), None)

    async def payouts(
        self, owner: Owner, wanted: PayoutsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payout]:
        """Return at most `limit` payouts older than `before`, newest first."""
        found = [
            one
            for one in self._owned(owner)
            if (before is None or one.id < before)
            and wanted.status in (None, one.status)
            and wanted.reference in (None, one.reference)
        ]
        return sorted(found, key=lambda one: one.id, reverse=True)[:limit]

    def _owned(self, owner: Owner) -> list[Payout]:
        with self._store.begin() as work:
            rows = [kept.row for kept in work.books.payouts]
        return [r for r in rows if r.merchant_id == owner.merchant_id and r.mode is owner.mode]
