"""Audited: every state our rows have, and every movement they book, has its entry in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause, text

from domain.ids import Kind
from ops.harness.verdict.findings import Finding
from ops.store.ledger import seal, verify

_OURS: Final = "(CAST(:merchant AS uuid) IS NULL OR t.merchant_id = :merchant)"
#: Each kind of row, its table, and the column whose moves are audited.
_MOVING: Final = (
    (Kind.PAYMENT, "payments", "status"),
    (Kind.ATTEMPT, "payment_attempts", "state"),
    (Kind.REFUND, "refunds", "status"),
    (Kind.PAYOUT, "payouts", "status"),
)


def _last_word(kind: Kind, table: str, column: str) -> TextClause:
    """What the last entry that names a state says, where the row is in another one."""
    return text(f"""
SELECT '{kind}_' || replace(t.id::text, '-', '') AS name, t.{column} AS state, l.said
  FROM {table} t LEFT JOIN LATERAL (
       SELECT a.after ->> '{column}' AS said FROM audit_logs a
        WHERE a.entity_id = '{kind}_' || replace(t.id::text, '-', '') AND a.after ? '{column}'
        ORDER BY a.id DESC LIMIT 1) l ON true
 WHERE {_OURS} AND l.said IS DISTINCT FROM t.{column}
""")


def _gap(kind: Kind, table: str, column: str) -> TextClause:
    """Entries that begin where the entry before them did not end."""
    return text(f"""
SELECT name, came_from, was FROM (
    SELECT a.entity_id AS name, a.before ->> '{column}' AS came_from,
           lag(a.after ->> '{column}') OVER (PARTITION BY a.entity_id ORDER BY a.id) AS was
      FROM audit_logs a JOIN {table} t ON a.entity_id = '{kind}_' || replace(t.id::text, '-', '')
     WHERE {_OURS} AND a.after ? '{column}') story
 WHERE came_from IS NOT NULL AND came_from IS DISTINCT FROM was
""")


_LAST_WORDS: Final = tuple(_last_word(*moving) for moving in _MOVING)
_GAPS: Final = tuple(_gap(*moving) for moving in _MOVING)
# Rows of one transaction carry its number (xmin) for good where nobody updates them: a movement and
# its entry were written together, or they were not.
_APART: Final = text(f"""
SELECT 'txn_' || replace(t.id::text, '-', '') AS name, t.type,
       'att_' || replace(t.attempt_id::text, '-', '') AS attempt
  FROM transactions t
 WHERE {_OURS} AND NOT EXISTS (
       SELECT FROM audit_logs a
        WHERE a.xmin = t.xmin
          AND a.entity_id IN ('att_' || replace(t.attempt_id::text, '-', ''),
                              'pay_' || replace(coalesce(t.payment_id, t.payout_id)::text, '-', ''),
                              'po_' || replace(coalesce(t.payout_id, t.payment_id)::text, '-', '')))
""")


def unaudited(db: Connection, merchant_id: UUID | None) -> Iterator[Finding]:
    """Yield the moves of one merchant's rows, or of all, that the audit does not tell of."""
    asked = {"merchant": merchant_id}
    for query in _LAST_WORDS:
        for row in db.execute(query, asked):
            yield Finding(row.name, f"is {row.state}, and the audit's last word is {row.said}")
    for query in _GAPS:
        for row in db.execute(query, asked):
            yield Finding(row.name, f"an entry comes from {row.came_from}, but it was {row.was}")
    for row in db.execute(_APART, asked):
        yield Finding(row.name, f"a {row.type} of {row.attempt} without an entry beside it")


def broken_chain(engine: Engine, key: bytes) -> Iterator[Finding]:
    """Seal what is not sealed yet, and yield where the chain does not hold."""
    while seal(engine, key, everything=True):
        continue
    found = verify(engine, key)
    if found.broken is not None:
        broken = found.broken
        yield Finding(f"audit link {broken.seq}", f"{broken.what} (entry {broken.entry_id})")
    if found.overdue:
        yield Finding("audit", f"{found.overdue} entries were not sealed for too long")
