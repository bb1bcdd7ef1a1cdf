"""Evidence: what a fact says of a charge's money, beside everything that was said before."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from domain.attempt import REQUEST_REJECTED, Attempt, State
from domain.facts import Fact, Movement, Transaction
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
from domain.schemes import BARRED

#: What the provider says about money; the rest says nothing yet.
MONEY = frozenset({State.CAPTURED, State.AUTHORIZED, State.REVERSED, State.LATE_SUCCESS})
#: There never was any money; a hold contradicts it.
NEVER = frozenset({State.DECLINED, State.NOT_CHARGED})


def seen(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Remember what the provider ever said of the money: none of it is taken back by a later word."""
    match outcome:
        case Succeeded(captured=False):
            return replace(attempt, held=True)
        case Succeeded(money=money) | TakenBack(captured=money):
            return replace(attempt, captured=money.minor)
        case NotCharged(proof=proof, lapsed=lapsed):
            return replace(attempt, released=attempt.released or lapsed or proof is Proof.VOIDED)
        case Declined() | Pending() | Prepared() | RequiresAction() | Returned() | Unknown():
            return attempt
        case _:
            assert_never(outcome)


def adopted(attempt: Attempt) -> bool:
    """Whether its money is its payment's own."""
    return attempt.state in (State.AUTHORIZED, State.CAPTURED, State.REVERSED)


def contradicts(said: State, known: Attempt) -> bool:
    """Whether the provider has now said both that there is money and that there is none."""
    match said:
        case State.AUTHORIZED:
            return known.state in NEVER
        case State.CAPTURED | State.REVERSED:
            return known.state in NEVER or known.released
        case State.DECLINED | State.NOT_CHARGED:
            return known.held or known.captured > 0
        case State.VOIDED | State.EXPIRED:
            return known.captured > 0
        case _:
            return False


def mismatched(fact: Fact, payment: Payment, attempt: Attempt) -> bool:
    """Whether it is other money than was asked for: of a hold, any part may be collected, unless we
    have said which."""
    match fact.outcome:
        case Succeeded(money=money, captured=collected):
            pass
        case TakenBack(captured=money):
            collected = True
        case _:
            return False
    if not is_ours(fact.outcome, attempt):
        return True
    if attempt.captures or not collected:
        return money != attempt.money
    if money.currency != attempt.money.currency or not 0 < money.minor <= attempt.money.minor:
        return True
    if attempt.captured and money.minor != attempt.captured:
        return True
    asked = payment.capture_amount
    return adopted(attempt) and asked is not None and money.minor != asked


def is_ours(outcome: Outcome, attempt: Attempt) -> bool:
    """Whether what shows money carries our name, or none."""
    match outcome:
        case Succeeded(reference=reference) | TakenBack(reference=reference):
            return reference in (None, attempt.reference)
        case _:
            return True


def explained(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Keep the proof, the code and the cause of what decided it."""
    match outcome:
        case Declined(code=code, hardness=hardness, barred=barred):
            cause = BARRED if barred else hardness.value
            return replace(attempt, proof=Proof.DECLINED, code=code, cause=cause)
        case NotCharged(proof=proof, cause=cause, request_wrong=wrong):
            named = REQUEST_REJECTED if wrong else attempt.code
            return replace(attempt, proof=proof, cause=cause, code=named)
        case Unknown(cause=told) | TakenBack(reason=told):
            return replace(attempt, cause=told)
        case Succeeded() | Pending() | Prepared() | RequiresAction() | Returned():
            return attempt
        case _:
            assert_never(outcome)


def movements(payment: Payment, attempt: Attempt, outcome: Outcome) -> tuple[Transaction, ...]:
    """Return every movement that is known by now; those that are written are not written again."""
    currency = attempt.money.currency

    def moved(type_: Movement, minor: int, total: int) -> Transaction:
        name = attempt.provider_id or ""
        ids = (payment.id, attempt.id)
        return Transaction(*ids, type_, Money(minor, currency), attempt.gateway_id, name, total)

    whole = attempt.money.minor
    found = []
    if attempt.held or (attempt.captured and not attempt.captures):
        found.append(moved(Movement.AUTHORIZATION, whole, whole))
    if attempt.held and attempt.released and not attempt.captured:
        found.append(moved(Movement.VOID, whole, whole))
    if attempt.captured:
        kind = Movement.SALE if attempt.captures else Movement.CAPTURE
        found.append(moved(kind, attempt.captured, attempt.captured))
    if isinstance(outcome, TakenBack):
        grown = outcome.taken.minor - payment.amount_reversed
        if grown > 0:
            found.append(moved(Movement.CHARGEBACK, grown, outcome.taken.minor))
    return tuple(found)
