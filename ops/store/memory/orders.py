"""Refunds and payouts in a transaction in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from domain.books import Claim
from domain.due import Lease
from domain.errors import NotFound
from domain.payout import Payout
from domain.refund import Refund, RefundKind
from ops.store.memory.books import Job, Kept, announced, row_of
from ops.store.memory.laws import LawBroken
from ops.store.memory.order_laws import (
    check_adds_up,
    check_new_payout,
    check_new_refund,
    check_payout,
    check_refund,
)
from ops.store.memory.session import MemorySession, rescheduled


class MemoryOrderWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_refund(self, id_: UUID, owner: int, lease_s: float) -> Claim[Refund] | None:
        """Take a due, unleased refund."""
        return self._claim(self.books.refunds, id_, owner, lease_s)

    def add_refund(self, refund: Refund) -> bool:
        """Insert a refund. False: the late money of this charge is being given back already."""
        books = self.books
        check_new_refund(
            refund,
            row_of(books.payments, refund.payment_id),
            row_of(books.attempts, refund.charge_id),
            books.gateways,
        )
        if books.refunds.get(refund.id) is not None:
            raise LawBroken("refunds_pkey")
        known = books.refunds_of.get(refund.payment_id) or ()
        if refund.kind is RefundKind.LATE:
            late = [one for one in self.refunds(refund.payment_id) if one.kind is RefundKind.LATE]
            if any(one.charge_id == refund.charge_id for one in late):
                return False
        else:
            self.summed.add(refund.payment_id)
        books.refunds.put(refund.id, Kept(refund, Job(announced(refund.due, refund.created_at))))
        books.refunds_of.put(refund.payment_id, (*known, refund.id))
        return True

    def refund(self, id_: UUID) -> Refund | None:
        """One refund."""
        return row_of(self.books.refunds, id_)

    def refunds(self, payment_id: UUID) -> Sequence[Refund]:
        """Every refund of a payment, oldest first."""
        ids = self.books.refunds_of.get(payment_id) or ()
        found = [kept.row for id_ in ids if (kept := self.books.refunds.get(id_))]
        return sorted(found, key=lambda refund: (refund.created_at, refund.id))

    def save_refund(self, refund: Refund, lease: Lease | None = None) -> Refund:
        """Write a refund, one version on; a lease as in `save_payment`."""
        kept = self.books.refunds.get(refund.id)
        job = self._held(kept, refund, lease)
        assert kept is not None
        saved = replace(refund, version=refund.version + 1)
        check_refund(kept.row, saved)
        if saved.kind is not RefundKind.LATE:
            self.summed.add(saved.payment_id)
        job = rescheduled(job, saved.due, self.now, ends_lease=lease is not None)
        self.books.refunds.put(saved.id, Kept(saved, job))
        return saved

    def settle_sums(self) -> None:
        """Refuse, at the end, a payment whose refunds do not add up to its sums."""
        for id_ in self.summed:
            kept = self.books.payments.get(id_)
            if kept is not None:
                check_adds_up(kept.row, self.refunds(id_))

    def claim_payout(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payout] | None:
        """Take a due, unleased payout."""
        return self._claim(self.books.payouts, id_, owner, lease_s)

    def add_payout(self, payout: Payout) -> None:
        """Insert a payout."""
        check_new_payout(payout, self.books.gateways)
        if self.books.payouts.get(payout.id) is not None:
            raise LawBroken("payouts_pkey")
        job = Job(announced(payout.due, payout.created_at))
        self.books.payouts.put(payout.id, Kept(payout, job))

    def lock_payout(self, id_: UUID) -> Payout:
        """Read a payout; everything is held until the transaction ends."""
        self.tick()
        kept = self.books.payouts.get(id_)
        if kept is None:
            raise NotFound("payout")
        return kept.row

    def save_payout(self, payout: Payout, lease: Lease | None = None) -> Payout:
        """Write a payout, one version on; a lease as in `save_payment`."""
        kept = self.books.payouts.get(payout.id)
        job = self._held(kept, payout, lease)
        assert kept is not None
        saved = replace(payout, version=payout.version + 1)
        check_payout(kept.row, saved, self.books.gateways)
        job = rescheduled(job, saved.due, self.now, ends_lease=lease is not None)
        self.books.payouts.put(saved.id, Kept(saved, job))
        return saved
