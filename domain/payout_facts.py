"""What a fact about a payout makes of its attempt and its row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.attempt import Attempt, State
from domain.due import Reason
from domain.events import Told, attempt_told
from domain.facts import Fact, Movement, Terms, Transaction, is_parked, teller
from domain.operation import learnt, may_repeat
from domain.operation_events import payout_told
from domain.payment import Failure
from domain.payout import Payout, PayoutStatus


@dataclass(frozen=True, slots=True)
class AppliedPayout:
    """What a fact about a payout changes, to be written under its row lock."""

    payout: Payout
    attempt: Attempt
    told: tuple[Told, ...] = ()
    transactions: tuple[Transaction, ...] = ()


def apply_payout(
    fact: Fact,
    payout: Payout,
    attempt: Attempt,
    *,
    another_blocks: bool,
    now: datetime,
    terms: Terms,
) -> AppliedPayout:
    """Return what `fact` makes of a payout. `another_blocks`: another attempt may pay it, or has."""
    seen = learnt(fact, attempt, now, terms, another_blocks=another_blocks)
    if seen == attempt:
        return AppliedPayout(payout, attempt)
    after = _after(payout, attempt, seen, now, another_blocks=another_blocks)
    if is_parked(seen.due, Reason.AMOUNT_MISMATCH):
        after = replace(after, due=after.due.park(now, Reason.AMOUNT_MISMATCH))
    told = [attempt_told(attempt, seen, teller(fact), fact.source)]
    if (after.status, after.due.parked) != (payout.status, payout.due.parked):
        told.append(payout_told(payout, after, teller(fact), fact.source))
    return AppliedPayout(after, seen, tuple(told), _movements(payout, seen))


def _after(
    payout: Payout, before: Attempt, seen: Attempt, now: datetime, *, another_blocks: bool
) -> Payout:
    if seen.state is before.state or another_blocks:
        return payout
    match seen.state:
        case State.PENDING | State.UNKNOWN | State.REQUIRES_ACTION:
            return _begun(payout, seen)
        case State.SUCCEEDED:
            if payout.over:
                return payout
            return _begun(payout, seen).ended(PayoutStatus.SUCCEEDED, now)
        case State.RETURNED:
            code = seen.code or "returned"
            return _lost(payout, seen, Failure(code, "it was paid and came back"), now)
        case State.DECLINED | State.NOT_CHARGED if payout.over:
            return payout
        case State.DECLINED | State.NOT_CHARGED if may_repeat(seen):
            begun = payout.moved(PayoutStatus.PROCESSING)
            return replace(begun, gateway_id=None, due=payout.due.at(now))
        case State.DECLINED | State.NOT_CHARGED:
            code = seen.code or "declined"
            return _lost(payout, seen, Failure(code, "the payout was refused"), now)
        case (
            State.SENDING
            | State.AUTHORIZED
            | State.CAPTURED
            | State.REVERSED
            | State.VOIDED
            | State.EXPIRED
            | State.LATE_SUCCESS
        ):
            raise AssertionError(f"no payout comes to {seen.state}")
        case _:
            assert_never(seen.state)


def _begun(payout: Payout, attempt: Attempt) -> Payout:
    """It is at the provider: facts move it on, no command does."""
    if payout.over:
        return payout
    begun = payout.moved(PayoutStatus.PROCESSING)
    return replace(begun, gateway_id=attempt.gateway_id, due=payout.due.at(None))


def _lost(payout: Payout, attempt: Attempt, failure: Failure, now: datetime) -> Payout:
    if payout.status is PayoutStatus.FAILED:
        return payout
    return _begun(payout, attempt).ended(PayoutStatus.FAILED, now, failure)


def _movements(payout: Payout, attempt: Attempt) -> tuple[Transaction, ...]:
    def moved(type_: Movement) -> Transaction:
        money, name = attempt.money, attempt.provider_id or ""
        ids = (None, attempt.id)
        gateway = attempt.gateway_id
        return Transaction(*ids, type_, money, gateway, name, money.minor, payout_id=payout.id)

    if attempt.state in (State.SUCCEEDED, State.LATE_SUCCESS):
        return (moved(Movement.PAYOUT),)
    if attempt.state is State.RETURNED:
        return moved(Movement.PAYOUT), moved(Movement.PAYOUT_FAILURE)
    return ()
