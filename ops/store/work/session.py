"""What every subject of a unit of work stands on: its connection, its clock, claims and versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from domain.due import Lease
from domain.errors import LeaseLost
from domain.events import Told
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from ops.store import tables
from ops.store.direct import Direct, Pending, Write, columns_of, numbered, sets
from ops.store.rows import Row
from ops.store.story import story_writes
from ops.store.transaction import Transaction
from ops.vault import Vault

#: Take a due row: one statement, so that of many workers exactly one gets it. A lease whose owner's
#: session is gone counts as ended, so a killed worker's work resumes at once.
CLAIM = """
UPDATE {table}
   SET lease_token = lease_token + 1, starts = starts + 1, wakes = 0, lease_owner = %s,
       lease_until = clock_timestamp() + make_interval(secs => %s)
 WHERE id = %s AND next_run_at <= clock_timestamp() AND lease_is_free(lease_until, lease_owner)
RETURNING {columns}, clock_timestamp() AS db_now
"""
_CLAIM = {
    table.name: numbered(CLAIM.format(table=table.name, columns=columns_of(table)))
    for table in (
        tables.payments,
        tables.payment_attempts,
        tables.webhook_events,
        tables.refunds,
        tables.payouts,
        tables.payment_methods,
    )
}
_LOCK = {
    table.name: (
        f"SELECT {columns_of(table)}, clock_timestamp() AS db_now"
        f" FROM {table.name} WHERE id = $1 FOR UPDATE"
    )
    for table in (tables.payments, tables.payouts)
}
_CLOCK = "SELECT clock_timestamp() AS db_now"


class StaleWrite(Exception):
    """A row changed although we held its lock: a bug, never a race."""


class Session:
    """One open transaction."""

    def __init__(
        self,
        transaction: Transaction,
        vault: Vault,
        new_id: Callable[[], UUID],
        key_ttl: timedelta,
        *,
        together: bool = True,
    ) -> None:
        """`key_ttl`: how long an idempotency key gives its answer; `together`: see `Pending`."""
        self._transaction = transaction
        self._direct = Direct(transaction)
        self._pending = Pending(self._direct, together=together)
        self._vault = vault
        self._new_id = new_id
        self._key_ttl = key_ttl
        self._now: datetime | None = None
        #: When each payment whose lock we hold came to its ends, as the database has it.
        self._held: dict[UUID, dict[str, Any]] = {}
        self.told: list[Told] = []

    @property
    def now(self) -> datetime:
        """The database's clock as of the first statement that needed it."""
        return self._now or self._seen(self._direct.row(_CLOCK))["db_now"]

    def tell(self, *told: Told) -> None:
        """Append audit entries and events; they are written when the transaction ends."""
        self.told += told

    def finish(self) -> None:
        """Write what is still to be written, and the story of it all."""
        if self.told:
            for write in story_writes(self.told):
                self._pending.add(write)
        self._pending.write()

    @property
    def _db(self) -> Connection:
        """The connection for every other statement: it sees all that was written before."""
        self._pending.write()
        return self._transaction.connection

    def _claim(self, table: str, id_: UUID, owner: int, lease_s: float) -> Any:
        self._pending.write()
        return self._seen(self._direct.row(_CLAIM[table], (owner, lease_s, id_)))

    def _lock(self, table: str, id_: UUID) -> Any:
        self._pending.write()
        return self._seen(self._direct.row(_LOCK[table], (id_,)))

    def _seen(self, row: Any) -> Any:
        if row is not None:
            self._now = row["db_now"]
        return row

    def _advance(
        self,
        table: str,
        row: Payment | Refund | Payout,
        values: dict[str, Any],
        lease: Lease | None,
        *noted: str,
    ) -> Any:
        """Write the next version of a row; with a lease, only while it is ours, and end it.

        Returns `noted`, columns that a trigger may have written.
        """
        self._pending.write()
        advance = advanced(table, row, values, lease, *noted)
        written = self._direct.row(numbered(advance.query), advance.values)
        if written is None:
            assert advance.missed is not None
            raise advance.missed()
        return written


def advanced(
    table: str,
    row: Payment | Refund | Payout,
    values: dict[str, Any],
    lease: Lease | None,
    *noted: str,
) -> Write:
    """Return the write of a row's next version; it gives a row with `noted` if it is made."""
    where, which = "id = %s AND version = %s", [row.id, row.version]
    if lease is not None:
        where += " AND lease_token = %s"
        which.append(lease.token)
        values = values | {"lease_until": None, "lease_owner": None}
    query = (
        f"UPDATE {table} SET {sets(tuple(values))} WHERE {where}"
        f" RETURNING {', '.join(('version', *noted))}"
    )
    lost, id_ = LeaseLost if lease else StaleWrite, str(row.id)
    return Write(table, query, (*values.values(), *which), lambda: lost(id_))


def lease_of(row: Row) -> Lease:
    """Return the lease that a claim has just given us."""
    return Lease(row["lease_token"], row["lease_owner"])
