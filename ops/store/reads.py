"""Reads for the door: every query is scoped by merchant and mode; another's id finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from psycopg.rows import dict_row

from domain.attempt import Attempt
from domain.payment import Mode, Payment
from domain.review import Case
from ops.store import rows, tables
from ops.store.accept import Pool
from ops.store.arrays import teach, texts, uuids
from ops.store.attempt_rows import attempt_of
from ops.store.fetching import all_of, one_of
from ops.store.wanted import COUNT_CAP, Owner, PaymentsWanted, asked_of, where
from ops.store.work.cases import case_of
from ops.vault import Vault

_NAMES = ", ".join(column.name for column in tables.payments.c)
_PAYMENT = f"SELECT {_NAMES} FROM payments WHERE id = %s AND merchant_id = %s AND mode = %s"
_PAYMENTS = f"""
SELECT {_NAMES} FROM payments
  JOIN unnest(%s, %s, %s) AS asked(i, m, o) ON (id, merchant_id, mode) = (i, m, o)
"""
_VERSION = "SELECT version FROM payments WHERE id = %s AND merchant_id = %s AND mode = %s"
# At most one is open: a partial unique index sees to it.
_MISMATCH = """
SELECT c.* FROM review_cases c JOIN payments p ON p.id = c.payment_id
 WHERE p.id = %s AND p.merchant_id = %s AND p.mode = %s
   AND c.kind = 'mismatch' AND c.decision IS NULL
"""
_ATTEMPTS = """
SELECT a.* FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
 WHERE p.id = %s AND p.merchant_id = %s AND p.mode = %s ORDER BY a.created_at, a.number, a.id
"""
# Newest first by id (UUIDv7 is ordered in time), from the cursor on; an index gives that order.
_LIST = "SELECT * FROM payments WHERE {where} ORDER BY id DESC LIMIT %(limit)s"
# Each status has its own newest ones, found by an index that knows it, however few they are; the
# newest of all those are the page, so nothing is sorted but a few pages.
_OF_STATUSES = "SELECT * FROM ({each}) found ORDER BY id DESC LIMIT %(limit)s"
_COUNT = "SELECT count(*) AS n FROM (SELECT 1 FROM payments WHERE {where} LIMIT %(most)s) found"
_KEY = """
SELECT k.id, k.merchant_id, k.mode, k.secret_mac, k.scopes, k.expires_at, k.revoked_at,
       m.is_active, m.rate_limit_per_minute, m.ip_allowlist, m.default_country,
       m.return_url_hosts
  FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.id = %s
"""


#: A payment's id, and the merchant and mode whose it must be.
Sought: TypeAlias = tuple[UUID, UUID, str]


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
    default_country: str | None = None
    return_url_hosts: tuple[str, ...] = ()


class Reads:
    """What the door reads, on the primary: money decisions never come from a lagging copy."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's."""
        row = await one_of(self._pool, _PAYMENT, (id_, merchant_id, mode.value))
        return None if row is None else rows.payment_of(row, self._vault)

    async def found(self, sought: Sequence[Sought]) -> list[rows.Row | None]:
        """Return the row of each payment in the order given; None for anybody else's."""
        ids, merchants, modes = zip(*sought, strict=True)
        values = uuids(ids), uuids(merchants), texts(modes)
        async with self._pool.connection() as db:
            teach(db)
            async with db.cursor(row_factory=dict_row, binary=True) as cursor:
                await cursor.execute(_PAYMENTS, values, prepare=True)
                # One payment may be asked for twice, and by two merchants.
                known = {
                    (row["id"], row["merchant_id"], row["mode"]): row
                    for row in await cursor.fetchall()
                }
        return [known.get(one) for one in sought]

    async def mismatch(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Case | None:
        """Return the undecided question about the payment's money, if there is one."""
        row = await one_of(self._pool, _MISMATCH, (id_, merchant_id, mode.value))
        return None if row is None else case_of(row)

    async def version(self, id_: UUID, merchant_id: UUID, mode: Mode) -> int | None:
        """Return the payment's version: enough to know whether anything changed."""
        row = await one_of(self._pool, _VERSION, (id_, merchant_id, mode.value))
        return None if row is None else int(row["version"])

    async def attempts(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Sequence[Attempt]:
        """Return the attempts of the merchant's payment, oldest first."""
        found = await all_of(self._pool, _ATTEMPTS, (id_, merchant_id, mode.value))
        return [attempt_of(row, self._vault) for row in found]

    async def page(
        self, owner: Owner, wanted: PaymentsWanted, *, limit: int, before: UUID | None = None
    ) -> Sequence[Payment]:
        """Return at most `limit` payments older than `before`, newest first."""
        asked = asked_of(owner, wanted, before=before) | {"limit": limit}
        query = _LIST.format(where=where(asked))
        if wanted.statuses:
            named = {f"status_{n}": status for n, status in enumerate(asked["statuses"])}
            each = [_LIST.format(where=f"{where(asked)} AND status = %({name})s") for name in named]
            query = _OF_STATUSES.format(each=" UNION ALL ".join(f"({one})" for one in each))
            asked |= named
        return [rows.payment_of(row, self._vault) for row in await all_of(self._pool, query, asked)]

    async def count(self, owner: Owner, wanted: PaymentsWanted) -> int:
        """Return how many there are; one more than COUNT_CAP stands for all that is beyond."""
        asked = asked_of(owner, wanted)
        query = _COUNT.format(where=where(asked, statuses="status = ANY (%(statuses)s)"))
        (row,) = await all_of(self._pool, query, asked | {"most": COUNT_CAP + 1})
        return int(row["n"])

    async def key(self, key_id: str) -> KeyRow | None:
        """Return an API key by its public id."""
        row = await one_of(self._pool, _KEY, (key_id,))
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
            row["default_country"],
            tuple(row["return_url_hosts"]),
        )

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        await one_of(self._pool, "SELECT 1 AS one", ())
