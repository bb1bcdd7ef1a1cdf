"""The unit of work in memory: one lock per transaction, an exception undoes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt
from domain.due import Due, Lease
from domain.errors import LeaseLost, NotFound
from domain.events import Told
from domain.facts import Fact, Transaction
from domain.fraud.score import Assessment
from domain.payment import CHARGEABLE, Payment, Status
from domain.ports import Claim, Row
from domain.routing import GatewayRow
from domain.webhook import Hint, Notice
from ops.store.memory.books import Books, Job, Kept, Table, announced
from ops.store.memory.laws import (
    LawBroken,
    check_attempt,
    check_new_attempt,
    check_parked,
    check_payment,
)
from ops.store.postgres import StaleWrite


class MemoryStore:
    """Opens units of work on books of its own. Safe for threads: one transaction at a time."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        gateways: Sequence[GatewayRow] = (),
        *,
        lives: Callable[[int], bool] = lambda owner: True,
        committed: Callable[[Sequence[Told]], None] = lambda told: None,
    ) -> None:
        """`clock` is the database's, aware; `lives` tells whether a lease's owner still does."""
        self.books = Books(gateways)
        self.clock = clock
        self._lives = lives
        self._committed = committed
        self._lock = threading.Lock()
        self._holder: int | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open: no provider may be called then."""
        return self._holder == threading.get_ident()

    @contextmanager
    def begin(self) -> Iterator[MemoryWork]:
        """Open a transaction: kept when the block ends, undone when it raises."""
        if self.in_transaction:
            raise RuntimeError("a transaction inside a transaction would wait for itself")
        with self._lock:
            self._holder = threading.get_ident()
            work = MemoryWork(self.books, self.clock, self._lives)
            try:
                yield work
                self.books.keep(work.told)
            except BaseException:
                self.books.roll_back()
                raise
            finally:
                self._holder = None
        if work.told:
            self._committed(work.told)


class MemoryWork:
    """One open transaction (see `domain.ports.Work` for what each method promises)."""

    def __init__(
        self, books: Books, clock: Callable[[], datetime], lives: Callable[[int], bool]
    ) -> None:
        self.books = books
        self._clock = clock
        self._lives = lives
        self._now: datetime | None = None
        self.told: list[Told] = []

    @property
    def now(self) -> datetime:
        """The clock as of the first use, or of the last claim or lock."""
        return self._now or self._tick()

    def _tick(self) -> datetime:
        self._now = self._clock()
        return self._now

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Claim[Payment] | None:
        """Take a due, unleased payment."""
        return self._claim(self.books.payments, id_, owner, lease_s)

    def claim_attempt(self, id_: UUID, owner: int, lease_s: float) -> Claim[Attempt] | None:
        """Take a due, unleased attempt."""
        return self._claim(self.books.attempts, id_, owner, lease_s)

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Claim[Notice] | None:
        """Take a due, unleased webhook."""
        return self._claim(self.books.notices, id_, owner, lease_s)

    def _claim(
        self, table: Table[UUID, Kept[Row]], id_: UUID, owner: int, lease_s: float
    ) -> Claim[Row] | None:
        kept = table.get(id_)
        now = self._tick()
        if kept is None or not self.is_free(kept.job, kept.row.due, now):
            return None
        due = replace(kept.row.due, starts=kept.row.due.starts + 1)
        row = replace(kept.row, due=due)
        until = now + timedelta(seconds=lease_s)
        token = kept.job.lease_token + 1
        job = replace(kept.job, wakes=0, lease_owner=owner, lease_until=until, lease_token=token)
        table.put(id_, Kept(row, job))
        return Claim(row, Lease(token, owner), due.starts)

    def is_free(self, job: Job, due: Due, now: datetime) -> bool:
        """Whether a row is due and nobody living holds it."""
        if due.next_run_at is None or due.next_run_at > now:
            return False
        if job.lease_until is None or job.lease_until <= now:
            return True
        return job.lease_owner is None or not self._lives(job.lease_owner)

    def payment(self, id_: UUID) -> Payment:
        """Read a payment without holding it."""
        return self._payment(id_).row

    def lock_payment(self, id_: UUID) -> Payment:
        """Read a payment; everything is held until the transaction ends."""
        self._tick()
        return self._payment(id_).row

    def _payment(self, id_: UUID) -> Kept[Payment]:
        kept = self.books.payments.get(id_)
        if kept is None:
            raise NotFound("payment")
        return kept

    def save_payment(self, payment: Payment, lease: Lease | None = None) -> Payment:
        """Write a payment, one version on; with a lease, only while it is ours, and end it."""
        kept = self.books.payments.get(payment.id)
        ours = kept is not None and (lease is None or kept.job.lease_token == lease.token)
        if kept is None or not ours or kept.row.version != payment.version:
            raise (LeaseLost if lease else StaleWrite)(str(payment.id))
        saved = replace(payment, version=payment.version + 1)
        check_payment(kept.row, saved, self.books.gateways)
        job = _rescheduled(kept.job, saved.due, self.now, ends_lease=lease is not None)
        self.books.payments.put(payment.id, Kept(saved, job))
        return saved

    def release(self, payment_id: UUID, lease: Lease) -> None:
        """End our lease and change nothing else."""
        kept = self.books.payments.get(payment_id)
        if kept is not None and kept.job.lease_token == lease.token:
            freed = replace(kept.job, lease_until=None, lease_owner=None)
            self.books.payments.put(payment_id, Kept(kept.row, freed))

    def attempts(self, payment_id: UUID) -> Sequence[Attempt]:
        """Every attempt of a payment, oldest first."""
        ids = self.books.attempts_of.get(payment_id) or ()
        found = [kept.row for id_ in ids if (kept := self.books.attempts.get(id_))]
        return sorted(found, key=lambda attempt: attempt.number)

    def attempt(self, id_: UUID) -> Attempt | None:
        """One attempt."""
        kept = self.books.attempts.get(id_)
        return None if kept is None else kept.row

    def find_attempt(self, gateway_id: str, hint: Hint) -> Attempt | None:
        """The attempt of this gateway by our reference, else by the provider's id."""
        here = [kept.row for kept in self.books.attempts if kept.row.gateway_id == gateway_id]
        id_ = _uuid(hint.reference)
        by_reference = [attempt for attempt in here if attempt.id == id_]
        if by_reference:
            return by_reference[0]
        by_id = [a for a in here if hint.provider_id and a.provider_id == hint.provider_id]
        return min(by_id, key=lambda attempt: attempt.number, default=None)

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

    def insert_attempt(self, attempt: Attempt) -> None:
        """Insert an attempt as it is; what the database refuses is refused."""
        payment = self._payment(attempt.payment_id).row
        check_new_attempt(attempt, payment, self.attempts(payment.id), self.books.gateways)
        if self.books.attempts.get(attempt.id) is not None:
            raise LawBroken("payment_attempts_pkey")
        job = Job(announced(attempt.due, attempt.created_at))
        self.books.attempts.put(attempt.id, Kept(attempt, job))
        known = self.books.attempts_of.get(payment.id) or ()
        self.books.attempts_of.put(payment.id, (*known, attempt.id))

    def save_attempt(self, attempt: Attempt) -> None:
        """Write an attempt; its lease, if any, ends here."""
        kept = self.books.attempts.get(attempt.id)
        if kept is None:
            return  # an UPDATE that finds no row
        check_attempt(kept.row, attempt, self.attempts(attempt.payment_id))
        job = _rescheduled(kept.job, attempt.due, self.now, ends_lease=True)
        self.books.attempts.put(attempt.id, Kept(attempt, job))

    def add_fact(self, fact: Fact) -> None:
        """Append what a provider told us."""
        if self.books.attempts.get(fact.attempt_id) is None:
            raise LawBroken("attempt_facts_attempt_id_fkey")
        self.books.facts.put(len(self.books.facts) + 1, fact)

    def add_transaction(self, transaction: Transaction) -> None:
        """Append a money movement, once per attempt and kind."""
        once = (transaction.attempt_id, transaction.type)
        if self.books.transactions.get(once) is not None:
            return
        if transaction.money.minor <= 0:
            raise LawBroken("transactions_amount")
        self.books.transactions.put(once, transaction)

    def add_assessment(self, payment_id: UUID, assessment: Assessment) -> None:
        """Store the one fraud decision of a payment."""
        if self.books.assessments.get(payment_id) is not None:
            raise LawBroken("fraud_checks_pkey")
        self.books.assessments.put(payment_id, assessment)

    def save_notice(self, notice: Notice) -> None:
        """Write a webhook's state; a copy that came after the last re-read began re-arms it."""
        kept = self.books.notices.get(notice.id)
        if kept is None:
            return  # an UPDATE that finds no row
        check_parked(notice.due, "webhook_events_parked")
        due, came = notice.due, kept.row.last_copy_at
        finished = due.next_run_at is None and due.parked is None
        if finished and notice.read_began_at is not None and came > notice.read_began_at:
            due = replace(due, next_run_at=self.now)
            job = replace(_rescheduled(kept.job, due, self.now, ends_lease=True), wake_at=self.now)
        else:
            job = _rescheduled(kept.job, due, self.now, ends_lease=True)
        saved = replace(notice, due=due, last_copy_at=came)
        self.books.notices.put(notice.id, Kept(saved, job))

    def gateways(self) -> Sequence[GatewayRow]:
        """The configured gateways with their routes and any person's override."""
        return sorted(self.books.gateways.values(), key=lambda gateway: gateway.id)

    def tell(self, *told: Told) -> None:
        """Append audit entries and events."""
        self.told += told


def _rescheduled(job: Job, due: Due, now: datetime, *, ends_lease: bool) -> Job:
    job = replace(job, wake_at=announced(due, now), wakes=0)
    return replace(job, lease_until=None, lease_owner=None) if ends_lease else job


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(hex=reference) if reference else None
    except ValueError:
        return None
