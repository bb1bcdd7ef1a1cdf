"""Holds: what capturing and voiding share: claim the payment, write the intent, send it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Lease, Reason
from domain.events import Actor, attempt_told, payment_told
from domain.facts import is_open
from domain.flows.intent import Intent, carry_out
from domain.money import Money
from domain.payment import Payment, Status
from domain.ports import Runtime
from domain.task import Capture, Void

#: Decides, under the payment's lock, which charge the operation is about. None: it has written down
#: what is to happen instead.
Choose = Callable[[Work, Payment, Sequence[Attempt], Lease], Attempt | None]

_OPERATIONS = {Command.CAPTURE: Operation.CAPTURE, Command.VOID: Operation.VOID}


def act_on_hold(payment_id: UUID, command: Command, choose: Choose, runtime: Runtime) -> None:
    """Carry out one due capture or void. The attempt's own row is the job from its commit on."""
    begun = runtime.monotonic()
    with runtime.store.begin() as work:
        claim = work.claim_payment(payment_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        attempt = _intent(work, claim.row, claim.lease, command, choose, claim.starts, runtime)
    if attempt is not None:
        carry_out(attempt, begun, runtime)


def _intent(
    work: Work,
    payment: Payment,
    lease: Lease,
    command: Command,
    choose: Choose,
    starts: int,
    runtime: Runtime,
) -> Attempt | None:
    if payment.final:
        work.save_payment(replace(payment, due=NEVER), lease)
        return None
    if payment.next_command is not command or runtime.draining():
        work.save_payment(replace(payment, due=payment.due.at(work.now)), lease)
        return None
    if starts > runtime.policy.max_starts:
        parked = replace(payment, due=payment.due.park(work.now, Reason.POISON))
        work.save_payment(parked, lease)
        work.tell(payment_told(payment, parked, Actor.WORKER, command.value))
        return None
    attempts = work.attempts(payment.id)
    if any(is_open(attempt) and _changes_hold(attempt) for attempt in attempts):
        # What it comes to decides; it has its own due row.
        work.save_payment(replace(payment, due=payment.due.at(None)), lease)
        return None
    charge = choose(work, payment, attempts, lease)
    if charge is None:
        return None
    return _write(work, payment, charge, attempts, lease, _OPERATIONS[command], runtime)


def _write(
    work: Work,
    payment: Payment,
    charge: Attempt,
    attempts: Sequence[Attempt],
    lease: Lease,
    operation: Operation,
    runtime: Runtime,
) -> Attempt | None:
    gateway = runtime.gateways.get(charge.gateway_id)
    if gateway is None:  # its configuration may come back
        later = work.now + timedelta(seconds=runtime.policy.defer_cap_s)
        work.save_payment(replace(payment, due=payment.due.at(later)), lease)
        return None
    id_ = runtime.new_id()
    if operation is Operation.CAPTURE:
        assert payment.capture_amount is not None
        money = Money(payment.capture_amount, payment.money.currency)
        request = gateway.compose(Capture(charge, money), id_.hex)
    else:
        money = charge.money
        payment = replace(payment, ending=payment.ending or Status.EXPIRED)
        request = gateway.compose(Void(charge), id_.hex)
    if request is None:  # a person must collect it, or let go of it, at the provider
        parked = replace(payment, due=payment.due.park(work.now, Reason.UNRESOLVED))
        work.save_payment(parked, lease)
        work.tell(payment_told(payment, parked, Actor.WORKER, operation.value))
        return None
    intent = Intent(
        operation=operation,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        money=money,
        gateway_id=charge.gateway_id,
        number=sum(attempt.operation is operation for attempt in attempts) + 1,
        request_id=payment.request_id,
        payment_id=payment.id,
        target=charge.provider_id,
    )
    attempt = intent.written(id_, request, gateway.declaration, work.now, runtime.policy)
    work.add_attempt(attempt)
    work.save_payment(replace(payment, due=payment.due.at(None)), lease)
    work.tell(attempt_told(None, attempt, Actor.WORKER, operation.value))
    return attempt


def _changes_hold(attempt: Attempt) -> bool:
    return attempt.refund_id is None and attempt.operation in (Operation.CAPTURE, Operation.VOID)
