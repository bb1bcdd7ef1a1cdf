"""Pay: screen a new payment and, if nothing speaks against it, charge it in the same run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.commands import Command
from domain.flows.charge import go_on
from domain.flows.screen import Seen, decided, look_at, store_decision
from domain.flows.step import Came, Run, Step, admitted, attempted
from domain.payment import Review, Status
from domain.ports import Runtime
from domain.routing import Go, decide

AT_ONCE: Final = 0.0


def pay(payment_id: UUID, runtime: Runtime) -> None:
    """Move one new payment on as far as it goes now.

    Its fraud decision is written with its first attempt: one claim, one message and two
    transactions less than if one run screened it and another one charged it. Where that cannot be,
    the decision is written alone, and the charge has a run of its own.
    """
    begun = runtime.monotonic()
    seen = look_at(payment_id, runtime)
    if seen is None:
        return
    wait_s = _charged(seen, begun, runtime)
    if wait_s is not None:
        store_decision(seen, runtime, wait_s)


def _charged(seen: Seen, begun: float, runtime: Runtime) -> float | None:
    """Make the first attempt. A number: nothing was written or sent, and after so many seconds a
    run of its own may charge it. That is at once if somebody must decide, we are stopping, or the
    payment has changed since its claim; and later if no gateway has a slot now."""
    payment = decided(seen.payment, seen.assessment)
    if payment.status is not Status.PENDING or payment.review is Review.OPEN or runtime.draining():
        return AT_ONCE
    payment = replace(payment, next_command=Command.CHARGE)
    # What was never screened was never tried: the books refuse a second attempt with its number.
    verdict = decide(payment, seen.gateways, (), seen.now, runtime.policy.max_runs)
    if not isinstance(verdict, Go) or not verdict.plan.order:  # the charge's own run says why
        return AT_ONCE
    run = Run(payment.id, seen.lease, begun)
    step = Step(payment, verdict.plan, (), seen.now, seen.assessment)
    slot = admitted(step, run, runtime)
    if slot is None:
        # It was waited for here: another run that waits as well would hold another thread.
        waits = [refusal.retry_after_s for refusal in run.refused.values()]
        return runtime.policy.deferral_s(min(waits), 0.0)
    match attempted(step, slot, run, runtime):
        case Came.UNWRITTEN | Came.INEXPRESSIBLE:
            return AT_ONCE
        case Came.HARMLESS:
            go_on(run, runtime)
            return None
        case Came.OVER:
            return None
