"""Review cases for the door: a merchant's questions, open or decided, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from domain.payment import Mode
from domain.review import Case, Decision
from ops.store.accept import Pool
from ops.store.fetching import all_of
from ops.store.work.cases import case_of

# A case is owned through its payment. Open ones are few (the partial unique index holds no others),
# and a page of decided ones is walked by id (UUIDv7 is ordered in time).
_LIST: Final = """
SELECT c.* FROM review_cases c JOIN payments p ON p.id = c.payment_id
 WHERE p.merchant_id = %(merchant)s AND p.mode = %(mode)s
   AND c.decision {which}
   AND (%(before)s::uuid IS NULL OR c.id < %(before)s)
 ORDER BY c.id DESC LIMIT %(limit)s
"""


class Cases:
    """Finds cases; every query is scoped by merchant and mode (law 15)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(
        self,
        merchant_id: UUID,
        mode: Mode,
        decision: Decision | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[Case]:
        """Return at most `limit` cases with this decision (None: open ones) older than `before`."""
        asked = {
            "merchant": merchant_id,
            "mode": mode.value,
            "decision": decision and decision.value,
            "before": before,
            "limit": limit,
        }
        query = _LIST.format(which="= %(decision)s" if decision else "IS NULL")
        return [case_of(row) for row in await all_of(self._pool, query, asked)]
