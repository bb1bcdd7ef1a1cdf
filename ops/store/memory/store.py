"""The unit of work in memory: one lock per transaction, an exception undoes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from domain.events import Told
from domain.routing import GatewayRow
from ops.store.memory.attempts import MemoryAttemptWork
from ops.store.memory.books import Books
from ops.store.memory.cases import MemoryCaseWork
from ops.store.memory.notices import MemoryNoticeWork
from ops.store.memory.orders import MemoryOrderWork
from ops.store.work.session import StaleWrite


class MemoryStore:
    """Opens units of work on books of its own. Safe for threads: one transaction at a time."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        gateways: Sequence[GatewayRow] = (),
        *,
        lives: Callable[[int], bool] = lambda owner: True,
        committed: Callable[[Sequence[Told]], None] = lambda told: None,
    ) -> None:
        """`clock` is the database's, aware; `lives` tells whether a lease's owner still does."""
        self.books = Books(gateways)
        self.clock = clock
        self._lives = lives
        self._committed = committed
        self._lock = threading.Lock()
        self._holder: int | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open: no provider may be called then."""
        return self._holder == threading.get_ident()

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """Open a transaction: kept when the block ends, undone when it raises."""
        if self.in_transaction:
            raise RuntimeError("a transaction inside a transaction would wait for itself")
        with self._lock:
            self._holder = threading.get_ident()
            work = MemoryWork(self.books, self.clock, self._lives)
            try:
                yield work
                work.settle()
                self.books.keep(work.told)
            except BaseException:
                self.books.roll_back()
                raise
            finally:
                self._holder = None
        if work.told:
            self._committed(work.told)


class MemoryWork(MemoryAttemptWork, MemoryOrderWork, MemoryCaseWork, MemoryNoticeWork):
    """One open transaction (see `domain.books.Work` for what each method promises)."""

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""
        return sorted(self.books.gateways.values(), key=lambda gateway: gateway.id)

    def settle(self) -> None:
        """Refuse what may not be committed: sums that do not add up, keys without an answer."""
        self.settle_sums()
        if self.unanswered:
            raise StaleWrite(f"won and not answered: {len(self.unanswered)} keys")
