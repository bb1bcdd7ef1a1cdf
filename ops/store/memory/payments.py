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
from ops.store.memory.books import Kept
from ops.store.memory.laws import LawBroken, check_payment
from ops.store.memory.session import MemorySession, rescheduled


class MemoryPaymentWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        return self._claim(self.books.payments, id_, owner, lease_s)

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        return self._payment(id_).row

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment; everything is held until the transaction ends."""
        self.tick()
        return self._payment(id_).row

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        job = self._held(self.books.payments.get(payment.id), payment, lease)
        before = self._payment(payment.id).row
        saved = replace(_noted(before, payment, self.now), version=payment.version + 1)
        check_payment(before, saved, self.books.gateways)
        if _refunds(before) != _refunds(saved):
            self.summed.add(saved.id)
        job = rescheduled(job, saved.due, self.now, ends_lease=lease is not None)
        self.books.payments.put(payment.id, Kept(saved, job))
        return saved

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        kept = self.books.payments.get(payment_id)
        if kept is not None and kept.job.lease_token == lease.token:
            freed = replace(kept.job, lease_until=None, lease_owner=None)
            self.books.payments.put(payment_id, Kept(kept.row, freed))

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        if self.books.assessments.get(payment_id) is not None:
            raise LawBroken("fraud_checks_pkey")
        self.books.assessments.put(payment_id, assessment)

    def _payment(self, id_: UUID | None) -> Kept[Payment]:
        kept = None if id_ is None else self.books.payments.get(id_)
        if kept is None:
            raise NotFound("payment")
        return kept


def _noted(before: Payment, after: Payment, now: datetime) -> Payment:
    """Return it with the times of its ends, which are the database's whatever a flow says."""
    times: dict[str, Any] = {name: getattr(before, name) for name in NOTED.values()}
    if after.status is not before.status and after.status in NOTED:
        times[NOTED[after.status]] = now
    return replace(after, **times)


def _refunds(payment: Payment) -> tuple[int, int]:
    return payment.amount_refunded, payment.amount_refund_pending
