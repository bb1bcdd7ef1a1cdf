"""Reads of payouts for the door, each in its merchant's scope: another's id finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.payout import Payout, PayoutStatus
from ops.store.accept import Pool
from ops.store.fetching import all_of, one_of
from ops.store.order_rows import payout_of
from ops.store.wanted import Owner
from ops.vault import Vault

_OWNED: Final = "merchant_id = %(merchant)s AND mode = %(mode)s"
_PAYOUT = f"SELECT * FROM payouts WHERE id = %(id)s AND {_OWNED}"
# Newest first by id (UUIDv7 is ordered in time), from the cursor on; payouts_by_merchant has that
# order, so a page reads a page of rows, or as many as its wishes pass over.
_PAGE = f"SELECT * FROM payouts WHERE {_OWNED}{{wishes}} ORDER BY id DESC LIMIT %(limit)s"
_WISHES: Final = {
    "before": " AND id < %(before)s",
    "status": " AND status = %(status)s",
    "reference": " AND reference = %(reference)s",
}


@dataclass(frozen=True, slots=True)
class PayoutsWanted:
    """Which payouts; a wish that is None is none."""

    status: PayoutStatus | None = None
    reference: str | None = None


class PayoutReads:
    """What the door reads of money on its way out."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def payout(self, owner: Owner, id_: UUID) -> Payout | None:
        """Return the merchant's payout; None for anybody else's."""
        row = await one_of(self._pool, _PAYOUT, _owned(owner) | {"id": id_})
        return None if row is None else payout_of(row, self._vault)

    async def payouts(
        self, owner: Owner, wanted: PayoutsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payout]:
        """Return at most `limit` payouts older than `before`, newest first."""
        asked = _owned(owner) | {"limit": limit, "before": before, "reference": wanted.reference}
        asked["status"] = wanted.status and wanted.status.value
        wishes = "".join(text for name, text in _WISHES.items() if asked[name] is not None)
        found = await all_of(self._pool, _PAGE.format(wishes=wishes), asked)
        return [payout_of(row, self._vault) for row in found]


def _owned(owner: Owner) -> dict[str, Any]:
    return {"merchant": owner.merchant_id, "mode": owner.mode.value}
