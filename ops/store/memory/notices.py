"""Webhooks in a transaction in memory."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.books import Claim
from domain.webhook import UNVERIFIED, Notice
from ops.store.memory.books import Kept
from ops.store.memory.laws import check_parked
from ops.store.memory.session import MemorySession, rescheduled


class MemoryNoticeWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""
        return self._claim(self.books.notices, id_, owner, lease_s)

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; a copy that came after the last re-read began re-arms it."""
        kept = self.books.notices.get(notice.id)
        if kept is None:
            return  # an UPDATE that finds no row
        check_parked(notice.due, "webhook_events_parked")
        due, came = notice.due, kept.row.last_copy_at
        finished = due.next_run_at is None and due.parked is None
        if finished and notice.read_began_at is not None and came > notice.read_began_at:
            due = replace(due, next_run_at=self.now)
            job = replace(rescheduled(kept.job, due, self.now, ends_lease=True), wake_at=self.now)
        else:
            job = rescheduled(kept.job, due, self.now, ends_lease=True)
        saved = replace(notice, due=due, last_copy_at=came)
        self.books.notices.put(notice.id, Kept(saved, job))

    def discard_notice(self, id_: UUID) -> None:
        """Delete a webhook whose sender is not who it says."""
        kept = self.books.notices.get(id_)
        if kept is not None and kept.row.status == UNVERIFIED:
            self.books.notices.drop(id_)
            self.books.notice_ids.drop((kept.row.gateway_id, kept.row.dedupe_key))
