"""What every subject of a unit of work in memory stands on: its books, its clock, its claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from domain.books import Claim, Row
from domain.due import Due, Lease
from domain.errors import LeaseLost
from domain.events import Told
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from ops.store.memory.books import Books, Job, Kept, announced
from ops.store.memory.locks import LOCKED, WRITTEN
from ops.store.memory.pointers import check_pointers
from ops.store.memory.tables import Table
from ops.store.work.session import StaleWrite

Value = TypeVar("Value")
Versioned = TypeVar("Versioned", Payment, Refund, Payout)


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
        return job.lease_owner is not None and not self._lives(job.lease_owner)

    def _found(
        self,
        table: Table[UUID, Value],
        id_: UUID,
        fits: Callable[[Value, datetime], bool],
        mode: int = WRITTEN,
    ) -> tuple[Value, datetime] | None:
        """Find and hold the row that an UPDATE changes, as READ COMMITTED does.

        A row that does not fit as it is committed is not waited for; one that somebody changed while
        we waited is looked at again. With it comes the time at which it was seen to fit.
        """
        row, at = table.get(id_), self._clock()
        while row is not None and fits(row, at):
            table.lock(id_, mode)
            held = table.get(id_)
            if held is row:
                return row, at
            row, at = held, self._clock()
        return None

    def _write(self, table: Table[UUID, Value], id_: UUID, before: Value, after: Value) -> None:
        """Replace a row that was found and is held."""
        again = table.is_own(id_)
        table.update(id_, before, after)
        if again:
            check_pointers(self.books, after.row if isinstance(after, Kept) else after)

    def _locked(self, table: Table[UUID, Kept[Row]], id_: UUID) -> Row | None:
        """Read a row and hold it until the transaction ends."""
        found = self._found(table, id_, lambda kept, at: True, LOCKED)
        if found is None:
            return None
        kept, self._now = found
        return kept.row

    def _claim(
        self, table: Table[UUID, Kept[Row]], id_: UUID, owner: int, lease_s: float
    ) -> Claim[Row] | None:
        found = self._found(table, id_, lambda k, at: self.is_free(k.job, k.row.due, at))
        if found is None:
            return None
        kept, at = found
        due = replace(kept.row.due, starts=kept.row.due.starts + 1)
        row = replace(kept.row, due=due)
        until = at + timedelta(seconds=lease_s)
        token = kept.job.lease_token + 1
        job = replace(kept.job, wakes=0, lease_owner=owner, lease_until=until, lease_token=token)
        self._write(table, id_, kept, Kept(row, job))
        self.tick()
        return Claim(row, Lease(token, owner), due.starts)

    def _held(
        self, table: Table[UUID, Kept[Versioned]], row: Versioned, lease: Lease | None
    ) -> Kept[Versioned]:
        """Return a row, held, that may be written one version on; else refuse."""

        def fits(kept: Kept[Versioned], at: datetime) -> bool:
            ours = lease is None or kept.job.lease_token == lease.token
            return ours and kept.row.version == row.version

        found = self._found(table, row.id, fits)
        if found is None:
            raise (LeaseLost if lease else StaleWrite)(str(row.id))
        return found[0]


def rescheduled(job: Job, due: Due, now: datetime, *, ends_lease: bool) -> Job:
    """Return the job of a row that was written with this `due`."""
    job = replace(job, wake_at=announced(due, now), wakes=0)
    return replace(job, lease_until=None, lease_owner=None) if ends_lease else job
