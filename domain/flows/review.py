"""Review: what a person's decision does to a payment, and to money that is not what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from domain.attempt import SETTLED_BY_REVIEW, Attempt, Operation, State
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER
from domain.errors import IllegalMove
from domain.events import Actor, attempt_told, payment_told
from domain.facts import Movement, Transaction
from domain.flows.consequences import UNWANTED, late_refund
from domain.flows.learn import charge_of
from domain.money import Money
from domain.operation_events import case_told
from domain.payment import Failure, Payment, Status
from domain.refund import Refund
from domain.requests import Sight, allowed_operations, answers, approved, rejected
from domain.review import Case, CaseKind, Decision, adoptable

Wakes = Sequence[tuple[Command, UUID]]
Outcome = tuple[Payment, Refund | None, Wakes]


def decide(
    work: Work,
    payment: Payment,
    decision: Decision,
    by: str,
    note: str,
    sight: Sight,
    new_id: Callable[[], UUID],
) -> Outcome:
    """Carry out a decision under the payment's lock. A question about money comes first.

    Raises `IllegalMove` where nothing is to be decided, or where the decision cannot be carried out.
    """
    cases = work.open_cases(payment.id)
    mismatches = [case for case in cases if case.kind is CaseKind.MISMATCH]
    attempts = work.attempts(payment.id)
    if mismatches:
        outcome = _mismatch(work, payment, attempts, mismatches[0], decision, new_id)
        cases = mismatches[:1]
    else:
        verb = approved if decision is Decision.APPROVED else rejected
        after = verb(payment, attempts, sight)
        saved = work.save_payment(after)
        if after.status is not payment.status:
            work.tell(payment_told(payment, saved, Actor.MERCHANT, by))
        due = () if saved.final else ((saved.next_command, saved.id),)
        outcome = saved, None, due
    for case in cases:
        decided = replace(
            case, decision=decision, decided_by=by, decided_at=work.now, note=note or None
        )
        if not work.decide_case(decided):
            allowed = allowed_operations(payment, sight)
            raise IllegalMove("it has been decided already", allowed=allowed)
        work.tell(case_told(decided, outcome[0], Actor.MERCHANT, by))
    return outcome


def _mismatch(
    work: Work,
    payment: Payment,
    attempts: Sequence[Attempt],
    case: Case,
    decision: Decision,
    new_id: Callable[[], UUID],
) -> Outcome:
    """Adopt the money as it is, or give it back."""
    attempt = next(a for a in attempts if a.id == case.attempt_id)
    charge = attempt if attempt.operation is Operation.CHARGE else charge_of(attempts, attempt)
    if case.found is None or not case.found_ours:
        raise IllegalMove(
            "the provider shows somebody else's money under our name",
            fix="find out with the provider what became of it, then retry the parked attempt",
            allowed=answers(payment, case),
        )
    if attempt is not charge:
        settled = replace(attempt, state=State.SUCCEEDED, due=NEVER, finished_at=work.now)
        work.save_attempt(settled)
    if decision is Decision.APPROVED:
        return _adopted(work, payment, charge, case, case.found), None, ()
    return _returned(work, payment, charge, case, case.found, new_id)


def _adopted(work: Work, payment: Payment, charge: Attempt, case: Case, found: Money) -> Payment:
    if not adoptable(case, payment):
        raise IllegalMove(
            f"{found} cannot become this payment's money",
            fix="reject it: then it is given back",
            allowed=answers(payment, case),
        )
    _book(work, payment, charge, case, found, State.CAPTURED)
    after = replace(
        payment.moved(Status.CAPTURED),
        amount_authorized=max(found.minor, payment.amount_authorized),
        amount_captured=found.minor,
        authorized_at=payment.authorized_at or work.now,
        captured_at=work.now,
        gateway_id=charge.gateway_id,
        action_url=None,
        due=NEVER,
    )
    saved = work.save_payment(after)
    work.tell(payment_told(payment, saved, Actor.MERCHANT, "review"))
    return saved


def _returned(
    work: Work,
    payment: Payment,
    charge: Attempt,
    case: Case,
    found: Money,
    new_id: Callable[[], UUID],
) -> Outcome:
    late = _book(work, payment, charge, case, found, State.LATE_SUCCESS)
    saved = payment
    if not payment.final:
        failure = Failure("amount_mismatch", "the provider reported other money than was asked for")
        ended = replace(payment.ended(Status.FAILED, failure), amount_authorized=0, due=NEVER)
        saved = work.save_payment(ended)
        work.tell(payment_told(payment, saved, Actor.MERCHANT, "review"))
    return saved, None, late_refund(work, saved, late, found, new_id, UNWANTED)


def _book(
    work: Work, payment: Payment, charge: Attempt, case: Case, found: Money, state: State
) -> Attempt:
    """Write down that this money is there; from now on no fact about it is a question any more."""
    seen = replace(
        charge,
        state=state,
        code=SETTLED_BY_REVIEW,
        held=charge.held or case.found_held,
        captured=0 if case.found_held else found.minor,
        provider_id=charge.provider_id or case.provider_id,
        due=NEVER,
        finished_at=work.now,
    )
    work.save_attempt(seen)
    work.tell(attempt_told(charge, seen, Actor.MERCHANT, "review"))
    kind = Movement.SALE if charge.captures else Movement.CAPTURE
    if case.found_held:
        kind = Movement.AUTHORIZATION
    ids, name = (payment.id, charge.id), seen.provider_id or ""
    work.add_transaction(Transaction(*ids, kind, found, charge.gateway_id, name, found.minor))
    return seen
