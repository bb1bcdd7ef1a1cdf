"""Waiting rows: one that waits for a person, locked with those around it, and moved on again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Work
from domain.commands import Command
from domain.due import Due
from domain.errors import IllegalMove, NotFound
from domain.facts import is_open
from domain.hold_facts import HOLDING
from domain.ids import Kind
from domain.money import Money
from domain.payment import Mode, Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.requests import held


@dataclass(frozen=True, slots=True)
class Target:
    """A parked row with the rows around it, under the lock of its payment or payout."""

    payment: Payment | None
    payout: Payout | None
    refund: Refund | None
    attempt: Attempt | None
    attempts: Sequence[Attempt]

    @property
    def row(self) -> Payment | Payout | Refund | Attempt:
        """The row itself."""
        found = self.attempt or self.refund or self.payout or self.payment
        assert found is not None
        return found

    @property
    def money(self) -> Money:
        """How much it is about."""
        row = self.row
        if isinstance(row, Attempt) and row.captured > row.money.minor:
            return Money(row.captured, row.money.currency)
        return row.money

    @property
    def merchant_id(self) -> UUID:
        """Whose it is."""
        return self.row.merchant_id

    @property
    def mode(self) -> Mode:
        """Whether it is real money."""
        return self.row.mode


def target_of(work: Work, kind: Kind, id_: UUID) -> Target:
    """Lock and return a row. Raises `NotFound`, and `IllegalMove` if it waits for nobody."""
    if kind is Kind.PAYOUT:
        found = _of_payout(work, id_, None)
    elif kind is Kind.PAYMENT:
        found = _of_payment(work, id_, None, None)
    elif kind is Kind.REFUND:
        refund = work.refund(id_)
        if refund is None:
            raise NotFound("refund")
        found = _of_payment(work, refund.payment_id, id_, None)
    else:
        attempt = work.attempt(id_)
        if attempt is None:
            raise NotFound("attempt")
        if attempt.payout_id is not None:
            found = _of_payout(work, attempt.payout_id, id_)
        else:
            found = _of_payment(work, attempt.root_id, attempt.refund_id, id_)
    if found.row.due.parked is None:
        raise IllegalMove("it is not parked", fix="`paylink parked list` shows what is")
    return found


def read_again(work: Work, found: Target) -> Target:
    """Return the same rows as they are by now in this transaction."""
    attempt = found.attempt.id if found.attempt else None
    if found.payout is not None:
        return _of_payout(work, found.payout.id, attempt)
    assert found.payment is not None
    return _of_payment(work, found.payment.id, found.refund.id if found.refund else None, attempt)


def go_on(work: Work, found: Target) -> None:
    """Nothing is left without anybody who moves it on (law 2)."""
    now = work.now
    seen = read_again(work, found)
    if (payment := seen.payment) is not None and not payment.final and not payment.due.parked:
        charges = [a for a in seen.attempts if a.operation is Operation.CHARGE]
        emptied = any(a.released for a in charges) and not any(held(a) for a in charges)
        if payment.status in HOLDING and emptied and not any(a.blocks for a in charges):
            work.save_payment(payment.wakes(Command.VOID, now))
        elif payment.due.next_run_at is None and not any(is_open(a) for a in seen.attempts):
            work.save_payment(payment.wakes(payment.next_command, now))
    if (refund := seen.refund) is not None and _is_idle(
        refund, [a for a in seen.attempts if a.refund_id == refund.id]
    ):
        work.save_refund(replace(refund, due=Due(now)))
    if (payout := seen.payout) is not None and _is_idle(payout, seen.attempts):
        work.save_payout(replace(payout, due=Due(now)))


def _is_idle(row: Refund | Payout, attempts: Sequence[Attempt]) -> bool:
    waits = row.due.parked is not None or row.due.next_run_at is not None
    return not (row.over or waits or any(is_open(attempt) for attempt in attempts))


def _of_payment(work: Work, id_: UUID, refund: UUID | None, attempt: UUID | None) -> Target:
    payment = work.lock_payment(id_)
    attempts = work.attempts(id_)
    one = next((a for a in attempts if a.id == attempt), None)
    return Target(payment, None, work.refund(refund) if refund else None, one, attempts)


def _of_payout(work: Work, id_: UUID, attempt: UUID | None) -> Target:
    payout, attempts = work.lock_payout(id_), work.payout_attempts(id_)
    return Target(
        None, payout, None, next((a for a in attempts if a.id == attempt), None), attempts
    )
