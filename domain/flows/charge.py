"""Charge: try gateways one after another, each only after the one before is proven harmless."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, State
from domain.backoff import delay_s
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Due, Lease, Reason
from domain.events import Actor, payment_told
from domain.flows.consequences import close_cases
from domain.flows.learn import take_over
from domain.flows.step import Came, Run, Step, admitted, attempted, passed_over
from domain.payment import CHARGEABLE, Payment, Status
from domain.ports import Runtime
from domain.routing import End, Go, Plan, Stand, decide

#: More gateways than this for one payment is a configuration error; also the bound of the loop.
MAX_STEPS = 16


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
    _follow(step, run, runtime)


def go_on(run: Run, runtime: Runtime) -> None:
    """Go on with a run whose last attempt is proven harmless."""
    _follow(_look_again(run, runtime), run, runtime)


def _follow(step: Step | None, run: Run, runtime: Runtime) -> None:
    for _ in range(MAX_STEPS):
        if step is None or not _try(step, run, runtime):
            return
        step = _look_again(run, runtime)


def _look_again(run: Run, runtime: Runtime) -> Step | None:
    run.begun = runtime.monotonic()
    with runtime.store.begin() as work:
        return _next(work, work.lock_payment(run.payment_id), run, runtime)


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
    slot = admitted(step, run, runtime)
    if slot is None:
        _defer(step.plan, run, runtime)
        return False
    return attempted(step, slot, run, runtime) in (Came.HARMLESS, Came.INEXPRESSIBLE)


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
            skipped=passed_over(plan, run),
            due=payment.due.at(min(when, payment.expires_at)),
        )
        work.save_payment(waiting, run.lease)


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
