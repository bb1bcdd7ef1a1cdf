"""Review cases, idempotency keys and detachments in a transaction in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
from ops.store.memory.locks import WaitedTooLong
from ops.store.memory.order_laws import check_case
from ops.store.memory.pointers import check_pointers
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
        books = self.books
        check_case(case)
        if books.cases.conflict(case.id, case, "review_cases_one_open") is not None:
            return False
        books.cases.insert(case.id, case)
        check_pointers(books, case)
        return True

    def open_cases(self, payment_id: UUID) -> Sequence[Case]:
        """The payment's undecided cases, oldest first."""
        undecided = [one for one in self.books.cases.among(payment_id) if one.decision is None]
        return sorted(undecided, key=lambda case: (case.opened_at, case.id))

    def decide_case(self, case: Case) -> bool:
        """Write a decision. False: somebody else has decided it."""
        cases = self.books.cases
        found = self._found(cases, case.id, lambda known, at: known.decision is None)
        if found is None:
            return False
        check_case(case)
        self._write(cases, case.id, found[0], case)
        return True

    def win_key(
        self, merchant_id: UUID, mode: Mode, key: str, fingerprint: bytes
    ) -> Claimed | None:
        """Insert an idempotency key that nobody used, or return the answer it gave."""
        named = merchant_id, mode.value, key
        if named in self.unanswered:
            raise KeyInFlight("this transaction has won the key, and has not answered yet")
        try:
            known = self.books.keys.reserve(named)
        except WaitedTooLong as error:
            raise KeyInFlight("the first request with this key is being written") from error
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
        self.books.keys.insert(named, (answer, resource_id))

    def claim_detachment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Detachment] | None:
        """Take a deleted payment method that its provider still has to forget."""
        return self._claim(self.books.detachments, id_, owner, lease_s)

    def save_detachment(self, detachment: Detachment, lease: Lease) -> None:
        """Write what became of it; the lease ends here. A token that is of no use goes."""
        now, methods = self.now, self.books.detachments
        found = self._found(methods, detachment.id, lambda k, at: k.job.lease_token == lease.token)
        if found is None:
            raise LeaseLost(str(detachment.id))
        kept, due = found[0], detachment.due
        if due.next_run_at is None and due.parked is None:
            detachment = replace(detachment, token="")
        job = rescheduled(kept.job, due, now, ends_lease=True)
        methods.update(detachment.id, kept, Kept(detachment, job))
