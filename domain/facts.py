"""Facts: what a provider told us about an attempt, and the one function that applies them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.attempt import KNOWLEDGE, Attempt, State, state_of
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Reason
from domain.events import Actor, Told, attempt_told, payment_told
from domain.money import Money
from domain.outcome import (
    Declined,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Payment, Status


class Source(StrEnum):
    """How we came to know it."""

    ANSWER = "answer"
    LOOKUP = "lookup"
    WEBHOOK = "webhook"  # the object as re-read because a webhook hinted at it
    VOID = "void"
    RECOVERY = "recovery"  # a claim found the attempt still in `sending`


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence. Appended before it is applied, and never changed."""

    attempt_id: UUID
    source: Source
    outcome: Outcome


class Movement(StrEnum):
    """What kind of money movement a transaction records."""

    AUTHORIZATION = "authorization"
    SALE = "sale"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A money movement that happened; append-only, without a status."""

    payment_id: UUID
    attempt_id: UUID
    type: Movement
    money: Money
    gateway_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a fact changes, to be written in one transaction under the payment's row lock."""

    payment: Payment
    attempt: Attempt
    told: tuple[Told, ...] = ()
    transaction: Transaction | None = None


#: The statuses in which money that arrives is the payment's own (law 9).
ADOPTABLE = frozenset(
    {
        Status.PENDING,
        Status.PROCESSING,
        Status.REQUIRES_ACTION,
        Status.IN_REVIEW,
        Status.AUTHORIZED,
    }
)

#: What the provider says about money; the rest says nothing yet.
MONEY = frozenset({State.CAPTURED, State.AUTHORIZED, State.LATE_SUCCESS})
NO_MONEY = frozenset({State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.EXPIRED})


def apply(
    fact: Fact,
    payment: Payment,
    attempt: Attempt,
    *,
    another_blocks: bool,
    now: datetime,
    schedule: Schedule,
) -> Applied:
    """Return what `fact` makes of its payment and attempt. Any order of the same facts ends alike.

    `another_blocks`: another attempt of this payment may still move money, or has.
    """
    before = attempt
    if _mismatched(fact, attempt):
        return _held(fact, payment, attempt, now)

    adoptable = payment.status in ADOPTABLE and not another_blocks
    outcome = _proven(fact, attempt)
    state = state_of(outcome)
    if state in MONEY and not adoptable:
        state = State.LATE_SUCCESS
    attempt = _named(attempt, outcome)
    if KNOWLEDGE[state] <= KNOWLEDGE[attempt.state]:
        return _known(fact, state, payment, before, attempt, now)

    match state:
        case State.CAPTURED | State.AUTHORIZED | State.LATE_SUCCESS:
            return _money(fact, state, payment, before, attempt, now)
        case State.DECLINED | State.NOT_CHARGED | State.VOIDED | State.EXPIRED:
            attempt = replace(attempt, state=state, due=_at(attempt.due, None), finished_at=now)
            attempt = _explained(attempt, outcome)
            after = payment
            if _contradicts(state, before.state) or _is(before.due, Reason.CONTRADICTION):
                attempt = replace(attempt, due=_park(attempt.due, now, Reason.CONTRADICTION))
                after = _reviewed(payment) if adoptable else payment
            elif adoptable:
                after = _freed(payment, now)
        case State.PENDING | State.REQUIRES_ACTION | State.UNKNOWN:
            attempt = replace(attempt, state=state, due=_at(attempt.due, poll_at(schedule, 0, now)))
            attempt = _explained(attempt, outcome)
            after = payment
            if not payment.final:
                if isinstance(outcome, RequiresAction):
                    after = replace(payment.moved(Status.REQUIRES_ACTION), action_url=outcome.url)
                if now < payment.expires_at:
                    after = _woken(after, payment.expires_at)
        case State.SENDING:
            raise AssertionError(f"no outcome comes to {state}")
        case _:
            assert_never(state)
    return Applied(after, attempt, _told(fact, payment, after, before, attempt))


def poll_at(schedule: Schedule, polls: int, now: datetime) -> datetime | None:
    """Return when to ask the provider for the `polls`-th time; None when the schedule is exhausted."""
    delay_s = schedule.after(polls)
    return None if delay_s is None else now + timedelta(seconds=delay_s)


def polled(attempt: Attempt, now: datetime, schedule: Schedule) -> Attempt:
    """Return the attempt after one more look-up that left it open: asked again later, or parked."""
    if not attempt.blocks or attempt.state is State.CAPTURED or attempt.due.parked:
        return attempt
    when = poll_at(schedule, attempt.polls + 1, now)
    due = attempt.due.at(when) if when else attempt.due.park(now, Reason.UNRESOLVED)
    return replace(attempt, polls=attempt.polls + 1, due=due)


def _known(
    fact: Fact, state: State, payment: Payment, before: Attempt, attempt: Attempt, now: datetime
) -> Applied:
    """We know at least as much already; what contradicts it makes a person look."""
    if not _contradicts(state, attempt.state):
        return Applied(payment, attempt)
    # A hold that is told of after the "no" ends like one that the "no" ended.
    after = _reviewed(payment) if state is State.AUTHORIZED else payment
    if attempt.due.parked is None:
        attempt = replace(attempt, due=_park(attempt.due, now, Reason.CONTRADICTION))
    elif after == payment:
        return Applied(payment, attempt)
    return Applied(after, attempt, _told(fact, payment, after, before, attempt))


def _money(
    fact: Fact, state: State, payment: Payment, before: Attempt, attempt: Attempt, now: datetime
) -> Applied:
    assert isinstance(fact.outcome, Succeeded)
    captured = fact.outcome.captured
    movement = Movement.SALE if captured else Movement.AUTHORIZATION
    transaction: Transaction | None = Transaction(
        payment.id,
        attempt.id,
        movement,
        fact.outcome.money,
        attempt.gateway_id,
        fact.outcome.provider_id,
    )
    if not captured and KNOWLEDGE[before.state] >= KNOWLEDGE[State.AUTHORIZED]:
        transaction = None  # this hold may have been written down before it was released
    attempt = replace(attempt, state=state, finished_at=now, due=_at(attempt.due, None))
    if state is State.LATE_SUCCESS:
        attempt = replace(attempt, due=_park(attempt.due, now, Reason.LATE_SUCCESS))
        return Applied(
            payment, attempt, _told(fact, payment, payment, before, attempt), transaction
        )

    if _contradicts(state, before.state) or not captured:
        # Money after a proven "no", or held where we asked for a sale: a person must look.
        attempt = replace(attempt, due=_park(attempt.due, now, Reason.CONTRADICTION))
    after = replace(
        payment.moved(Status.CAPTURED if captured else Status.AUTHORIZED),
        amount_authorized=fact.outcome.money.minor,
        amount_captured=fact.outcome.money.minor if captured else 0,
        captured_at=now if captured else None,
        gateway_id=attempt.gateway_id,
        action_url=None,
        due=payment.due.at(None) if captured else _at(payment.due, None),
    )
    return Applied(after, attempt, _told(fact, payment, after, before, attempt), transaction)


def _freed(payment: Payment, now: datetime) -> Payment:
    """The attempt is out of the way: the charge goes on, unless a person decides about it."""
    if payment.status is Status.IN_REVIEW:
        return payment
    if payment.status is Status.REQUIRES_ACTION:
        payment = payment.moved(Status.PROCESSING)
    return _woken(replace(payment, action_url=None), now)


def _reviewed(payment: Payment) -> Payment:
    """Money was said to be held, and not to be: nobody charges again before a person has looked."""
    held = replace(
        payment.moved(Status.IN_REVIEW), amount_authorized=0, gateway_id=None, action_url=None
    )
    return _woken(held, payment.expires_at)


def _woken(payment: Payment, at: datetime) -> Payment:
    return payment if _disputed(payment.due) else payment.wakes(Command.CHARGE, at)


def _at(due: Due, when: datetime | None) -> Due:
    return due if _disputed(due) else due.at(when)


def _park(due: Due, now: datetime, reason: Reason) -> Due:
    return due if _disputed(due) else due.park(now, reason)


def _disputed(due: Due) -> bool:
    """Whether a person was asked about a wrong amount: no later fact takes the question back."""
    return _is(due, Reason.AMOUNT_MISMATCH)


def _is(due: Due, reason: Reason) -> bool:
    return due.parked is not None and due.parked.reason is reason


def _held(fact: Fact, payment: Payment, attempt: Attempt, now: datetime) -> Applied:
    """Money that is not the money we asked for moves nothing here: a person decides."""
    if _disputed(attempt.due):
        return Applied(payment, attempt)
    held = replace(
        attempt,
        state=State.UNKNOWN if attempt.state is State.SENDING else attempt.state,
        due=attempt.due.park(now, Reason.AMOUNT_MISMATCH),
    )
    if not payment.final:
        payment = replace(payment, due=payment.due.park(now, Reason.AMOUNT_MISMATCH))
    return Applied(payment, held, (attempt_told(attempt, held, Actor.PROVIDER, fact.source),))


def _proven(fact: Fact, attempt: Attempt) -> Outcome:
    """Return what a fact says of the whole attempt. That the first copy was not sent, or refused
    before it was executed, says nothing about a replay: it counts only from whoever sent that copy,
    and only while nobody else may have sent another, which is exactly while it is `sending`."""
    match fact.outcome:
        case NotCharged(proof=Proof.NEVER_SENT | Proof.REJECTED as proof, cause=cause):
            if fact.source is not Source.ANSWER or attempt.state is not State.SENDING:
                return Unknown(f"one copy was {proof}: {cause}")
            return fact.outcome
        case _:
            return fact.outcome


def _mismatched(fact: Fact, attempt: Attempt) -> bool:
    match fact.outcome:
        case Succeeded(money=money, reference=reference):
            return money != attempt.money or reference not in (None, attempt.reference)
        case _:
            return False


def _contradicts(one: State, other: State) -> bool:
    return (one in MONEY and other in NO_MONEY) or (one in NO_MONEY and other in MONEY)


def _named(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Keep the provider's id as soon as anything tells it: look-ups by id are the surest."""
    match outcome:
        case Unknown():
            return attempt
        case Succeeded() | Pending() | RequiresAction() | Declined() | NotCharged():
            return replace(attempt, provider_id=attempt.provider_id or outcome.provider_id)
        case _:
            assert_never(outcome)


def _explained(attempt: Attempt, outcome: Outcome) -> Attempt:
    match outcome:
        case Declined(code=code, hardness=hardness):
            return replace(attempt, proof=Proof.DECLINED, code=code, cause=hardness.value)
        case NotCharged(proof=proof, cause=cause):
            return replace(attempt, proof=proof, cause=cause)
        case Unknown(cause=cause):
            return replace(attempt, cause=cause)
        case Succeeded() | Pending() | RequiresAction():
            return attempt
        case _:
            assert_never(outcome)


def _told(
    fact: Fact, before: Payment, after: Payment, old: Attempt, new: Attempt
) -> tuple[Told, ...]:
    attempt = attempt_told(old, new, Actor.PROVIDER, fact.source)
    if after.status is before.status:
        return (attempt,)
    return attempt, payment_told(before, after, Actor.PROVIDER, fact.source)
