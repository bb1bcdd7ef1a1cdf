"""Payments in an open transaction, and the one fraud decision of each."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import msgspec

from domain.books import Claim
from domain.due import Lease
from domain.errors import NotFound
from domain.fraud.score import Assessment
from domain.payment import NOTED, Payment
from ops.store import rows, tables
from ops.store.attempt_rows import assessment_insert
from ops.store.direct import Write, columns_of, inserted
from ops.store.work.session import Session, advanced, lease_of

_READ = f"SELECT {columns_of(tables.payments)} FROM payments WHERE id = $1"
_RELEASE = """
UPDATE payments SET lease_until = NULL, lease_owner = NULL WHERE id = %s AND lease_token = %s
"""


class PaymentWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        row = self._claim("payments", id_, owner, lease_s)
        return row and Claim(rows.payment_of(row, self._vault), lease_of(row), row["starts"])

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        self._pending.write()
        row = self._direct.row(_READ, (id_,))
        if row is None:
            raise NotFound("payment")
        return rows.payment_of(row, self._vault)

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment and hold its row until the transaction ends."""
        row = self._lock("payments", id_)
        if row is None:
            raise NotFound("payment")
        self._held[id_] = rows.noted_of(row)
        return rows.payment_of(row, self._vault)

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        values = rows.payment_update(payment, self._vault, self.now)
        noted = self._held.get(payment.id)
        if lease is None and noted is not None and payment.status not in NOTED:
            # Nobody else writes it meanwhile, and no trigger: it is written with the rest.
            self._pending.add(advanced("payments", payment, values, None))
            return replace(payment, version=payment.version + 1, **noted)
        row = self._advance("payments", payment, values, lease, *NOTED.values())
        self._held.pop(payment.id, None)
        return replace(payment, version=row["version"], **rows.noted_of(row))

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        self._pending.add(Write("payments", _RELEASE, (payment_id, lease.token)))

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        values = assessment_insert(payment_id, assessment)
        # A list would be said as an array.
        values["factors"] = msgspec.json.encode(values["factors"]).decode()
        self._pending.add(inserted("fraud_checks", values))
