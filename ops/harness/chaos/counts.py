"""Counts: what moved where, how transient faults ended, which parked rows nobody could help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ops.harness.chaos.orders import TILLS
from ops.harness.chaos.rig import Rig
from ops.harness.verdict import ParkedRow

_MOVED: Final = """
SELECT gateway_id AS gateway, type, count(*) AS n, sum(amount)::bigint AS minor,
       min(trim(currency)) AS currency
  FROM transactions GROUP BY 1, 2 ORDER BY 1, 2
"""
_REFUNDS: Final = """
SELECT status, count(*) AS n, sum(amount)::bigint AS minor FROM refunds GROUP BY 1 ORDER BY 1
"""
# An order met a transient fault if an answer of one of its attempts was lost, or said "not now", or
# its worker died. It ended well if money is where it was asked to be; what a bank declined, or took
# or sent back, ended as that bank wished.
_TRANSIENT: Final = """
WITH met AS (
    SELECT DISTINCT coalesce(a.refund_id, a.payment_id, a.payout_id) AS id
      FROM payment_attempts a JOIN attempt_facts f ON f.attempt_id = a.id
     WHERE f.outcome = 'Unknown' OR f.told ->> 'proof' IN ('never_sent', 'rejected')),
declined AS (
    SELECT DISTINCT coalesce(refund_id, payment_id, payout_id) AS id FROM payment_attempts
     WHERE state IN ('declined', 'returned')),
ended AS (
    SELECT p.id, p.status IN ('captured', 'partially_refunded', 'refunded', 'reversed',
                              'authorized', 'cancelled') AS well FROM payments p
    UNION ALL SELECT id, status = 'succeeded' FROM refunds
    UNION ALL SELECT id, status = 'succeeded' FROM payouts)
SELECT count(*) AS met, count(*) FILTER (WHERE e.well) AS well,
       count(*) FILTER (WHERE NOT e.well AND d.id IS NOT NULL) AS declined
  FROM met m JOIN ended e ON e.id = m.id LEFT JOIN declined d ON d.id = m.id
"""
_ATTEMPTS: Final = """
SELECT 'att_' || replace(id::text, '-', '') AS name, gateway_id, operation
  FROM payment_attempts WHERE parked_at IS NOT NULL
"""
#: Whose request may have been lost with its worker so that nobody can find out: no key protects a
#: repetition, nothing is found by our reference, and no webhook comes of what did not happen.
UNKNOWABLE: Final = frozenset({("xendit", "charge")})
#: Of what met a transient fault, this share has to end as it was asked to.
ENOUGH: Final = 0.95


@dataclass(frozen=True, slots=True)
class Transient:
    """How orders ended that met a transient fault."""

    met: int
    well: int
    #: What a bank said no to afterwards: no failure of retrying, and counted apart.
    declined: int

    @property
    def rate(self) -> float:
        """The share that ended well; 1.0 where none met any."""
        judged = self.met - self.declined
        return self.well / judged if judged else 1.0


def moved(rig: Rig) -> list[dict[str, Any]]:
    """Return how many movements of each kind there were at each gateway, and what they come to."""
    return rig.sql(_MOVED)


def refunds(rig: Rig) -> list[dict[str, Any]]:
    """Return how many refunds have each status."""
    return rig.sql(_REFUNDS)


def transient(rig: Rig) -> Transient:
    """Return how orders ended that met a transient fault."""
    (row,) = rig.sql(_TRANSIENT)
    return Transient(row["met"], row["well"], row["declined"])


def told_apart(rig: Rig, parked: Iterable[ParkedRow]) -> tuple[list[ParkedRow], list[ParkedRow]]:
    """Return the parked rows about which nobody can know anything, and all others."""
    attempts = {row["name"]: row for row in rig.sql(_ATTEMPTS)}
    unknowable: list[ParkedRow] = []
    others: list[ParkedRow] = []
    for row in parked:
        attempt = attempts.get(row.what)
        lost = attempt is not None and row.reason == "unresolved" and _unknowable(attempt)
        (unknowable if lost else others).append(row)
    return unknowable, others


def _unknowable(attempt: dict[str, Any]) -> bool:
    return (TILLS[attempt["gateway_id"]].provider, attempt["operation"]) in UNKNOWABLE
