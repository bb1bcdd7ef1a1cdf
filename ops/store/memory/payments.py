"""Payments in a transaction in memory, and the one fraud decision of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.books import Claim
from domain.due import Lease
from domain.errors import NotFound
from domain.fraud.score import Assessment
from domain.payment import NOTED, Payment
from ops.store.memory.books import Kept, row_of
from ops.store.memory.laws import check_payment, require
from ops.store.memory.pointers import check_pointers
from ops.store.memory.session import MemorySession, rescheduled


class MemoryPaymentWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        return self._claim(self.books.payments, id_, owner, lease_s)

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        payment = row_of(self.books.payments, id_)
        if payment is None:
            raise NotFound("payment")
        return payment

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment and hold its row until the transaction ends."""
        payment = self._locked(self.books.payments, id_)
        if payment is None:
            raise NotFound("payment")
        return payment

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        now, kept = self.now, self._held(self.books.payments, payment, lease)
        before = kept.row
        saved = replace(_noted(before, payment, self._clock()), version=payment.version + 1)
        check_payment(before, saved)
        job = rescheduled(kept.job, saved.due, now, ends_lease=lease is not None)
        self.books.payments.update(saved.id, kept, Kept(saved, job))
        check_pointers(self.books, saved)
        if _refunds(before) != _refunds(saved):
            self.summed.add(saved.id)
        return saved

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        payments = self.books.payments
        found = self._found(payments, payment_id, lambda k, at: k.job.lease_token == lease.token)
        if found is not None:
            kept = found[0]
            freed = replace(kept.job, lease_until=None, lease_owner=None)
            payments.update(payment_id, kept, Kept(kept.row, freed))

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        self.books.assessments.insert(payment_id, assessment)
        require(self.books.payments.pointed(payment_id) is not None, "fraud_checks_payment_id_fkey")


def _noted(before: Payment, after: Payment, now: datetime) -> Payment:
    """Return it with the times of its ends, which are the database's whatever a flow says."""
    times: dict[str, Any] = {name: getattr(before, name) for name in NOTED.values()}
    if after.status is not before.status and after.status in NOTED:
        times[NOTED[after.status]] = now
    return replace(after, **times)


def _refunds(payment: Payment) -> tuple[int, int]:
    return payment.amount_refunded, payment.amount_refund_pending
