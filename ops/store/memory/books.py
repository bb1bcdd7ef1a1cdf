"""The books: every table as it is committed, and as one transaction sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Generic, TypeAlias
from uuid import UUID

from domain.attempt import Attempt
from domain.books import Row
from domain.due import Due
from domain.events import Told
from domain.facts import Fact, Movement, Transaction
from domain.fraud.score import Assessment
from domain.idempotency import Recorded
from domain.payment import INACTIVE, Payment
from domain.payout import Payout
from domain.refund import Refund, RefundKind
from domain.review import Case
from domain.routing import GatewayRow
from domain.vaulted import Detachment
from domain.webhook import Notice
from ops.store.memory.laws import slot_of
from ops.store.memory.locks import LOCKED, Locks, Party, Waits
from ops.store.memory.tables import Entry, Key, Rows, Table, Value

#: A wake-up message that was lost is sent again after this.
ANNOUNCED = timedelta(seconds=5)

OrderId: TypeAlias = tuple[UUID, str, str]
KeyName: TypeAlias = tuple[UUID, str, str]
Once: TypeAlias = tuple[UUID, Movement, int]


@dataclass(frozen=True, slots=True)
class Job:
    """The columns of a due row that the domain does not see."""

    wake_at: datetime | None
    wakes: int = 0
    lease_until: datetime | None = None
    lease_owner: int | None = None
    lease_token: int = 0


@dataclass(frozen=True, slots=True)
class Kept(Generic[Row]):
    """A row as it stands in its table."""

    row: Row
    job: Job


class Committed:
    """What is true for everybody, and who is changing it."""

    def __init__(self, gateways: Sequence[GatewayRow], waits: Waits) -> None:
        self.gateways = {gateway.id: gateway for gateway in gateways}
        self.locks = Locks(waits)
        self.payments: Rows[UUID, Kept[Payment]] = Rows(
            "payments", "payments_pkey", lambda kept: order_of(kept.row), _of_payment
        )
        self.attempts: Rows[UUID, Kept[Attempt]] = Rows(
            "payment_attempts",
            "payment_attempts_pkey",
            lambda kept: kept.row.root_id,
            _of_attempt,
        )
        self.notices: Rows[UUID, Kept[Notice]] = Rows(
            "webhook_events", "webhook_events_pkey", lambda kept: _event(kept.row), _of_notice
        )
        self.facts: Rows[int, Fact] = Rows("attempt_facts", "attempt_facts_pkey")
        self.refunds: Rows[UUID, Kept[Refund]] = Rows(
            "refunds", "refunds_pkey", lambda kept: kept.row.payment_id, _of_refund
        )
        self.payouts: Rows[UUID, Kept[Payout]] = Rows("payouts", "payouts_pkey")
        self.cases: Rows[UUID, Case] = Rows(
            "review_cases", "review_cases_pkey", lambda case: case.payment_id, _of_case
        )
        self.detachments: Rows[UUID, Kept[Detachment]] = Rows(
            "payment_methods", "payment_methods_pkey"
        )
        self.transactions: Rows[Once, Transaction] = Rows("transactions", "transactions_once")
        self.assessments: Rows[UUID, Assessment] = Rows("fraud_checks", "fraud_checks_pkey")
        self.keys: Rows[KeyName, tuple[Recorded, UUID]] = Rows(
            "idempotency_keys", "idempotency_keys_pk"
        )
        self.copies: Rows[UUID, int] = Rows("webhook_copies", "webhook_copies_pkey")
        #: What was told, in the order of the commits: audit entries and events.
        self.told: list[Told] = []
        self.fact_ids = count(1)


class Books:
    """Every table as one transaction sees it; between transactions, as it is committed."""

    def __init__(self, committed: Committed) -> None:
        self._committed = committed
        self._locks = committed.locks
        self._party = Party()
        self._written: list[Table[Any, Any]] = []
        self.gateways = committed.gateways
        self.told = committed.told
        self.payments = self._table(committed.payments)
        self.attempts = self._table(committed.attempts)
        self.notices = self._table(committed.notices)
        self.facts = self._table(committed.facts)
        self.refunds = self._table(committed.refunds)
        self.payouts = self._table(committed.payouts)
        self.cases = self._table(committed.cases)
        #: Deleted payment methods; whoever deletes one puts it here.
        self.detachments = self._table(committed.detachments)
        self.transactions = self._table(committed.transactions)
        self.assessments = self._table(committed.assessments)
        self.keys = self._table(committed.keys)
        #: Copies of each webhook that came.
        self.copies = self._table(committed.copies)

    def _table(self, rows: Rows[Key, Value]) -> Table[Key, Value]:
        return Table(rows, self._locks, self._party, self._written)

    def end(self, told: Sequence[Told] | None) -> None:
        """End the transaction: None undoes it."""
        for table in self._written:
            table.end(keeps=told is not None)
        self._written.clear()
        if told:
            self.told += told
        self._locks.end(self._party)

    def hold(self, what: object) -> None:
        """Hold something that is no row until the transaction ends (an advisory lock)."""
        self._locks.take(self._party, ("advisory", what), LOCKED)

    def add_fact(self, fact: Fact) -> None:
        """Append a fact."""
        self.facts.put(next(self._committed.fact_ids), fact)

    def add_payment(self, payment: Payment) -> None:
        """Insert. Raises `LawBroken` for a known id, or while the order has an active payment."""
        self.payments.insert(payment.id, new(payment, payment.created_at))

    def active_payment(self, order: OrderId) -> UUID | None:
        """Return the payment that holds an order."""
        held = (kept.row for kept in self.payments.among(order))
        return next((row.id for row in held if row.status not in INACTIVE), None)

    def notice_of(self, gateway_id: str, dedupe_key: str) -> Kept[Notice] | None:
        """Return the webhook that came of this event."""
        return next(iter(self.notices.among((gateway_id, dedupe_key))), None)


def new(row: Row, created_at: datetime) -> Kept[Row]:
    """Return a row as it is inserted; one that is due at once has just been announced."""
    return Kept(row, Job(announced(row.due, created_at)))


def row_of(table: Table[UUID, Kept[Row]], id_: UUID | None) -> Row | None:
    """Return a row of a table of jobs; None: there is none of this id."""
    kept = None if id_ is None else table.get(id_)
    return None if kept is None else kept.row


def order_of(payment: Payment) -> OrderId | None:
    """Return what is unique among active payments."""
    if payment.order_id is None:
        return None
    return payment.merchant_id, payment.mode.value, payment.order_id


def announced(due: Due, now: datetime) -> datetime | None:
    """Return when the sweep may wake a row: one due at once has just been announced."""
    if due.next_run_at is not None and due.next_run_at <= now:
        return now + ANNOUNCED
    return due.next_run_at


def _of_payment(kept: Kept[Payment]) -> Sequence[Entry]:
    order = order_of(kept.row)
    active = order is not None and kept.row.status not in INACTIVE
    return [("payments_active_order", order)] if active else ()


def _of_attempt(kept: Kept[Attempt]) -> Sequence[Entry]:
    row = kept.row
    number: Entry = ("payment_attempts_number", row.payment_id, row.operation, row.number)
    if row.payout_id is not None:
        number = ("payment_attempts_payout_number", row.payout_id, row.number)
    return [number, slot_of(row)] if row.blocks else [number]


def _of_notice(kept: Kept[Notice]) -> Sequence[Entry]:
    return [("webhook_events_once", *_event(kept.row))]


def _of_refund(kept: Kept[Refund]) -> Sequence[Entry]:
    late = kept.row.kind is RefundKind.LATE
    return [("refunds_late_once", kept.row.charge_id)] if late else ()


def _of_case(case: Case) -> Sequence[Entry]:
    return [] if case.decision else [("review_cases_one_open", case.payment_id, case.kind)]


def _event(notice: Notice) -> tuple[str, str]:
    return notice.gateway_id, notice.dedupe_key
