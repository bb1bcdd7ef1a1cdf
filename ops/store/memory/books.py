"""The tables as dictionaries: every write can be undone until its transaction ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeAlias, TypeVar
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
from domain.refund import Refund
from domain.review import Case
from domain.routing import GatewayRow
from domain.vaulted import Detachment
from domain.webhook import Notice
from ops.store.memory.laws import LawBroken

Key = TypeVar("Key")
Value = TypeVar("Value")

#: A wake-up message that was lost is sent again after this.
ANNOUNCED = timedelta(seconds=5)

OrderId: TypeAlias = tuple[UUID, str, str]


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


class Table(Generic[Key, Value]):
    """Values by key. Inside a transaction each write leaves behind how to undo it."""

    def __init__(self, undo: list[Callable[[], None]]) -> None:
        self._values: dict[Key, Value] = {}
        self._undo = undo

    def get(self, key: Key) -> Value | None:
        """Return the value; None: there is none."""
        return self._values.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Insert or replace."""
        known = key in self._values
        self._undo.append(
            partial(self._values.__setitem__, key, self._values[key])
            if known
            else partial(self._values.__delitem__, key)
        )
        self._values[key] = value

    def drop(self, key: Key) -> None:
        """Delete."""
        self._undo.append(partial(self._values.__setitem__, key, self._values.pop(key)))

    def __iter__(self) -> Iterator[Value]:
        return iter(list(self._values.values()))

    def __len__(self) -> int:
        return len(self._values)


class Books:
    """Every table. Nobody but a transaction writes here."""

    def __init__(self, gateways: Sequence[GatewayRow]) -> None:
        self.undo: list[Callable[[], None]] = []
        self.gateways = {gateway.id: gateway for gateway in gateways}
        self.payments: Table[UUID, Kept[Payment]] = Table(self.undo)
        self.attempts: Table[UUID, Kept[Attempt]] = Table(self.undo)
        self.notices: Table[UUID, Kept[Notice]] = Table(self.undo)
        self.facts: Table[int, Fact] = Table(self.undo)
        self.refunds: Table[UUID, Kept[Refund]] = Table(self.undo)
        self.payouts: Table[UUID, Kept[Payout]] = Table(self.undo)
        self.cases: Table[UUID, Case] = Table(self.undo)
        #: Deleted payment methods; whoever deletes one puts it here.
        self.detachments: Table[UUID, Kept[Detachment]] = Table(self.undo)
        self.transactions: Table[tuple[UUID, Movement, int], Transaction] = Table(self.undo)
        self.assessments: Table[UUID, Assessment] = Table(self.undo)
        self.keys: Table[tuple[UUID, str, str], tuple[Recorded, UUID]] = Table(self.undo)
        #: Copies of each webhook that came.
        self.copies: Table[UUID, int] = Table(self.undo)
        #: What was told, in the order of the commits: audit entries and events.
        self.told: list[Told] = []
        # The indexes that the hot paths need.
        #: By payment, or by payout.
        self.attempts_of: Table[UUID, tuple[UUID, ...]] = Table(self.undo)
        self.refunds_of: Table[UUID, tuple[UUID, ...]] = Table(self.undo)
        self.cases_of: Table[UUID, tuple[UUID, ...]] = Table(self.undo)
        self._orders: Table[OrderId, UUID] = Table(self.undo)
        self.notice_ids: Table[tuple[str, str], UUID] = Table(self.undo)

    def roll_back(self) -> None:
        """Undo the open transaction, newest write first."""
        while self.undo:
            self.undo.pop()()

    def keep(self, told: Sequence[Told]) -> None:
        """Commit it."""
        self.undo.clear()
        self.told += told

    def add_payment(self, payment: Payment) -> None:
        """Insert. Raises `LawBroken` for a known id, or while the order has an active payment."""
        order = order_of(payment)
        if self.payments.get(payment.id) is not None:
            raise LawBroken("payments_pkey")
        if order is not None:
            if self.active_payment(order) is not None:
                raise LawBroken("payments_active_order")
            self._orders.put(order, payment.id)
        job = Job(announced(payment.due, payment.created_at))
        self.payments.put(payment.id, Kept(payment, job))

    def active_payment(self, order: OrderId) -> UUID | None:
        """Return the payment that holds an order."""
        id_ = self._orders.get(order)
        kept = None if id_ is None else self.payments.get(id_)
        return None if kept is None or kept.row.status in INACTIVE else kept.row.id


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
