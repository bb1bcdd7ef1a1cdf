"""What every subject of a unit of work in memory stands on: its books, its clock, its claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.books import Claim, Row
from domain.due import Due, Lease
from domain.errors import LeaseLost
from domain.events import Told
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from ops.store.memory.books import Books, Job, Kept, Table, announced
from ops.store.work.session import StaleWrite


class MemorySession:
    """One open transaction."""

    def __init__(
        self, books: Books, clock: Callable[[], datetime], lives: Callable[[int], bool]
    ) -> None:
        self.books = books
        self._clock = clock
        self._lives = lives
        self._now: datetime | None = None
        self.told: list[Told] = []
        #: Payments whose refunds, or whose sums of them, were written: they must add up at the end.
        self.summed: set[UUID] = set()

    @property
    def now(self) -> datetime:
        """The clock as of the first use, or of the last claim or lock."""
        return self._now or self.tick()

    def tick(self) -> datetime:
        """Read the clock anew."""
        self._now = self._clock()
        return self._now

    def tell(self, *told: Told) -> None:
        """Append audit entries and events."""
        self.told += told

    def is_free(self, job: Job, due: Due, now: datetime) -> bool:
        """Whether a row is due and nobody living holds it."""
        if due.next_run_at is None or due.next_run_at > now:
            return False
        if job.lease_until is None or job.lease_until <= now:
            return True
        return job.lease_owner is None or not self._lives(job.lease_owner)

    def _claim(
        self, table: Table[UUID, Kept[Row]], id_: UUID, owner: int, lease_s: float
    ) -> Claim[Row] | None:
        kept = table.get(id_)
        now = self.tick()
        if kept is None or not self.is_free(kept.job, kept.row.due, now):
            return None
        due = replace(kept.row.due, starts=kept.row.due.starts + 1)
        row = replace(kept.row, due=due)
        until = now + timedelta(seconds=lease_s)
        token = kept.job.lease_token + 1
        job = replace(kept.job, wakes=0, lease_owner=owner, lease_until=until, lease_token=token)
        table.put(id_, Kept(row, job))
        return Claim(row, Lease(token, owner), due.starts)

    def _held(
        self,
        kept: Kept[Payment] | Kept[Refund] | Kept[Payout] | None,
        row: Payment | Refund | Payout,
        lease: Lease | None,
    ) -> Job:
        """Return the job of a row that may be written one version on; else refuse."""
        ours = kept is not None and (lease is None or kept.job.lease_token == lease.token)
        if kept is None or not ours or kept.row.version != row.version:
            raise (LeaseLost if lease else StaleWrite)(str(row.id))
        return kept.job


def rescheduled(job: Job, due: Due, now: datetime, *, ends_lease: bool) -> Job:
    """Return the job of a row that was written with this `due`."""
    job = replace(job, wake_at=announced(due, now), wakes=0)
    return replace(job, lease_until=None, lease_owner=None) if ends_lease else job
