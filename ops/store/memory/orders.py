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
from ops.store.memory.books import Kept, new, row_of
from ops.store.memory.order_laws import (
    check_adds_up,
    check_new_payout,
    check_new_refund,
    check_payout,
    check_refund,
)
from ops.store.memory.pointers import check_pointers
from ops.store.memory.session import MemorySession, rescheduled


class MemoryOrderWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def claim_refund(self, id_: UUID, owner: int, lease_s: float) -> Claim[Refund] | None:
        """Take a due, unleased refund."""
        return self._claim(self.books.refunds, id_, owner, lease_s)

    def add_refund(self, refund: Refund) -> bool:
        """Insert a refund. False: the late money of this charge is being given back already."""
        books = self.books
        check_new_refund(refund, row_of(books.attempts, refund.charge_id))
        kept, late = new(refund, refund.created_at), refund.kind is RefundKind.LATE
        if late and books.refunds.conflict(refund.id, kept, "refunds_late_once") is not None:
            return False
        books.refunds.insert(refund.id, kept)
        check_pointers(books, refund)
        if not late:
            self.summed.add(refund.payment_id)
        return True

    def refund(self, id_: UUID) -> Refund | None:
        """One refund."""
        return row_of(self.books.refunds, id_)

    def refunds(self, payment_id: UUID) -> Sequence[Refund]:
        """Every refund of a payment, oldest first."""
        found = (kept.row for kept in self.books.refunds.among(payment_id))
        return sorted(found, key=lambda refund: (refund.created_at, refund.id))

    def save_refund(self, refund: Refund, lease: Lease | None = None) -> Refund:
        """Write a refund, one version on; a lease as in `save_payment`."""
        now, kept = self.now, self._held(self.books.refunds, refund, lease)
        saved = replace(refund, version=refund.version + 1)
        check_refund(kept.row, saved)
        if saved.kind is not RefundKind.LATE:
            self.summed.add(saved.payment_id)
        job = rescheduled(kept.job, saved.due, now, ends_lease=lease is not None)
        self._write(self.books.refunds, saved.id, kept, Kept(saved, job))
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
        check_new_payout(payout)
        self.books.payouts.insert(payout.id, new(payout, payout.created_at))
        check_pointers(self.books, payout)

    def lock_payout(self, id_: UUID) -> Payout:
        """Read a payout and hold its row until the transaction ends."""
        payout = self._locked(self.books.payouts, id_)
        if payout is None:
            raise NotFound("payout")
        return payout

    def save_payout(self, payout: Payout, lease: Lease | None = None) -> Payout:
        """Write a payout, one version on; a lease as in `save_payment`."""
        now, kept = self.now, self._held(self.books.payouts, payout, lease)
        saved = replace(payout, version=payout.version + 1)
        check_payout(kept.row, saved)
        job = rescheduled(kept.job, saved.due, now, ends_lease=lease is not None)
        self.books.payouts.update(saved.id, kept, Kept(saved, job))
        check_pointers(self.books, saved)
        return saved
