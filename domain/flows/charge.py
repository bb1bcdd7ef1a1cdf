"""Charge: try gateways one after another, each only after the one before is proven harmless."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.backoff import delay_s
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Due, Lease, Reason
from domain.events import Actor, attempt_told, payment_told
from domain.facts import Fact, Source
from domain.flows.confirm import sender_goes_on
from domain.flows.consequences import close_cases
from domain.flows.govern import counted_as, forbidden, turn_away
from domain.flows.intent import Intent
from domain.flows.learn import learn, record, take_over
from domain.outcome import NotCharged, Proof
from domain.payment import CHARGEABLE, Payment, Status
from domain.ports import Budget, Gateway, Permit, Refused, Runtime
from domain.routing import End, GatewayRow, Go, Plan, Stand, decide
from domain.task import Charge

#: More gateways than this for one payment is a configuration error; also the bound of the loop.
MAX_STEPS = 16


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


def charge(payment_id: UUID, runtime: Runtime) -> None:
    """Move one due payment on as far as it goes now; what comes next, and when, is on the row."""
    begun = runtime.monotonic()
    with runtime.store.begin() as work:
        claim = work.claim_payment(payment_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        run = Run(payment_id, claim.lease, begun)
        if claim.row.next_command is not Command.CHARGE:  # a stray message: screening comes first
            due = replace(claim.row, due=claim.row.due.at(work.now))
            work.save_payment(due, claim.lease)
            return
        if claim.starts > runtime.policy.max_starts:
            _park(work, claim.row, claim.lease)
            return
        step = _next(work, claim.row, run, runtime)
    for _ in range(MAX_STEPS):
        if step is None or not _try(step, run, runtime):
            return
        run.begun = runtime.monotonic()
        with runtime.store.begin() as work:
            step = _next(work, work.lock_payment(payment_id), run, runtime)


@dataclass(frozen=True, slots=True)
class Step:
    """Where to go next, decided under the payment's row lock."""

    payment: Payment
    plan: Plan
    attempts: Sequence[Attempt]
    now: datetime


def _next(work: Work, payment: Payment, run: Run, runtime: Runtime) -> Step | None:
    """Decide, and write what needs no gateway. None: this run is over."""
    if payment.final or payment.due.parked is not None:
        _leave(work, payment, run.lease)
        return None
    attempts = work.attempts(payment.id)
    verdict = decide(payment, work.gateways(), attempts, work.now, runtime.policy.max_runs)
    match verdict:
        case Go(plan=plan):
            return Step(payment, plan, attempts, work.now)
        case End(status=status, failure=failure):
            ended = payment.ended(status, failure)
            work.save_payment(ended, run.lease)
            work.tell(payment_told(payment, ended, Actor.WORKER, "charge"))
            if payment.status is Status.IN_REVIEW:
                close_cases(work, ended)
            return None
        case Stand(attempt=attempt):
            _stand(work, payment, attempt, run.lease, runtime)
            return None
        case _:
            assert_never(verdict)


def _stand(work: Work, payment: Payment, attempt: Attempt, lease: Lease, runtime: Runtime) -> None:
    """An attempt is open: hand it to `resolve` where it needs a push, and wait for its facts."""
    if attempt.state is State.SENDING:
        learnt = take_over(work, attempt, runtime)
        payment, attempt = learnt.of_payment, learnt.attempt
        if not attempt.blocks:  # split, and its money was never asked for
            work.save_payment(payment, lease)
            learnt.wake(runtime)
            return
        runtime.wake(Command.RESOLVE, attempt.id, payment.request_id)
    elif attempt.due.parked is None and (
        payment.cancel_requested_at is not None or work.now >= payment.expires_at
    ):
        work.save_attempt(replace(attempt, due=attempt.due.at(work.now)))
        runtime.wake(Command.RESOLVE, attempt.id, payment.request_id)
    ahead = payment.expires_at if work.now < payment.expires_at else None
    work.save_payment(replace(payment, due=Due(ahead, 0, payment.due.parked)), lease)


def _try(step: Step, run: Run, runtime: Runtime) -> bool:
    """Make one attempt at the first gateway that has a slot. False: this run is over."""
    if runtime.draining():
        _release(run, runtime)
        return False
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
        if isinstance(permit, Refused):
            run.refused[row.id] = permit
            if permit.ours:
                break
            continue
        return _attempt(step, row, gateway, permit, run, runtime)
    _defer(step.plan, run, runtime)
    return False


def _attempt(
    step: Step, row: GatewayRow, gateway: Gateway, permit: Permit, run: Run, runtime: Runtime
) -> bool:
    """Write the attempt down, send it, store the answer. False: this run is over."""
    policy = runtime.policy
    try:
        id_ = runtime.new_id()
        request = gateway.compose(Charge(step.payment), id_.hex)
        if request is None:
            permit.give_back()
            run.refused[row.id] = Refused("cannot_express", policy.defer_cap_s)
            return True
        declared = gateway.declaration
        attempt = _intent(step, row).written(id_, request, declared, step.now, policy)
        payment = None
        with runtime.store.begin() as work:
            passed = _passed_over(step.plan, run)
            if failure := forbidden(work, step.payment):
                turn_away(work, run.payment_id, failure, run.lease)
            else:
                payment = work.begin_attempt(attempt, run.lease, policy.lease_s, passed)
            if payment is not None:
                work.tell(attempt_told(None, attempt, Actor.WORKER, "charge"))
                if payment.status is not step.payment.status:
                    work.tell(payment_told(step.payment, payment, Actor.WORKER, "charge"))
                if payment.due.parked is not None:
                    # A fact has called a person since we decided: this attempt is never sent.
                    unsent = NotCharged(Proof.NEVER_SENT, "the payment was parked before it")
                    record(work, Fact(attempt.id, Source.ANSWER, unsent), attempt, runtime)
    except BaseException:
        permit.give_back()
        raise
    if payment is None or payment.due.parked is not None:  # or cancelled, or taken over, since then
        permit.give_back()
        return False
    budget = Budget(run.begun + policy.send_window_s, run.begun + policy.call_s)
    promise = declared.promises[Operation.CHARGE]
    outcome = permit.send(attempt, budget, sender_goes_on(attempt, promise, budget, runtime))
    learnt = learn(Fact(attempt.id, Source.ANSWER, outcome), attempt, runtime)
    payment = learnt.of_payment
    if isinstance(outcome, NotCharged) and outcome.retry_after_s:
        run.retry_after_s = max(run.retry_after_s, outcome.retry_after_s)
    run.tried.add(row.id)
    if not payment.final and not learnt.attempt.blocks and payment.status in CHARGEABLE:
        return True
    if not payment.final:
        # Facts drive it from here; whoever they wake must not find our lease in the way.
        with runtime.store.begin() as work:
            work.release(payment.id, run.lease)
    learnt.wake(runtime)
    return False


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


def _defer(plan: Plan, run: Run, runtime: Runtime) -> None:
    """Nobody can take it now: wait on the row, never in a thread.

    A run in which gateways were asked counts and backs off; one in which none had a slot does not.
    """
    with runtime.store.begin() as work:
        payment = work.lock_payment(run.payment_id)
        if _taken(payment):
            _leave(work, payment, run.lease)
            return
        runs = payment.runs + bool(run.tried)
        if run.tried:
            wait_s = delay_s(runs, runtime.draw(), runtime.policy.backoff)
        else:
            waits = [refusal.retry_after_s for refusal in run.refused.values()]
            waited_s = (work.now - payment.created_at).total_seconds()
            wait_s = runtime.policy.deferral_s(min(waits, default=math.inf), waited_s)
        when = work.now + timedelta(seconds=max(wait_s, run.retry_after_s))
        waiting = replace(
            payment,
            runs=runs,
            skipped=_passed_over(plan, run),
            due=payment.due.at(min(when, payment.expires_at)),
        )
        work.save_payment(waiting, run.lease)


def _passed_over(plan: Plan, run: Run) -> dict[str, str]:
    """Return why each gateway that is not being asked is not: by the plan, by its slots, or since."""
    refused = {id_: refusal.reason for id_, refusal in run.refused.items()}
    return dict(plan.skipped) | refused | dict.fromkeys(sorted(run.tried), "tried")


def _release(run: Run, runtime: Runtime) -> None:
    """We are stopping: give the payment back untouched, due at once, for another worker."""
    with runtime.store.begin() as work:
        payment = work.lock_payment(run.payment_id)
        if _taken(payment):
            _leave(work, payment, run.lease)
            return
        work.save_payment(replace(payment, due=payment.due.at(work.now)), run.lease)
    runtime.wake(Command.CHARGE, payment.id, payment.request_id)


def _taken(payment: Payment) -> bool:
    """Whether a fact has meanwhile ended the payment, or called a person to decide about it."""
    return payment.status not in CHARGEABLE or payment.due.parked is not None


def _leave(work: Work, payment: Payment, lease: Lease) -> None:
    """End this run's lease; when and whether the payment runs again is not ours to say."""
    work.save_payment(replace(payment, due=NEVER) if payment.final else payment, lease)


def _park(work: Work, payment: Payment, lease: Lease) -> None:
    parked = replace(payment, due=payment.due.park(work.now, Reason.POISON))
    work.save_payment(parked, lease)
    work.tell(payment_told(payment, parked, Actor.WORKER, "charge"))
