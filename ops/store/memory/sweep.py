"""The sweep in memory: rows that are due and that nobody works on, and whom to wake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.books import Row
from domain.commands import Command
from ops.store.memory.books import ANNOUNCED, Kept
from ops.store.memory.store import MemoryStore, MemoryWork
from ops.store.memory.tables import Table
from ops.store.sweep import BATCH, Wake

#: Announcements of one row become rarer up to this.
RAREST = timedelta(seconds=60)
#: Past this exponent the pause has met its bound long before.
MAX_EXPONENT = 10


def sweep(store: MemoryStore, batch: int = BATCH) -> list[Wake]:
    """Mark at most `batch` overdue rows of each table as announced, and return them."""
    with store.begin() as work:
        books = work.books
        return [
            *_announced(work, books.payments, batch, lambda payment: payment.next_command),
            *_announced(work, books.attempts, batch, lambda _: Command.RESOLVE),
            *_announced(work, books.notices, batch, lambda _: Command.NOTICE),
            *_announced(work, books.refunds, batch, lambda _: Command.REFUND),
            *_announced(work, books.payouts, batch, lambda _: Command.PAYOUT),
            *_announced(work, books.detachments, batch, lambda _: Command.DETACH),
        ]


def _announced(
    work: MemoryWork,
    table: Table[UUID, Kept[Row]],
    batch: int,
    command: Callable[[Row], Command],
) -> list[Wake]:
    now = work.now
    due = [
        (kept.job.wake_at, kept)
        for kept in table
        if kept.job.wake_at is not None
        and kept.job.wake_at <= now
        and work.is_free(kept.job, kept.row.due, now)
        and not table.is_held(kept.row.id)
    ]
    due.sort(key=lambda pair: pair[0])
    wakes = []
    for _, kept in due[:batch]:
        job = kept.job
        pause = min(ANNOUNCED * 2 ** min(job.wakes, MAX_EXPONENT), RAREST)
        swept = replace(job, wakes=job.wakes + 1, wake_at=now + pause)
        table.lock(kept.row.id)
        table.update(kept.row.id, kept, Kept(kept.row, swept))
        wakes.append(Wake(command(kept.row), kept.row.id, kept.row.request_id))
    return wakes
