"""Seats: sessions that are driven call by call, each on a thread of its own, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, TypeAlias

import psycopg
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import DBAPIError

from domain.books import Store
from domain.errors import DomainError
from ops.store.accept import Answer, Ask
from ops.store.inbox import Came, Stored
from ops.store.memory.laws import LawBroken
from ops.store.memory.locks import Deadlock
from ops.store.sweep import Wake
from ops.store.work.session import StaleWrite

SEATS = 3
#: No call of a test takes so long, however busy the machine is.
LIMIT_S = 60.0


class Door(Protocol):
    """What of the door both kinds of books have; each call is a transaction of its own."""

    def accept(self, asks: Sequence[Ask]) -> list[Answer]:
        """Accept a batch of checkouts."""

    def inbox(self, came: Sequence[Came]) -> list[Stored | Exception]:
        """Store a batch of webhooks."""

    def sweep(self) -> list[Wake]:
        """Announce what is due."""


class RolledBack(Exception):
    """The seat gives its transaction up."""


@dataclass(slots=True)
class Session:
    """What a call may use: the store, its open transaction, the door."""

    store: Store
    door: Door
    opened: AbstractContextManager[Any] | None = None
    work: Any = None

    def begin(self) -> None:
        """Open a transaction that stays open over many calls."""
        self.opened = self.store.begin()
        self.work = self.opened.__enter__()

    def end(self, error: BaseException | None) -> None:
        """Commit, or roll back because of `error`."""
        opened, self.opened = self.opened, None
        if opened is not None:
            opened.__exit__(type(error) if error else None, error, None)


Call: TypeAlias = Callable[[Session], object]


def roll_back(session: Session) -> None:
    """The call that gives a transaction up."""
    raise RolledBack


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: "done" and its value, or the name of the refusal."""

    how: str
    value: object = None


class Seat:
    """A thread that makes one call after another, and puts what came of each into `news`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.news: SimpleQueue[Outcome | Callable[[], bool]] = SimpleQueue()
        self._asked: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def thread(self) -> int | None:
        """Which thread it is."""
        return self._thread.ident

    def ask(self, call: Call) -> None:
        """Have it make this call."""
        self._asked.put(call)

    def close(self) -> None:
        """Let the thread end."""
        self._asked.put(None)
        self._thread.join(LIMIT_S)

    def _run(self) -> None:
        while (call := self._asked.get()) is not None:
            self.news.put(self._outcome(call))

    def _outcome(self, call: Call) -> Outcome:
        """Make a call; one that is refused ends the transaction, as it does in the product."""
        try:
            return Outcome("done", call(self.session))
        except Exception as error:  # noqa: BLE001 - whatever comes is compared
            return Outcome(name_of(self._ended(error)))

    def _ended(self, error: Exception) -> Exception:
        """Roll back because of an error, and return what the store makes of it."""
        try:
            self.session.end(error)
        except Exception as other:  # noqa: BLE001 - as above
            return other
        return error


#: Constraints that have one name in PostgreSQL and are one sentence of the laws in memory.
NAMELESS = "a trigger"
#: `id, merchant_id, mode` names a payment as its `id` does: PostgreSQL may meet either first.
SAME: Mapping[str, str] = {
    "payments_owned": "payments_pkey",
    "payouts_owned": "payouts_pkey",
    "refunds_of_payment": "refunds_pkey",
}


def name_of(error: BaseException) -> str:
    """Return what both kinds of books call a refusal; a surprise is shown as it is."""
    if isinstance(error, LawBroken):
        said = str(error)
        return NAMELESS if ":" in said else SAME.get(said, said)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, Deadlock) or isinstance(cause, DeadlockDetected):
        return "deadlock"
    if isinstance(cause, psycopg.IntegrityError):
        found = cause.diag.constraint_name or NAMELESS
        return SAME.get(found, found)
    if isinstance(error, DomainError | StaleWrite | RolledBack):
        return type(error).__name__
    return repr(error)


def shown(answers: Sequence[object]) -> list[object]:
    """Return answers of the door with refusals by their name."""
    return [name_of(one) if isinstance(one, Exception) else one for one in answers]
