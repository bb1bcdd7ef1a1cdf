"""Attempts in a transaction in memory: intents, what was learnt of them, the money that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Claim
from domain.due import Lease
from domain.facts import Fact, Transaction
from domain.payment import CHARGEABLE, Payment, Status
from domain.webhook import Hint
from ops.store.memory.books import Job, Kept, announced, row_of
from ops.store.memory.laws import (
    LawBroken,
    check_attempt,
    check_new_attempt,
    check_root,
    check_transaction,
)
from ops.store.memory.payments import MemoryPaymentWork
from ops.store.memory.session import rescheduled


class MemoryAttemptWork(MemoryPaymentWork):
    """See `domain.books.Work` for what each method promises."""

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        return self._claim(self.books.attempts, id_, owner, lease_s)

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, whatever its operation, oldest first."""
        return self._siblings(payment_id)

    def payout_attempts(self, payout_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payout, oldest first."""
        return self._siblings(payout_id)

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        return row_of(self.books.attempts, id_)

    def find_attempt(self, gateway_id: str, hint: Hint) -> Attempt | None:
        """The attempt of this gateway by our reference, else by the provider's id: a charge first."""
        here = [kept.row for kept in self.books.attempts if kept.row.gateway_id == gateway_id]
        id_ = _uuid(hint.reference)
        by_reference = [attempt for attempt in here if attempt.id == id_]
        if by_reference:
            return by_reference[0]
        by_id = [a for a in here if hint.provider_id and a.provider_id == hint.provider_id]
        return min(
            by_id, key=lambda a: (a.operation is not Operation.CHARGE, *_age(a)), default=None
        )

    def begin_attempt(
        self, attempt: Attempt, lease: Lease, lease_s: float, skipped: Mapping[str, str]
    ) -> Payment | None:
        """Insert the attempt and move its payment to `processing`, if that is still allowed."""
        kept = self._payment(attempt.payment_id)
        now = self._clock()
        allowed = (
            kept.job.lease_token == lease.token
            and kept.row.status in CHARGEABLE
            and kept.row.cancel_requested_at is None
            and kept.row.expires_at > now
        )
        if not allowed:
            return None
        begun = replace(
            kept.row,
            status=Status.PROCESSING,
            skipped=dict(skipped),
            due=replace(kept.row.due, starts=0),
            version=kept.row.version + 1,
        )
        job = replace(kept.job, lease_until=now + timedelta(seconds=lease_s))
        self.books.payments.put(begun.id, Kept(begun, job))
        self.insert_attempt(attempt)
        return begun

    def add_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt of anything but a charge, which only `begin_attempt` may begin."""
        if attempt.operation is Operation.CHARGE:
            raise ValueError("a charge begins under its payment's lease")
        self.insert_attempt(attempt)

    def insert_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt as it is; what the database refuses is refused."""
        books = self.books
        check_root(attempt)
        check_new_attempt(
            attempt,
            row_of(books.payments, attempt.payment_id),
            row_of(books.payouts, attempt.payout_id),
            row_of(books.refunds, attempt.refund_id),
            self._siblings(attempt.root_id),
            books.gateways,
        )
        if books.attempts.get(attempt.id) is not None:
            raise LawBroken("payment_attempts_pkey")
        job = Job(announced(attempt.due, attempt.created_at))
        books.attempts.put(attempt.id, Kept(attempt, job))
        known = books.attempts_of.get(attempt.root_id) or ()
        books.attempts_of.put(attempt.root_id, (*known, attempt.id))

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        kept = self.books.attempts.get(attempt.id)
        if kept is None:
            return  # an UPDATE that finds no row
        check_attempt(kept.row, attempt, self._siblings(kept.row.root_id))
        job = rescheduled(kept.job, attempt.due, self.now, ends_lease=True)
        self.books.attempts.put(attempt.id, Kept(attempt, job))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        if self.books.attempts.get(fact.attempt_id) is None:
            raise LawBroken("attempt_facts_attempt_id_fkey")
        self.books.facts.put(len(self.books.facts) + 1, fact)

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement, once per attempt, kind and total."""
        once = (transaction.attempt_id, transaction.type, transaction.total)
        check_transaction(transaction)
        if self.books.transactions.get(once) is None:
            self.books.transactions.put(once, transaction)

    def _siblings(self, root_id: UUID) -> list[Attempt]:
        ids = self.books.attempts_of.get(root_id) or ()
        found = [kept.row for id_ in ids if (kept := self.books.attempts.get(id_))]
        return sorted(found, key=_age)


def _age(attempt: Attempt) -> tuple[object, ...]:
    return attempt.created_at, attempt.number, attempt.id


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
