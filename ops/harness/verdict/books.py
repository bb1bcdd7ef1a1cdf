"""Our books, read in one snapshot: what payments, attempts and orders say became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Row, text

#: A row of the database; `Any` because every query has other columns.
Record: TypeAlias = Row[Any]

_OURS: Final = "(CAST(:merchant AS uuid) IS NULL OR {}merchant_id = :merchant)"
_DUE: Final = "next_run_at, lease_until, parked_at, parked_reason, owner"
# Sealed columns stay unread: a verdict needs no secret.
_PAYMENTS: Final = text(f"""
SELECT id, status, amount, trim(currency) AS currency, amount_captured, amount_refunded,
       amount_reversed, capture_amount, ending, cancel_requested_at, confirmed, {_DUE}
  FROM payments WHERE {_OURS.format("")}
""")
_ATTEMPTS: Final = text(f"""
SELECT id, payment_id, refund_id, payout_id, merchant_id, mode, operation, number, gateway_id,
       amount, trim(currency) AS currency, target, captures, confirming, state, held, released,
       captured, provider_id, code, key_window_ends, created_at, {_DUE}
  FROM payment_attempts WHERE {_OURS.format("")} ORDER BY id
""")
_REFUNDS: Final = text(f"""
SELECT id, payment_id, charge_id, amount, trim(currency) AS currency, kind, status, requested_by,
       {_DUE} FROM refunds WHERE {_OURS.format("")}
""")
_PAYOUTS: Final = text(f"""
SELECT id, amount, trim(currency) AS currency, status, {_DUE} FROM payouts WHERE {_OURS.format("")}
""")
_TRANSACTIONS: Final = text(f"""
SELECT id, attempt_id, gateway_id, type, amount, trim(currency) AS currency
  FROM transactions WHERE {_OURS.format("")}
""")
_FACTS: Final = text(f"""
SELECT f.attempt_id, f.source, f.outcome, f.told
  FROM attempt_facts f JOIN payment_attempts a ON a.id = f.attempt_id
 WHERE {_OURS.format("a.")} AND (:all OR a.parked_reason = 'amount_mismatch') ORDER BY f.id
""")
_WEBHOOKS: Final = text(f"""
SELECT w.id, w.status, w.next_run_at, w.lease_until, w.parked_at, w.parked_reason, w.owner
  FROM webhook_events w LEFT JOIN payment_attempts a ON a.id = w.attempt_id
 WHERE (w.status <> 'processed' OR w.parked_at IS NOT NULL) AND {_OURS.format("a.")}
""")
_METHODS: Final = text(f"""
SELECT id, {_DUE} FROM payment_methods
 WHERE deleted_at IS NOT NULL AND token IS NOT NULL AND gateway_id IS NOT NULL
   AND {_OURS.format("")}
""")
# Every 2xx was recorded under its key in the transaction that made what it promises.
_PROMISED: Final = text(f"""
SELECT k.key, k.resource_id FROM idempotency_keys k
 WHERE k.status BETWEEN 200 AND 299 AND {_OURS.format("k.")}
   AND NOT EXISTS (SELECT FROM payments p WHERE p.id = k.resource_id)
   AND NOT EXISTS (SELECT FROM refunds r WHERE r.id = k.resource_id)
   AND NOT EXISTS (SELECT FROM payouts o WHERE o.id = k.resource_id)
""")
_KNOWN: Final = text("SELECT id FROM payment_attempts WHERE id = ANY(:ids)")

#: What each kind of transaction is called where ledgers are compared.
MOVED: Final = {
    "sale": "taken",
    "capture": "taken",
    "authorization": "held",
    "void": "released",
    "refund": "refunded",
    "reversal": "refunded",
    "refund_failure": "refund_undone",
    "chargeback": "charged_back",
    "payout": "paid_out",
    "payout_failure": "payout_undone",
}


@dataclass(frozen=True, slots=True)
class Disputed:
    """Money that is not what was asked for: not booked, but kept as a fact, and asked about.

    A capture's money is found under the reference of its charge.
    """

    gateway: str
    reference: UUID
    kind: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Books:
    """One merchant's rows, or everybody's."""

    payments: Mapping[UUID, Record]
    attempts: Mapping[UUID, Record]
    refunds: Mapping[UUID, Record]
    payouts: Mapping[UUID, Record]
    transactions: Sequence[Record]
    facts: Mapping[UUID, Sequence[Record]]
    #: Webhooks that are not done with, and deleted payment methods whose token is still kept.
    webhooks: Sequence[Record]
    methods: Sequence[Record]
    #: Keys under which something was promised that is not there.
    unkept: Sequence[Record]

    @cached_property
    def by_reference(self) -> Mapping[str, Record]:
        """The attempts by our name for them at providers."""
        return {id_.hex: attempt for id_, attempt in self.attempts.items()}

    @cached_property
    def by_root(self) -> Mapping[UUID, Sequence[Record]]:
        """The attempts of each payment, refund and payout. A refund's are its payment's, too."""
        found: defaultdict[UUID, list[Record]] = defaultdict(list)
        for attempt in self.attempts.values():
            for root in (attempt.payment_id, attempt.refund_id, attempt.payout_id):
                if root is not None:
                    found[root].append(attempt)
        return found

    def charge_of(self, attempt: Record) -> Record | None:
        """Return the charge that a capture, void or refund is about."""
        for one in self.by_root.get(attempt.payment_id, ()):
            same = one.gateway_id == attempt.gateway_id and one.provider_id == attempt.target
            if one.operation == "charge" and same:
                return one
        return None

    @cached_property
    def disputed(self) -> frozenset[Disputed]:
        """Money that a person was asked about; a capture and its charge may tell of the same."""
        found = set()
        for attempt in self.attempts.values():
            if attempt.parked_reason != "amount_mismatch":
                continue
            facts = self.facts.get(attempt.id, ())
            other = [f.told for f in facts if f.outcome == "Succeeded"]
            told = next((one for one in other if one["amount"] != attempt.amount), None)
            if told is None:
                continue
            kind = {"refund": "refunded", "payout": "paid_out"}.get(attempt.operation, "taken")
            if kind == "taken" and not told["captured"]:
                kind = "held"
            about = self.charge_of(attempt) if attempt.operation == "capture" else attempt
            reference = attempt.id if about is None else about.id
            said = (told["amount"], told["currency"])
            found.add(Disputed(attempt.gateway_id, reference, kind, *said))
        return frozenset(found)


def read_books(db: Connection, merchant_id: UUID | None = None, *, all_facts: bool = True) -> Books:
    """Read the books of one merchant, or of all. The connection's transaction is the snapshot.

    Without `all_facts` only those about disputed money are read: enough to compare sums.
    """
    asked = {"merchant": merchant_id}
    facts: defaultdict[UUID, list[Record]] = defaultdict(list)
    for row in db.execute(_FACTS, asked | {"all": all_facts}):
        facts[row.attempt_id].append(row)
    return Books(
        payments={row.id: row for row in db.execute(_PAYMENTS, asked)},
        attempts={row.id: row for row in db.execute(_ATTEMPTS, asked)},
        refunds={row.id: row for row in db.execute(_REFUNDS, asked)},
        payouts={row.id: row for row in db.execute(_PAYOUTS, asked)},
        transactions=db.execute(_TRANSACTIONS, asked).all(),
        facts=facts,
        webhooks=db.execute(_WEBHOOKS, asked).all(),
        methods=db.execute(_METHODS, asked).all(),
        unkept=db.execute(_PROMISED, asked).all(),
    )


def known_attempts(db: Connection, references: Collection[str]) -> frozenset[str]:
    """Return those of the references that are attempts of anybody."""
    ids = [id_ for id_ in map(_uuid, references) if id_ is not None]
    return frozenset(row.id.hex for row in db.execute(_KNOWN, {"ids": ids}))


def _uuid(reference: str) -> UUID | None:
    try:
        return UUID(hex=reference)
    except ValueError:
        return None
