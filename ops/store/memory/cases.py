"""Review cases, idempotency keys and detachments in a transaction in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from domain.books import Claim
from domain.due import Lease
from domain.errors import KeyInFlight, LeaseLost
from domain.idempotency import Claimed, Recorded
from domain.payment import Mode
from domain.review import Case
from domain.vaulted import Detachment
from ops.store.memory.books import Books, Kept
from ops.store.memory.laws import LawBroken
from ops.store.memory.order_laws import check_case
from ops.store.memory.session import MemorySession, rescheduled
from ops.store.work.session import StaleWrite


class MemoryCaseWork(MemorySession):
    """See `domain.books.Work` for what each method promises."""

    def __init__(
        self, books: Books, clock: Callable[[], datetime], lives: Callable[[int], bool]
    ) -> None:
        super().__init__(books, clock, lives)
        #: Keys that were won and have no answer yet: the transaction may not end with any.
        self.unanswered: dict[tuple[UUID, str, str], bytes] = {}

    def open_case(self, case: Case) -> bool:
        """Insert a review case. False: one of its kind is open for this payment already."""
        check_case(case, self.books.payments.get(case.payment_id) is not None)
        if any(one.kind is case.kind for one in self.open_cases(case.payment_id)):
            return False
        if self.books.cases.get(case.id) is not None:
            raise LawBroken("review_cases_pkey")
        self.books.cases.put(case.id, case)
        known = self.books.cases_of.get(case.payment_id) or ()
        self.books.cases_of.put(case.payment_id, (*known, case.id))
        return True

    def open_cases(self, payment_id: UUID) -> Sequence[Case]:
        """The payment's undecided cases, oldest first."""
        ids = self.books.cases_of.get(payment_id) or ()
        found = [case for id_ in ids if (case := self.books.cases.get(id_))]
        undecided = [case for case in found if case.decision is None]
        return sorted(undecided, key=lambda case: (case.opened_at, case.id))

    def decide_case(self, case: Case) -> bool:
        """Write a decision. False: somebody else has decided it."""
        known = self.books.cases.get(case.id)
        if known is None or known.decision is not None:
            return False
        check_case(case, payment_is_there=True)
        self.books.cases.put(case.id, case)
        return True

    def win_key(
        self, merchant_id: UUID, mode: Mode, key: str, fingerprint: bytes
    ) -> Claimed | None:
        """Insert an idempotency key that nobody used, or return the answer it gave."""
        named = merchant_id, mode.value, key
        if named in self.unanswered:
            raise KeyInFlight("this transaction has won the key, and has not answered yet")
        known = self.books.keys.get(named)
        if known is not None:
            return Claimed(*known)
        self.unanswered[named] = fingerprint
        return None

    def record_key(
        self, merchant_id: UUID, mode: Mode, key: str, resource_id: UUID, answer: Recorded
    ) -> None:
        """Write the answer that the key gives from now on."""
        named = merchant_id, mode.value, key
        if self.unanswered.pop(named, None) != answer.fingerprint:
            raise StaleWrite("the key was not won in this transaction, or is answered already")
        self.books.keys.put(named, (answer, resource_id))

    def claim_detachment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Detachment] | None:
        """Take a deleted payment method that its provider still has to forget."""
        return self._claim(self.books.detachments, id_, owner, lease_s)

    def save_detachment(self, detachment: Detachment, lease: Lease) -> None:
        """Write what became of it; the lease ends here."""
        kept = self.books.detachments.get(detachment.id)
        if kept is None or kept.job.lease_token != lease.token:
            raise LeaseLost(str(detachment.id))
        job = rescheduled(kept.job, detachment.due, self.now, ends_lease=True)
        self.books.detachments.put(detachment.id, Kept(detachment, job))
