"""Screen: decide once, before any gateway is called, whether this payment may be charged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never, cast
from uuid import UUID

from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Lease, Reason
from domain.events import Actor, payment_told, screened_told
from domain.fraud.features import Inputs, MethodType
from domain.fraud.identities import identities
from domain.fraud.score import Assessment, Decision, assess
from domain.operation_events import case_told
from domain.payment import Failure, Payment, Review, Status
from domain.ports import Runtime
from domain.review import Case, CaseKind
from domain.routing import GatewayRow


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment that is claimed and assessed; nothing is written of that yet."""

    payment: Payment
    lease: Lease
    assessment: Assessment
    #: The gateways, and the database's time, when it was claimed.
    gateways: Sequence[GatewayRow]
    now: datetime


def screen(payment_id: UUID, runtime: Runtime) -> None:
    """Assess one due payment, store the decision with its factors, and move the payment on."""
    seen = look_at(payment_id, runtime)
    if seen is not None:
        store_decision(seen, runtime)


def look_at(payment_id: UUID, runtime: Runtime) -> Seen | None:
    """Claim and assess one due payment. None: there is nothing to assess."""
    with runtime.store.begin() as work:
        claim = work.claim_payment(payment_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return None
        if claim.row.next_command is not Command.SCREEN:
            due = replace(claim.row, due=claim.row.due.at(work.now))
            work.save_payment(due, claim.lease)
            return None
        if claim.starts > runtime.policy.max_starts:
            parked = replace(claim.row, due=claim.row.due.park(work.now, Reason.POISON))
            work.save_payment(parked, claim.lease)
            work.tell(payment_told(claim.row, parked, Actor.WORKER, "screen"))
            return None
        gateways, now = work.gateways(), work.now
    payment = claim.row
    who = identities(payment)
    velocity = runtime.velocity.observe(
        payment.id,
        card=who.card,
        ip=who.ip,
        customer=who.customer,
        amount_minor=payment.money.minor,
        currency=payment.money.currency.code,
        at=payment.created_at,
    )
    assessment = assess(inputs_of(payment), velocity, runtime.policy.fraud)
    return Seen(payment, claim.lease, assessment, gateways, now)


def store_decision(seen: Seen, runtime: Runtime, wait_s: float = 0.0) -> None:
    """Write what was decided, whatever it is, and wake who carries it out; a charge only after
    `wait_s`."""
    payment_id, assessment = seen.payment.id, seen.assessment
    with runtime.store.begin() as work:
        before = work.lock_payment(payment_id)
        if before.final:
            work.save_payment(replace(before, due=NEVER), seen.lease)
            return
        when = min(work.now + timedelta(seconds=wait_s), before.expires_at)
        after = decided(before, assessment).wakes(Command.CHARGE, max(when, work.now))
        if after.status is Status.IN_REVIEW:
            after = after.wakes(Command.CHARGE, after.expires_at)  # a person decides, or it expires
        if after.final:
            after = replace(after, due=NEVER)
        work.save_payment(after, seen.lease)
        work.add_assessment(payment_id, assessment)
        work.tell(screened_told(after, assessment.decision, assessment.mode))
        if after.status is not before.status:
            work.tell(payment_told(before, after, Actor.WORKER, "screen"))
        if after.review is Review.OPEN:
            _ask_people(work, after, assessment, runtime)
    if after.status is Status.PENDING and not wait_s:
        runtime.wake(Command.CHARGE, payment_id, after.request_id)


def decided(payment: Payment, assessment: Assessment) -> Payment:
    """Return the payment as the decision leaves it; what comes next is not said."""
    scored = replace(payment, risk_score=str(assessment.score), risk_level=assessment.level.value)
    match assessment.decision:
        case Decision.APPROVE:
            return scored
        case Decision.CHALLENGE:
            return replace(scored, wants_3ds=True)
        case Decision.REVIEW:
            # Where money can be held it is held while a person decides: the payer need not wait.
            asked = replace(scored, review=Review.OPEN)
            return asked if payment.method.holds else asked.moved(Status.IN_REVIEW)
        case Decision.DECLINE:
            # The payer learns nothing about the rules; operators read the stored factors.
            return scored.ended(
                Status.FAILED, Failure("fraud_declined", "the payment was declined")
            )
        case _:
            assert_never(assessment.decision)


def _ask_people(work: Work, payment: Payment, assessment: Assessment, runtime: Runtime) -> None:
    case = Case(
        id=runtime.new_id(),
        payment_id=payment.id,
        kind=CaseKind.FRAUD,
        reason=assessment.reason or f"score {assessment.score}",
        opened_at=work.now,
    )
    if work.open_case(case):
        work.tell(case_told(case, payment, Actor.WORKER, "screen"))


def inputs_of(payment: Payment) -> Inputs:
    """Return what the rules may look at."""
    card = payment.method.card
    email = payment.customer.email
    expiry = None
    if card is not None and card.exp_month is not None and card.exp_year is not None:
        expiry = (card.exp_month, card.exp_year)
    return Inputs(
        amount_minor=payment.money.minor,
        currency=payment.money.currency.code,
        exponent=payment.money.currency.exponent,
        method_type=cast("MethodType", payment.method.type),
        card_exp=expiry,
        card_number_valid=None,
        card_country=card.country if card else None,
        ip_country=payment.customer.country,
        email_domain=email.rpartition("@")[2].lower() if email else None,
        customer_is_new=False,
        created_at=payment.created_at,
        three_ds_possible=payment.method.type == "card",
        listed=None,
    )
