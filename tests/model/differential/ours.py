"""The side in memory: seats that wait in the store's own hook until they are told to look again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from domain.routing import GatewayRow
from ops.store.accept import Answer, Ask
from ops.store.inbox import Came, Stored
from ops.store.memory.door import MemoryAcceptance, MemoryInbox
from ops.store.memory.store import MemoryStore
from ops.store.memory.sweep import sweep
from ops.store.sweep import Wake
from tests.model.differential.opening import EPOCH, GATEWAYS, TERMS
from tests.model.differential.seats import LIMIT_S, SEATS, Call, Outcome, RolledBack, Seat, Session

Value = TypeVar("Value")


class Ours:
    """Books in memory with `SEATS` sessions."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.living: set[int] = set()
        rows = [GatewayRow(id_, "sandbox", mode, ()) for id_, mode in GATEWAYS]
        self.store = MemoryStore(self._now, rows, lives=self.living.__contains__, waits=self._wait)
        self.seats = [Seat(Session(self.store, _Door(self.store))) for _ in range(SEATS)]
        self._go = {seat.thread: threading.Semaphore(0) for seat in self.seats}
        self._is_over = False
        #: Seats that wait, and what tells that they need not.
        self._waiting: dict[int, Callable[[], bool]] = {}

    def call(self, seat: int, call: Call) -> Outcome | None:
        """Make a call; None: it waits."""
        self.seats[seat].ask(call)
        return self._heard(seat)

    def settle(self, first: Collection[int] = ()) -> dict[int, Outcome]:
        """Let those go on that need not wait any more, in the order in which they came, but `first`
        those; return what came of it."""
        found: dict[int, Outcome] = {}
        while ready := [seat for seat, is_ready in self._waiting.items() if is_ready()]:
            seat = next((one for one in ready if one in first), ready[0])
            del self._waiting[seat]
            self._go[self.seats[seat].thread].release()
            outcome = self._heard(seat)
            if outcome is not None:
                found[seat] = outcome
        return found

    def close(self) -> None:
        """Let the threads end, also those that still wait."""
        self._is_over = True
        for number in self._waiting:
            self._go[self.seats[number].thread].release()
        for seat in self.seats:
            seat.close()

    def _heard(self, seat: int) -> Outcome | None:
        news = self.seats[seat].news.get(timeout=LIMIT_S)
        if isinstance(news, Outcome):
            return news
        self._waiting[seat] = news
        return None

    def _wait(self, ready: Callable[[], bool]) -> None:
        """Stand still in a seat's thread until the driver lets it go on."""
        ident = threading.get_ident()
        seat = next(seat for seat in self.seats if seat.thread == ident)
        seat.news.put(ready)
        assert self._go[ident].acquire(timeout=LIMIT_S)
        if self._is_over:
            raise RolledBack

    def _now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.passed_s)


class _Door:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._acceptance = MemoryAcceptance(store, TERMS)
        self._inbox = MemoryInbox(store)

    def accept(self, asks: Sequence[Ask]) -> list[Answer]:
        return _at_once(self._acceptance(asks))

    def inbox(self, came: Sequence[Came]) -> list[Stored | Exception]:
        return _at_once(self._inbox(came))

    def sweep(self) -> list[Wake]:
        return sweep(self._store)


def _at_once(answer: Coroutine[Any, Any, Value]) -> Value:
    """Run what is a coroutine only because PostgreSQL's twin has to be one."""
    try:
        answer.send(None)
    except StopIteration as done:
        return cast("Value", done.value)
    raise AssertionError("books in memory do not await anything")
