"""Payments in an open transaction, and the one fraud decision of each."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import insert, select, update

from domain.books import Claim
from domain.due import Lease
from domain.errors import NotFound
from domain.fraud.score import Assessment
from domain.payment import NOTED, Payment
from ops.store import rows, tables
from ops.store.attempt_rows import assessment_insert
from ops.store.work.session import Session, lease_of


class PaymentWork(Session):
    """See `domain.books.Work` for what each method promises."""

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        row = self._claim("payments", id_, owner, lease_s)
        return row and Claim(rows.payment_of(row, self._vault), lease_of(row), row["starts"])

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        found = select(tables.payments).where(tables.payments.c.id == id_)
        row = self._db.execute(found).mappings().one_or_none()
        if row is None:
            raise NotFound("payment")
        return rows.payment_of(row, self._vault)

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment and hold its row until the transaction ends."""
        row = self._lock("payments", id_)
        if row is None:
            raise NotFound("payment")
        return rows.payment_of(row, self._vault)

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        values = rows.payment_update(payment, self._vault, self.now)
        noted = [tables.payments.c[name] for name in NOTED.values()]
        row = self._advance(tables.payments, payment, values, lease, *noted)
        return replace(payment, version=row["version"], **rows.noted_of(row))

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        t = tables.payments
        ours = (t.c.id == payment_id) & (t.c.lease_token == lease.token)
        self._db.execute(update(t).where(ours).values(lease_until=None, lease_owner=None))

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        values = assessment_insert(payment_id, assessment)
        self._db.execute(insert(tables.fraud_checks).values(values))
