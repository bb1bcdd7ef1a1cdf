"""Facts: what a provider told us about an attempt, and what every kind of attempt makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, State
from domain.backoff import Schedule
from domain.due import Due, Reason
from domain.events import Actor, Told
from domain.money import Money
from domain.outcome import (
    Declined,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.payment import Payment


class Source(StrEnum):
    """How we came to know it."""

    ANSWER = "answer"  # to whoever sent it first
    REPLAY = "replay"  # to whoever sent the same bytes, or the second call, after that
    LOOKUP = "lookup"
    WEBHOOK = "webhook"  # the object as re-read because a webhook hinted at it
    VOID = "void"
    RECOVERY = "recovery"  # a claim found the attempt still in `sending`
    OPERATION = "operation"  # a capture or a void of this charge told of it
    RECONCILIATION = "reconciliation"  # the provider's list, or the object as re-read because of it
    PERSON = "person"  # an operator's word, on evidence that the audit keeps


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence. Appended before it is applied, and never changed."""

    attempt_id: UUID
    source: Source
    outcome: Outcome


class Movement(StrEnum):
    """What kind of money movement a transaction records."""

    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    SALE = "sale"
    VOID = "void"
    REFUND = "refund"
    REVERSAL = "reversal"
    REFUND_FAILURE = "refund_failure"
    CHARGEBACK = "chargeback"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A money movement that happened; append-only, without a status.

    `total` is what this kind of movement of this attempt has come to with it: a provider tells
    totals, so the same word twice is the same row.
    """

    payment_id: UUID | None
    attempt_id: UUID
    type: Movement
    money: Money
    gateway_id: str
    provider_id: str
    total: int
    refund_id: UUID | None = None
    payout_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may stand, and when they are tried again; seconds."""

    resolve: Schedule = field(default_factory=Schedule)
    #: Most issuers let go of a hold after seven days: ours ends before.
    hold_s: float = 6.5 * 86_400
    #: How long a held payment waits for a person.
    review_s: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What a fact changes, to be written in one transaction under the payment's row lock."""

    payment: Payment
    attempt: Attempt
    told: tuple[Told, ...] = ()
    transactions: tuple[Transaction, ...] = ()


def teller(fact: Fact) -> Actor:
    """Return in whose name a fact's consequences are audited."""
    return Actor.OPERATOR if fact.source is Source.PERSON else Actor.PROVIDER


def poll_at(schedule: Schedule, polls: int, now: datetime) -> datetime | None:
    """Return when to ask the provider for the `polls`-th time; None when the schedule is exhausted."""
    delay_s = schedule.after(polls)
    return None if delay_s is None else now + timedelta(seconds=delay_s)


def polled(attempt: Attempt, now: datetime, schedule: Schedule) -> Attempt:
    """Return the attempt after one more look-up that left it open: asked again later, or parked."""
    if not is_open(attempt) or attempt.due.parked:
        return attempt
    when = poll_at(schedule, attempt.polls + 1, now)
    due = attempt.due.at(when) if when else attempt.due.park(now, Reason.UNRESOLVED)
    return replace(attempt, polls=attempt.polls + 1, due=due)


#: While an attempt is in one of these, its provider still has to say what became of it.
OPEN = frozenset({State.SENDING, State.UNKNOWN, State.PENDING, State.REQUIRES_ACTION})


def is_open(attempt: Attempt) -> bool:
    """Whether its provider still has to say what became of it."""
    return attempt.state in OPEN


def proven(fact: Fact, attempt: Attempt) -> Outcome:
    """Return what a fact says of the whole attempt. That the first copy was not sent, or refused
    before it was executed, says nothing about a replay: it counts only from whoever sent that copy,
    and only while nobody else may have sent another, which is exactly while it is `sending`.

    Until a split attempt is `confirming`, the call that moves the money was not sent by anybody:
    whatever became of the call before it, no money moved.
    """
    own = fact.source is Source.ANSWER and attempt.state is State.SENDING
    match fact.outcome:
        case NotCharged(proof=Proof.NEVER_SENT) if (
            fact.source is Source.RECOVERY and not attempt.confirming
        ):
            return fact.outcome
        case NotCharged(proof=Proof.NEVER_SENT | Proof.REJECTED as proof, cause=cause):
            return fact.outcome if own else Unknown(f"one copy was {proof}: {cause}")
        case Declined(provider_id=None, code=code) if (
            fact.source is Source.ANSWER and attempt.state is State.UNKNOWN
        ):
            # It names no object, and a copy that others have sent since may be carried out.
            return Unknown(f"one copy was declined: {code}")
        case Unknown(cause=cause) if own and not attempt.confirming:
            return NotCharged(Proof.NEVER_SENT, f"the money was not asked for yet: {cause}")
        case _:
            return fact.outcome


def readied(fact: Fact, attempt: Attempt, now: datetime) -> Attempt:
    """Bring an attempt forward whose money can be asked for now, as the payer has agreed. Its own
    sender, and whoever looks it up, goes on by itself."""
    ready = isinstance(fact.outcome, Prepared) and fact.source is Source.WEBHOOK
    if ready and is_open(attempt) and attempt.state is not State.SENDING:
        return attempt if attempt.due.parked else replace(attempt, due=attempt.due.at(now))
    return attempt


def named(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Keep the provider's id as soon as anything tells it: look-ups by id are the surest."""
    match outcome:
        case (
            Unknown()
            | Succeeded()
            | Pending()
            | Prepared()
            | RequiresAction()
            | Declined()
            | NotCharged()
            | TakenBack()
            | Returned()
        ):
            return replace(attempt, provider_id=attempt.provider_id or outcome.provider_id)
        case _:
            assert_never(outcome)


def at(due: Due, when: datetime | None) -> Due:
    """Move a row on in time, unless a person was asked about a wrong amount: no later fact takes
    that question back."""
    return due if disputed(due) else due.at(when)


def park(due: Due, now: datetime, reason: Reason) -> Due:
    """Ask a person, unless one was asked about a wrong amount already."""
    return due if disputed(due) else due.park(now, reason)


def disputed(due: Due) -> bool:
    """Whether a person was asked about a wrong amount."""
    return is_parked(due, Reason.AMOUNT_MISMATCH)


def is_parked(due: Due, reason: Reason) -> bool:
    """Whether it is parked for this reason."""
    return due.parked is not None and due.parked.reason is reason
