"""Webhooks in a transaction in memory."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.books import Claim
from domain.webhook import UNVERIFIED, Notice
from ops.store.memory.books import Kept
from ops.store.memory.laws import check_parked, require
from ops.store.memory.locks import LOCKED
from ops.store.memory.session import MemorySession, rescheduled


class MemoryNoticeWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""
        return self._claim(self.books.notices, id_, owner, lease_s)

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; a copy that came after the last re-read began re-arms it."""
        now, seen = self.now, self.books.notices.get(notice.id)
        if seen is None:
            return  # an UPDATE that finds no row
        # No trigger looks at these rows first, so nobody is waited for before they are refused.
        require(notice.status != UNVERIFIED or bool(seen.row.headers), "webhook_events_headers")
        check_parked(notice.due, "webhook_events_parked")
        found = self._found(self.books.notices, notice.id, lambda kept, at: True)
        if found is None:
            return  # it was deleted meanwhile
        kept, at = found
        due, came = notice.due, kept.row.last_copy_at
        finished = due.next_run_at is None and due.parked is None
        if finished and notice.read_began_at is not None and came > notice.read_began_at:
            due = replace(due, next_run_at=at)
            job = replace(rescheduled(kept.job, due, now, ends_lease=True), wake_at=at)
        else:
            job = rescheduled(kept.job, due, now, ends_lease=True)
        saved = replace(notice, due=due, last_copy_at=came)
        self.books.notices.update(notice.id, kept, Kept(saved, job))

    def discard_notice(self, id_: UUID) -> None:
        """Delete a webhook whose sender is not who it says."""
        notices = self.books.notices
        found = self._found(notices, id_, lambda k, at: k.row.status == UNVERIFIED, LOCKED)
        if found is not None:
            notices.delete(id_, found[0])
