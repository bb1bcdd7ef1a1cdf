"""Step: one attempt of a charge run: a slot at a gateway, the attempt written down, sent, learnt of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Work
from domain.due import Lease
from domain.events import Actor, attempt_told, payment_told, screened_told
from domain.facts import Fact, Source
from domain.flows.confirm import sender_goes_on
from domain.flows.govern import counted_as, forbidden, turn_away
from domain.flows.intent import Intent
from domain.flows.learn import learn, record
from domain.fraud.score import Assessment
from domain.outcome import NotCharged, Proof
from domain.payment import CHARGEABLE, Payment
from domain.ports import Budget, Gateway, Permit, Refused, Runtime
from domain.routing import GatewayRow, Plan
from domain.task import Charge


@dataclass(slots=True)
class Run:
    """What one charge run has seen so far."""

    payment_id: UUID
    lease: Lease
    #: Before the database's clock was read for the next step (monotonic): sending is measured from
    #: here, so that no byte leaves after the attempt's stored `send_before`, however long we stall.
    begun: float
    tried: set[str] = field(default_factory=set)
    refused: dict[str, Refused] = field(default_factory=dict)
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """Where to go next: decided under the payment's row lock, or under a lease on the row that was
    claimed, and then nothing is written unless the row is still as it was."""

    payment: Payment
    plan: Plan
    attempts: Sequence[Attempt]
    now: datetime
    #: The fraud decision that is written with the attempt; None: it was written before.
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A gateway that will be asked, and the permit for it."""

    row: GatewayRow
    gateway: Gateway
    permit: Permit


class Came(Enum):
    """What a step has come to."""

    UNWRITTEN = auto()  # the attempt was not to be written any more, and nothing else was
    OVER = auto()  # facts, or somebody else, drive the payment from here
    INEXPRESSIBLE = auto()  # this gateway cannot be asked; another one of the same plan may
    HARMLESS = auto()  # proven: the next gateway may be tried, after another look


def admitted(step: Step, run: Run, runtime: Runtime) -> Slot | None:
    """Return the first gateway of the plan that has a slot; why the others have none is on `run`."""
    for row in step.plan.order:
        if row.id in run.tried or row.id in run.refused:
            continue
        gateway = runtime.gateways.get(row.id)
        if gateway is None:
            run.refused[row.id] = Refused("no_adapter", runtime.policy.defer_cap_s)
            continue
        if not step.payment.captures_at_once and not gateway.declaration.can_hold:
            run.refused[row.id] = Refused("cannot_hold", runtime.policy.defer_cap_s)
            continue
        retry = any(attempt.gateway_id == row.id for attempt in step.attempts)
        permit = runtime.gateways.admit(row, Operation.CHARGE, retry=retry)
        if not isinstance(permit, Refused):
            return Slot(row, gateway, permit)
        run.refused[row.id] = permit
        if permit.ours:
            return None
    return None


def attempted(step: Step, slot: Slot, run: Run, runtime: Runtime) -> Came:
    """Write the attempt down, send it, store the answer. The permit is used, or given back."""
    try:
        request = slot.gateway.compose(Charge(step.payment), (id_ := runtime.new_id()).hex)
        if request is None:
            slot.permit.give_back()
            run.refused[slot.row.id] = Refused("cannot_express", runtime.policy.defer_cap_s)
            return Came.INEXPRESSIBLE
        declared = slot.gateway.declaration
        intent = _intent(step, slot.row)
        attempt = intent.written(id_, request, declared, step.now, runtime.policy)
        payment = _written(step, attempt, run, runtime)
    except BaseException:
        slot.permit.give_back()
        raise
    if payment is None or payment.due.parked is not None:  # or cancelled, or taken over, since then
        slot.permit.give_back()
        return Came.UNWRITTEN if payment is None else Came.OVER
    return _sent(attempt, slot, run, runtime)


def _written(step: Step, attempt: Attempt, run: Run, runtime: Runtime) -> Payment | None:
    """Commit the attempt, and what led to it. None: it may not be made any more."""
    with runtime.store.begin() as work:
        if failure := forbidden(work, step.payment):
            if step.assessment is None:
                turn_away(work, run.payment_id, failure, run.lease)
            return None
        screened = step.payment if step.assessment is not None else None
        lease_s, passed = runtime.policy.lease_s, passed_over(step.plan, run)
        payment = work.begin_attempt(attempt, run.lease, lease_s, passed, screened)
        if payment is None:
            return None
        _tell(work, step, payment, attempt)
        if payment.due.parked is not None:
            # A fact has called a person since we decided: this attempt is never sent.
            unsent = NotCharged(Proof.NEVER_SENT, "the payment was parked before it")
            record(work, Fact(attempt.id, Source.ANSWER, unsent), attempt, runtime)
    return payment


def _tell(work: Work, step: Step, payment: Payment, attempt: Attempt) -> None:
    if step.assessment is not None:
        work.add_assessment(payment.id, step.assessment)
        work.tell(screened_told(payment, step.assessment.decision, step.assessment.mode))
    work.tell(attempt_told(None, attempt, Actor.WORKER, "charge"))
    if payment.status is not step.payment.status:
        work.tell(payment_told(step.payment, payment, Actor.WORKER, "charge"))


def _sent(attempt: Attempt, slot: Slot, run: Run, runtime: Runtime) -> Came:
    policy = runtime.policy
    budget = Budget(run.begun + policy.send_window_s, run.begun + policy.call_s)
    promise = slot.gateway.declaration.promises[Operation.CHARGE]
    outcome = slot.permit.send(attempt, budget, sender_goes_on(attempt, promise, budget, runtime))
    learnt = learn(Fact(attempt.id, Source.ANSWER, outcome), attempt, runtime)
    payment = learnt.of_payment
    if isinstance(outcome, NotCharged) and outcome.retry_after_s:
        run.retry_after_s = max(run.retry_after_s, outcome.retry_after_s)
    run.tried.add(slot.row.id)
    if not payment.final and not learnt.attempt.blocks and payment.status in CHARGEABLE:
        return Came.HARMLESS
    if not payment.final:
        # Facts drive it from here; whoever they wake must not find our lease in the way.
        with runtime.store.begin() as work:
            work.release(payment.id, run.lease)
    learnt.wake(runtime)
    return Came.OVER


def passed_over(plan: Plan, run: Run) -> dict[str, str]:
    """Return why each gateway that is not being asked is not: by the plan, by its slots, or since."""
    refused = {id_: refusal.reason for id_, refusal in run.refused.items()}
    return dict(plan.skipped) | refused | dict.fromkeys(sorted(run.tried), "tried")


def _intent(step: Step, row: GatewayRow) -> Intent:
    payment = step.payment
    return Intent(
        operation=Operation.CHARGE,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        money=payment.money,
        gateway_id=row.id,
        number=sum(a.operation is Operation.CHARGE for a in step.attempts) + 1,
        request_id=payment.request_id,
        payment_id=payment.id,
        captures=payment.captures_at_once,
        card=counted_as(payment),
    )
