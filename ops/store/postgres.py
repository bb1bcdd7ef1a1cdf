"""The books on PostgreSQL: one unit of work is one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from domain.books import Interrupted
from domain.events import Told
from domain.routing import GatewayRow
from ops.store.engine import is_cut_off, is_undone
from ops.store.gateways import read_gateways
from ops.store.transaction import Transaction
from ops.store.work.attempts import AttemptWork
from ops.store.work.cases import CaseWork
from ops.store.work.detachments import DetachmentWork
from ops.store.work.keys import KeyWork
from ops.store.work.notices import NoticeWork
from ops.store.work.orders import OrderWork
from ops.store.work.payments import PaymentWork
from ops.store.work.session import StaleWrite
from ops.vault import Vault

#: How long an idempotency key gives its answer, where nobody says otherwise.
KEY_TTL = timedelta(days=30)


class Cut(OperationalError, Interrupted):
    """A transaction that the database undid, or of which nobody knows whether it committed."""


class PostgresStore:
    """Opens units of work on an engine."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        new_id: Callable[[], UUID],
        committed: Callable[[Sequence[Told]], None] = lambda told: None,
        key_ttl: timedelta = KEY_TTL,
        fresh_s: float = 0.0,
        *,
        together: bool = True,
    ) -> None:
        """`committed` hears what was told, once it is true: waiting readers, metrics, logs.

        `fresh_s`: how long the gateways stay as they were read, for all transactions together. Not
        `together`: each statement is run when a flow makes it, and not where several fit in one.
        """
        self._engine = engine
        self._vault = vault
        self._new_id = new_id
        self._committed = committed
        self._key_ttl = key_ttl
        self._known = Known(fresh_s)
        self._together = together

    @contextmanager
    def begin(self) -> Iterator[PostgresWork]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        try:
            with Transaction(self._engine) as transaction:
                work = PostgresWork(
                    transaction, self._vault, self._new_id, self._key_ttl, together=self._together
                )
                work.known = self._known
                yield work
                if work.unanswered:
                    raise StaleWrite(f"won and not answered: {len(work.unanswered)} keys")
                work.finish()
        except DBAPIError as error:
            if not (is_undone(error.orig) or is_cut_off(error.orig)):
                raise
            raise Cut(error.statement, None, error.orig or error) from error
        if work.told:
            self._committed(work.told)


class Known:
    """The gateways as they were read last; safe for threads, of which two may read at once."""

    def __init__(self, fresh_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_s = fresh_s
        self._clock = clock
        self._read: tuple[float, Sequence[GatewayRow]] | None = None

    def gateways(self, connection: Callable[[], Connection]) -> Sequence[GatewayRow]:
        """Return them, read anew if that was too long ago."""
        began, read = self._clock(), self._read
        if read is None or began - read[0] >= self._fresh_s:
            read = self._read = (began, read_gateways(connection()))
        return read[1]


class PostgresWork(
    PaymentWork, AttemptWork, OrderWork, CaseWork, KeyWork, NoticeWork, DetachmentWork
):
    """One open transaction (see `domain.books.Work` for what each method promises)."""

    known = Known(0.0)

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""
        return self.known.gateways(lambda: self._db)
