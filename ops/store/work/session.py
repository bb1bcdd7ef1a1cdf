"""What every subject of a unit of work stands on: its connection, its clock, claims and versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, text, update

from domain.due import Lease
from domain.errors import LeaseLost
from domain.events import Told
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from ops.store.rows import Row
from ops.store.story import tell
from ops.vault import Vault

#: Take a due row: one statement, so that of many workers exactly one gets it. A lease whose owner's
#: session is gone counts as ended, so a killed worker's work resumes at once.
CLAIM = """
UPDATE {table}
   SET lease_token = lease_token + 1, starts = starts + 1, wakes = 0, lease_owner = :owner,
       lease_until = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE id = :id AND next_run_at <= clock_timestamp() AND lease_is_free(lease_until, lease_owner)
RETURNING *, clock_timestamp() AS db_now
"""
_CLAIM = {
    table: text(CLAIM.format(table=table))
    for table in (
        "payments",
        "payment_attempts",
        "webhook_events",
        "refunds",
        "payouts",
        "payment_methods",
    )
}
_LOCK = {
    table: text(f"SELECT *, clock_timestamp() AS db_now FROM {table} WHERE id = :id FOR UPDATE")
    for table in ("payments", "payouts")
}


class StaleWrite(Exception):
    """A row changed although we held its lock: a bug, never a race."""


class Session:
    """One open transaction."""

    def __init__(
        self, connection: Connection, vault: Vault, new_id: Callable[[], UUID], key_ttl: timedelta
    ) -> None:
        """`key_ttl`: how long an idempotency key gives its answer."""
        self._db = connection
        self._vault = vault
        self._new_id = new_id
        self._key_ttl = key_ttl
        self._now: datetime | None = None
        self.told: list[Told] = []

    @property
    def now(self) -> datetime:
        """The database's clock as of the first statement that needed it."""
        if self._now is None:
            self._now = self._db.execute(text("SELECT clock_timestamp()")).scalar_one()
        return self._now

    def tell(self, *told: Told) -> None:
        """Append audit entries and events."""
        tell(self._db, told)
        self.told += told

    def _claim(self, table: str, id_: UUID, owner: int, lease_s: float) -> Any:
        asked = {"id": id_, "owner": owner, "lease_s": lease_s}
        row = self._db.execute(_CLAIM[table], asked).mappings().one_or_none()
        if row is not None:
            self._now = row["db_now"]
        return row

    def _lock(self, table: str, id_: UUID) -> Any:
        row = self._db.execute(_LOCK[table], {"id": id_}).mappings().one_or_none()
        if row is not None:
            self._now = row["db_now"]
        return row

    def _advance(
        self,
        table: Table,
        row: Payment | Refund | Payout,
        values: dict[str, Any],
        lease: Lease | None,
        *noted: Column[Any],
    ) -> Row:
        """Write the next version of a row; with a lease, only while it is ours, and end it.

        Returns the version and `noted`, columns that a trigger may have written.
        """
        where = (table.c.id == row.id) & (table.c.version == row.version)
        if lease is not None:
            where &= table.c.lease_token == lease.token
            values |= {"lease_until": None, "lease_owner": None}
        advance = update(table).where(where).values(values).returning(table.c.version, *noted)
        written = self._db.execute(advance).mappings().one_or_none()
        if written is None:
            raise (LeaseLost if lease else StaleWrite)(str(row.id))
        return written


def lease_of(row: Row) -> Lease:
    """Return the lease that a claim has just given us."""
    return Lease(row["lease_token"], row["lease_owner"])
