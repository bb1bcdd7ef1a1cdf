"""The side of PostgreSQL: seats with connections of their own, and a watcher who sees who waits."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from queue import Empty
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from sqlalchemy import Engine, create_engine

from ops.store.accept import Acceptance, Answer, Ask, Pool
from ops.store.engine import driver_url
from ops.store.inbox import Came, Inbox, Stored
from ops.store.postgres import PostgresStore
from ops.store.sweep import Wake, sweep
from ops.vault import Vault
from tests.model.differential.opening import TERMS
from tests.model.differential.seats import LIMIT_S, SEATS, Call, Outcome, Seat, Session, roll_back

#: How long news of a call is waited for before the watcher is asked whether it waits for a lock.
MOMENT_S = 0.002

#: Who waits for a lock, for so long that the server has looked for a deadlock meanwhile, and for whom.
_WAITING = """
SELECT pid, pg_catalog.clock_timestamp() - waitstart > interval '5 ms', pg_blocking_pids(pid)
  FROM pg_locks WHERE NOT granted
"""


class Theirs:
    """PostgreSQL with `SEATS` sessions, all by the clock that the watcher sets."""

    def __init__(self, url: str, vault: Vault, new_id: Callable[[], UUID]) -> None:
        self.vault = vault
        self._watcher = psycopg.connect(url, autocommit=True)
        self._engines = [
            create_engine(driver_url(url), pool_size=1, max_overflow=0) for _ in range(SEATS)
        ]
        self._doors = [_Door(url, vault, engine) for engine in self._engines]
        self.seats = [
            Seat(Session(PostgresStore(engine, vault, new_id, together=False), door))
            for engine, door in zip(self._engines, self._doors, strict=True)
        ]
        pairs = zip(self._engines, self._doors, strict=True)
        pids = [{_pid(engine), door.pid} for engine, door in pairs]
        self._seat_of = {pid: seat for seat, pair in enumerate(pids) for pid in pair}
        self._waiting: set[int] = set()

    def call(self, seat: int, call: Call) -> dict[int, Outcome]:
        """Make a call; return what came of it, and of the calls that it let go on.

        A seat that is not among them waits for a lock.
        """
        self.seats[seat].ask(call)
        self._waiting.add(seat)
        found: dict[int, Outcome] = {}
        until = time.monotonic() + LIMIT_S
        while self._waiting:
            if not self._heard(found, seat) and self._all_wait():
                return found
            assert time.monotonic() < until, f"seats {self._waiting} neither answer nor wait"
        return found

    def set_clock(self, micros: int) -> None:
        """Set the clock of every session, microseconds since 1970."""
        self._watcher.execute("SELECT setval('harness.clock', %s)", (micros,))

    def give_birth(self, owners: Sequence[int]) -> None:
        """These processes live, and no others: each holds the lock of its number."""
        self._watcher.execute("SELECT pg_advisory_unlock_all()")
        for owner in owners:
            self._watcher.execute("SELECT pg_advisory_lock(%s)", (owner,))

    def dies(self, owner: int) -> None:
        """A process is gone."""
        self._watcher.execute("SELECT pg_advisory_unlock(%s)", (owner,))

    def abandon(self) -> None:
        """Roll back whatever is open, so that the next history finds nothing in its way."""
        while open_ := [
            number
            for number, seat in enumerate(self.seats)
            if number not in self._waiting and seat.session.opened is not None
        ]:
            self.call(open_[0], roll_back)

    def close(self) -> None:
        """Let the threads end and hang up."""
        for seat in self.seats:
            seat.close()
        for door in self._doors:
            door.close()
        for engine in self._engines:
            engine.dispose()
        self._watcher.close()

    def _heard(self, found: dict[int, Outcome], called: int) -> bool:
        """Take the news that there are, waiting a moment for that of the seat that was called."""
        before = len(found)
        for seat in sorted(self._waiting, key=lambda one: one != called):
            try:
                news = self.seats[seat].news.get(timeout=MOMENT_S if seat == called else 0)
            except Empty:
                continue
            assert isinstance(news, Outcome)
            self._waiting.discard(seat)
            found[seat] = news
        return len(found) > before

    def _all_wait(self) -> bool:
        """Whether nothing will happen before somebody does something else."""
        rows = self._watcher.execute(_WAITING).fetchall()
        waits = {self._seat_of[pid]: who for pid, long, who in rows if long}
        if not self._waiting <= waits.keys():
            return False
        blockers = {
            seat: {self._seat_of[pid] for pid in who if pid in self._seat_of}
            for seat, who in waits.items()
        }
        return not any(_reaches(blockers, seat, seat) for seat in blockers)


class _Door:
    """The door of one seat: a loop and a connection of its own."""

    def __init__(self, url: str, vault: Vault, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.new_event_loop()
        self._db = self._loop.run_until_complete(AsyncConnection.connect(url))
        self.pid = self._db.info.backend_pid
        pool = cast("Pool", self)
        # The database's clock is moved by hand here: what it told a moment ago is out of date.
        self._acceptance = Acceptance(pool, vault, TERMS, itertools.count(step=10).__next__)
        self._inbox = Inbox(pool, vault)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend the connection as a pool does: committed after the block, rolled back if it raises."""
        try:
            yield self._db
        except BaseException:
            await self._db.rollback()
            raise
        await self._db.commit()

    def accept(self, asks: Sequence[Ask]) -> list[Answer]:
        return self._loop.run_until_complete(self._acceptance(asks))

    def inbox(self, came: Sequence[Came]) -> list[Stored | Exception]:
        return self._loop.run_until_complete(self._inbox(came))

    def sweep(self) -> list[Wake]:
        return sweep(self._engine)

    def close(self) -> None:
        self._loop.run_until_complete(self._db.close())
        self._loop.close()


def _pid(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def _reaches(blockers: dict[int, set[int]], start: int, end: int) -> bool:
    seen, look = set[int](), [start]
    while look:
        for other in blockers.get(look.pop(), ()):
            if other == end:
                return True
            if other not in seen:
                seen.add(other)
                look.append(other)
    return False
