"""The unit of work in memory: what it writes is private until it ends, an exception undoes it.

Transactions behave as PostgreSQL's at READ COMMITTED, statement by statement. What is not here:
time that passes while a statement waits unless `waits` says so, savepoints, and rows of which these
books have no table (merchants, customers, gateways being changed).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from domain.events import Told
from domain.routing import GatewayRow
from ops.store.memory.attempts import MemoryAttemptWork
from ops.store.memory.books import Books, Committed
from ops.store.memory.cases import MemoryCaseWork
from ops.store.memory.locks import Waits, never_waits
from ops.store.memory.notices import MemoryNoticeWork
from ops.store.memory.orders import MemoryOrderWork
from ops.store.work.session import StaleWrite


class MemoryStore:
    """Opens units of work on books of its own.

    Without `waits` it is safe for threads: one transaction at a time. With it transactions
    interleave, and whoever gives it sees to it that only one of them runs at any moment.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        gateways: Sequence[GatewayRow] = (),
        *,
        lives: Callable[[int], bool] = lambda owner: True,
        committed: Callable[[Sequence[Told]], None] = lambda told: None,
        waits: Waits | None = None,
        whose: Callable[[], Hashable] = threading.get_ident,
    ) -> None:
        """`clock` is the database's, aware; `lives` tells whether a lease's owner still does;
        `waits`: see `ops.store.memory.locks.Waits`; `whose` names who runs at this moment."""
        self._truth = Committed(gateways, waits or never_waits)
        #: As they are committed.
        self.books = Books(self._truth)
        self.clock = clock
        self._lives = lives
        self._committed = committed
        self._turn: AbstractContextManager[object] = nullcontext() if waits else threading.Lock()
        self._whose = whose
        self._open: set[Hashable] = set()
        #: Views that no transaction uses at the moment.
        self._idle: list[Books] = []

    @property
    def in_transaction(self) -> bool:
        """Whether whoever runs has a transaction open: no provider may be called then."""
        return self._whose() in self._open

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """Open a transaction: kept when the block ends, undone when it raises."""
        who = self._whose()
        if who in self._open:
            raise RuntimeError("a transaction inside a transaction would wait for itself")
        with self._turn:
            self._open.add(who)
            books = self._idle.pop() if self._idle else Books(self._truth)
            work = MemoryWork(books, self.clock, self._lives)
            try:
                yield work
                work.settle()
                books.end(work.told)
            except BaseException:
                books.end(None)
                raise
            finally:
                self._open.discard(who)
                self._idle.append(books)
        if work.told:
            self._committed(work.told)


class MemoryWork(MemoryAttemptWork, MemoryOrderWork, MemoryCaseWork, MemoryNoticeWork):
    """One open transaction (see `domain.books.Work` for what each method promises)."""

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""
        return sorted(self.books.gateways.values(), key=lambda gateway: gateway.id)

    def settle(self) -> None:
        """Refuse what may not be committed: keys without an answer, sums that do not add up."""
        if self.unanswered:
            raise StaleWrite(f"won and not answered: {len(self.unanswered)} keys")
        self.settle_sums()
