"""Reads for the door: every query is scoped by merchant and mode; another's id finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from domain.attempt import Attempt
from domain.payment import Mode, Payment
from ops.store import rows
from ops.store.accept import Pool
from ops.vault import Vault

_PAYMENT = "SELECT * FROM payments WHERE id = %s AND merchant_id = %s AND mode = %s"
_VERSION = "SELECT version FROM payments WHERE id = %s AND merchant_id = %s AND mode = %s"
_ATTEMPTS = """
SELECT a.* FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
 WHERE p.id = %s AND p.merchant_id = %s AND p.mode = %s ORDER BY a.number
"""
# Newest first by id (UUIDv7 is ordered in time), from the cursor on; the index serves it.
_LIST = """
SELECT * FROM payments
 WHERE merchant_id = %(merchant)s AND mode = %(mode)s
   AND (%(before)s::uuid IS NULL OR id < %(before)s)
   AND (%(status)s::text IS NULL OR status = %(status)s)
   AND (%(order_id)s::text IS NULL OR order_id = %(order_id)s)
 ORDER BY id DESC LIMIT %(limit)s
"""
_KEY = """
SELECT k.id, k.merchant_id, k.mode, k.secret_mac, k.scopes, k.expires_at, k.revoked_at,
       m.is_active, m.rate_limit_per_minute, m.ip_allowlist
  FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.id = %s
"""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key and what its merchant may do."""

    key_id: str
    merchant_id: UUID
    mode: Mode
    secret_mac: bytes = field(repr=False)
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    merchant_active: bool
    rate_limit_per_minute: int
    ip_allowlist: tuple[str, ...]


class Reads:
    """What the door reads, on the primary: money decisions never come from a lagging copy."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's."""
        row = await self._one(_PAYMENT, (id_, merchant_id, mode.value))
        return row and rows.payment_of(row, self._vault)

    async def version(self, id_: UUID, merchant_id: UUID, mode: Mode) -> int | None:
        """Return the payment's version: enough to know whether anything changed."""
        row = await self._one(_VERSION, (id_, merchant_id, mode.value))
        return None if row is None else int(row["version"])

    async def attempts(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Sequence[Attempt]:
        """Return the attempts of the merchant's payment, oldest first."""
        found = await self._all(_ATTEMPTS, (id_, merchant_id, mode.value))
        return [rows.attempt_of(row, self._vault) for row in found]

    async def page(
        self,
        merchant_id: UUID,
        mode: Mode,
        *,
        before: UUID | None,
        limit: int,
        status: str | None = None,
        order_id: str | None = None,
    ) -> Sequence[Payment]:
        """Return at most `limit` payments older than `before`, newest first."""
        asked = {
            "merchant": merchant_id,
            "mode": mode.value,
            "before": before,
            "limit": limit,
            "status": status,
            "order_id": order_id,
        }
        return [rows.payment_of(row, self._vault) for row in await self._all(_LIST, asked)]

    async def key(self, key_id: str) -> KeyRow | None:
        """Return an API key by its public id."""
        row = await self._one(_KEY, (key_id,))
        if row is None:
            return None
        return KeyRow(
            row["id"],
            row["merchant_id"],
            Mode(row["mode"]),
            bytes(row["secret_mac"]),
            frozenset(row["scopes"]),
            row["expires_at"],
            row["revoked_at"],
            row["is_active"],
            row["rate_limit_per_minute"],
            tuple(row["ip_allowlist"]),
        )

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        await self._one("SELECT 1 AS one", ())

    async def _one(self, query: str, values: Any) -> Any:
        async with self._pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()

    async def _all(self, query: str, values: Any) -> list[Any]:
        async with self._pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchall()
