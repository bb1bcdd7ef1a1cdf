"""What a fact about a refund makes of its attempt, its row, and the sums of its payment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.attempt import Attempt, Operation, State
from domain.due import Reason
from domain.events import Told, attempt_told, payment_told
from domain.facts import Fact, Movement, Terms, Transaction, is_parked, teller
from domain.money import Money
from domain.operation import again_at, learnt, may_repeat
from domain.operation_events import refund_told
from domain.payment import Failure, Payment
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced


@dataclass(frozen=True, slots=True)
class AppliedRefund:
    """What a fact about a refund changes, to be written under its payment's row lock."""

    payment: Payment
    refund: Refund
    attempt: Attempt
    told: tuple[Told, ...] = ()
    transactions: tuple[Transaction, ...] = ()


def apply_refund(
    fact: Fact,
    payment: Payment,
    refund: Refund,
    attempt: Attempt,
    *,
    another_blocks: bool = False,
    now: datetime,
    terms: Terms,
    draw: float,
) -> AppliedRefund:
    """Return what `fact` makes of a refund and of its payment's sums. `draw` is for the backoff;
    `another_blocks`: another attempt of this refund may give the money back, or has."""
    seen = learnt(fact, attempt, now, terms, another_blocks=another_blocks)
    if seen == attempt:
        return AppliedRefund(payment, refund, attempt)
    after = refund
    if not another_blocks:
        after = _after(refund, attempt, seen, now, terms, draw)
    if is_parked(seen.due, Reason.AMOUNT_MISMATCH):
        after = _stopped(after, now, Reason.AMOUNT_MISMATCH)
    paid = rebalanced(payment, refund, after)
    told = [attempt_told(attempt, seen, teller(fact), fact.source)]
    if (after.status, after.due.parked) != (refund.status, refund.due.parked):
        told.append(refund_told(refund, after, teller(fact), fact.source))
    if paid.status is not payment.status:
        told.append(payment_told(payment, paid, teller(fact), fact.source))
    return AppliedRefund(paid, after, seen, tuple(told), _movements(refund, seen))


def _after(
    refund: Refund, before: Attempt, seen: Attempt, now: datetime, terms: Terms, draw: float
) -> Refund:
    if seen.state is before.state:
        return refund
    match seen.state:
        case State.PENDING | State.UNKNOWN | State.REQUIRES_ACTION:
            return _begun(refund)
        case State.SUCCEEDED:
            return refund if refund.over else _begun(refund).ended(RefundStatus.SUCCEEDED, now)
        case State.RETURNED:
            return _lost(refund, "returned", "the provider gave it back", now)
        case State.DECLINED | State.NOT_CHARGED:
            return _refused(refund, seen, now, terms, draw)
        case (
            State.SENDING
            | State.AUTHORIZED
            | State.CAPTURED
            | State.REVERSED
            | State.VOIDED
            | State.EXPIRED
            | State.LATE_SUCCESS
        ):
            raise AssertionError(f"no refund comes to {seen.state}")
        case _:
            assert_never(seen.state)


def _begun(refund: Refund) -> Refund:
    """It is at the provider: facts move it on, no command does."""
    if refund.over:
        return refund
    return replace(refund.moved(RefundStatus.PROCESSING), due=refund.due.at(None))


def _refused(refund: Refund, seen: Attempt, now: datetime, terms: Terms, draw: float) -> Refund:
    """Nothing went back. Late money is tried again even after a "no": it is not ours to keep."""
    if refund.over:
        return refund
    stubborn = refund.kind is RefundKind.LATE or seen.operation is Operation.VOID
    runs = refund.runs + 1
    when = again_at(runs, draw, now, terms) if stubborn or may_repeat(seen) else None
    if when is not None:
        begun = refund.moved(RefundStatus.PROCESSING)
        return replace(begun, runs=runs, due=refund.due.at(when))
    return _lost(refund, seen.code or "not_executed", "the gateway did not refund it", now)


def _lost(refund: Refund, code: str, reason: str, now: datetime) -> Refund:
    if refund.status in (RefundStatus.FAILED, RefundStatus.CANCELLED):
        return refund
    failed = _begun(refund).ended(RefundStatus.FAILED, now, Failure(code, reason))
    if refund.kind is RefundKind.LATE:
        return _stopped(failed, now, Reason.REFUND_FAILED)  # money that is not ours is still here
    return failed


def _stopped(refund: Refund, now: datetime, reason: Reason) -> Refund:
    return replace(refund, due=refund.due.park(now, reason))


def _movements(refund: Refund, attempt: Attempt) -> tuple[Transaction, ...]:
    """Return what moved. A void moves nothing: its charge tells of it."""
    if attempt.operation is Operation.VOID:
        return ()
    kind = Movement.REVERSAL if refund.kind is RefundKind.REVERSAL else Movement.REFUND

    def moved(type_: Movement) -> Transaction:
        minor = attempt.money.minor
        money = Money(minor, attempt.money.currency)
        name = attempt.provider_id or ""
        ids = (refund.payment_id, attempt.id)
        return Transaction(*ids, type_, money, attempt.gateway_id, name, minor, refund.id)

    if attempt.state in (State.SUCCEEDED, State.LATE_SUCCESS):
        return (moved(kind),)
    if attempt.state is State.RETURNED:
        return moved(kind), moved(Movement.REFUND_FAILURE)
    return ()
