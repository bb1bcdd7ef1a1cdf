"""Consequences: what follows from a fact besides itself: late money goes back, people are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.attempt import Attempt, State
from domain.books import Work
from domain.commands import Command
from domain.due import Due, Reason
from domain.events import Actor, Told, payment_told
from domain.facts import Fact, disputed, is_parked
from domain.hold_facts import HOLDING
from domain.money import Money
from domain.operation_events import case_told, refund_told
from domain.outcome import Succeeded, TakenBack
from domain.payment import Payment, Status
from domain.ports import Runtime
from domain.refund import Refund, RefundKind, RefundStatus
from domain.review import Case, CaseKind, Decision

Wakes = list[tuple[Command, UUID]]

#: Why money that is not the payment's goes back.
TOO_LATE = "the money arrived after the payment had ended or gone elsewhere"
UNWANTED = "the money was not what was asked for, and was rejected in a review"


def give_back(
    work: Work, payment: Payment, before: Attempt, after: Attempt, runtime: Runtime
) -> Wakes:
    """Money that came too late goes back, once: a refund row of its own, due at once (law 9)."""
    if after.state is not State.LATE_SUCCESS or before.state is State.LATE_SUCCESS:
        return []
    if disputed(after.due):  # a person was asked what to do with it
        return []
    minor = after.captured or after.money.minor
    money = Money(minor, after.money.currency)
    return late_refund(work, payment, after, money, runtime.new_id, TOO_LATE)


def late_refund(
    work: Work,
    payment: Payment,
    charge: Attempt,
    money: Money,
    new_id: Callable[[], UUID],
    reason: str,
) -> Wakes:
    """Write the refund of money that is not the payment's; once, however often it is asked for."""
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        charge_id=charge.id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        money=money,
        kind=RefundKind.LATE,
        status=RefundStatus.PENDING,
        reason=reason,
        requested_by="paylink",
        gateway_id=charge.gateway_id,
        created_at=work.now,
        due=Due(work.now),
        request_id=payment.request_id,
    )
    if not work.add_refund(refund):
        return []
    work.tell(refund_told(None, refund, Actor.WORKER, "late_success"))
    return [(Command.REFUND, refund.id)]


def opened(
    work: Work, fact: Fact, payment: Payment, before: Attempt, after: Attempt, runtime: Runtime
) -> Wakes:
    """Ask a person about money that is not what we asked for, or that is there and is not."""
    kind = None
    for reason, asks in (
        (Reason.AMOUNT_MISMATCH, CaseKind.MISMATCH),
        (Reason.CONTRADICTION, CaseKind.CONTRADICTION),
    ):
        if is_parked(after.due, reason) and not is_parked(before.due, reason):
            kind = asks
    if kind is None or (kind is CaseKind.CONTRADICTION and payment.status is not Status.IN_REVIEW):
        return []
    case = Case(
        id=runtime.new_id(),
        payment_id=payment.id,
        kind=kind,
        reason=f"{after.operation} at {after.gateway_id}",
        opened_at=work.now,
        attempt_id=after.id,
        provider_id=after.provider_id,
    )
    match fact.outcome:
        case Succeeded(money=money, captured=captured, reference=reference):
            ours = reference in (None, after.reference)
            case = replace(case, found=money, found_held=not captured, found_ours=ours)
        case TakenBack(captured=money):
            case = replace(case, found=money)
        case _:
            case = replace(case, found_held=after.held)
    if work.open_case(case):
        work.tell(case_told(case, payment, Actor.WORKER, "facts"))
    return []


def released(
    work: Work, payment: Payment, charge: Attempt, *, others: bool
) -> tuple[Payment, tuple[Told, ...]]:
    """End a payment whose hold is gone. `others`: another charge of it may still move money."""
    if payment.status not in HOLDING or not charge.released or charge.captured or others:
        return payment, ()
    voided = charge.state is State.VOIDED
    to = payment.ending or (Status.CANCELLED if voided else Status.EXPIRED)
    ended = payment.ended(to, payment.failure)
    close_cases(work, ended)
    return ended, (payment_told(payment, ended, Actor.WORKER, "void"),)


def close_cases(work: Work, payment: Payment) -> None:
    """A payment that has ended needs no decision any more; money that is wrong still does."""
    for case in work.open_cases(payment.id):
        if case.kind is CaseKind.MISMATCH:
            continue
        timed_out = payment.status is Status.EXPIRED
        decision = Decision.TIMED_OUT if timed_out else Decision.REJECTED
        decided = replace(case, decision=decision, decided_by="paylink", decided_at=work.now)
        if work.decide_case(decided):
            work.tell(case_told(decided, payment, Actor.WORKER, "void"))


def asked_again(charge: Attempt, now: datetime) -> Attempt:
    """Return the charge due for a look-up now: the provider says that it is not what we think."""
    if charge.due.parked is not None:
        return charge
    return replace(charge, due=charge.due.at(now))
