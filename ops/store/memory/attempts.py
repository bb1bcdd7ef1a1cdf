"""Attempts in a transaction in memory: intents, what was learnt of them, the money that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import TRIES, Attempt, Operation, State
from domain.books import Claim
from domain.due import Lease
from domain.facts import Fact, Transaction
from domain.payment import CHARGEABLE, SCREENED, Payment, Status
from domain.schemes import BARRED, DAY, FORBIDDING, MONTH, Tries, Watched
from domain.webhook import Hint
from ops.store.memory.books import Kept, new, row_of
from ops.store.memory.laws import (
    check_attempt,
    check_new_attempt,
    check_transaction,
    require,
)
from ops.store.memory.payments import MemoryPaymentWork
from ops.store.memory.pointers import check_pointers
from ops.store.memory.session import rescheduled


class MemoryAttemptWork(MemoryPaymentWork):
    """See `domain.books.Work` for what each method promises."""

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        return self._claim(self.books.attempts, id_, owner, lease_s)

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, whatever its operation, oldest first."""
        return [one for one in self._siblings(payment_id) if one.payment_id is not None]

    def payout_attempts(self, payout_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payout, oldest first."""
        return [one for one in self._siblings(payout_id) if one.payout_id is not None]

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        return row_of(self.books.attempts, id_)

    def card_tries(self, watch: Watched) -> Tries:
        """What the tries of a card have come to; the card is held until the transaction ends."""
        self.books.hold(watch.card)
        now = self._clock()
        tries = [
            kept.row
            for kept in self.books.attempts
            if kept.row.card == watch.card and kept.row.state in TRIES
        ]
        return Tries(
            sum(attempt.created_at > now - DAY for attempt in tries),
            sum(attempt.created_at > now - MONTH for attempt in tries),
            any(
                attempt.state is State.DECLINED
                and (attempt.cause == BARRED or attempt.code in FORBIDDING[watch.scheme])
                for attempt in tries
            ),
        )

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
        self,
        attempt: Attempt,
        lease: Lease,
        lease_s: float,
        skipped: Mapping[str, str],
        screened: Payment | None = None,
    ) -> Payment | None:
        """Insert the attempt and move its payment to `processing`, if that is still allowed."""

        def allowed(kept: Kept[Payment], at: datetime) -> bool:
            return (
                kept.job.lease_token == lease.token
                and kept.row.status in CHARGEABLE
                and kept.row.cancel_requested_at is None
                and kept.row.expires_at > at
                and (screened is None or kept.row.version == screened.version)
            )

        assert attempt.payment_id is not None
        found = self._found(self.books.payments, attempt.payment_id, allowed)
        if found is None:
            return None
        kept, at = found
        begun = replace(
            kept.row,
            status=Status.PROCESSING,
            skipped=dict(skipped),
            due=replace(kept.row.due, starts=0),
            version=kept.row.version + 1,
        )
        if screened is not None:
            begun = replace(begun, **{name: getattr(screened, name) for name in SCREENED})
        job = replace(kept.job, lease_until=at + timedelta(seconds=lease_s))
        self.books.payments.update(begun.id, kept, Kept(begun, job))
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
        check_new_attempt(attempt)
        books.attempts.insert(attempt.id, new(attempt, attempt.created_at))
        check_pointers(books, attempt)

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        now, found = self.now, self._found(self.books.attempts, attempt.id, lambda kept, at: True)
        if found is None:
            return  # an UPDATE that finds no row
        kept = found[0]
        check_attempt(kept.row, attempt)
        job = rescheduled(kept.job, attempt.due, now, ends_lease=True)
        self._write(self.books.attempts, attempt.id, kept, Kept(attempt, job))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        attempt = self.books.attempts.pointed(fact.attempt_id)
        require(attempt is not None, "attempt_facts_attempt_id_fkey")
        self.books.add_fact(fact)

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement, once per attempt, kind and total."""
        books = self.books
        once = (transaction.attempt_id, transaction.type, transaction.total)
        owner = books.attempts.get(transaction.attempt_id)
        require(owner is not None, "transactions_owner: it is of no attempt")
        check_transaction(transaction)
        if books.transactions.reserve(once) is not None:
            return
        books.transactions.insert(once, transaction)
        for table, id_, name in (
            (books.payments, transaction.payment_id, "payment"),
            (books.attempts, transaction.attempt_id, "attempt"),
            (books.refunds, transaction.refund_id, "refund"),
            (books.payouts, transaction.payout_id, "payout"),
        ):
            there = id_ is None or table.pointed(id_) is not None
            require(there, f"transactions_{name}_id_fkey")

    def _siblings(self, root_id: UUID) -> list[Attempt]:
        return sorted((kept.row for kept in self.books.attempts.among(root_id)), key=_age)


def _age(attempt: Attempt) -> tuple[object, ...]:
    return attempt.created_at, attempt.number, attempt.id


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
