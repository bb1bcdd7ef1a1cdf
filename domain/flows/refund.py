"""Refund: send money back to where it came from, once, at the gateway that has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Claim, Work
from domain.due import Lease, Reason
from domain.events import Actor, attempt_told
from domain.facts import is_open
from domain.flows.intent import Intent, carry_out
from domain.money import Money
from domain.operation_events import refund_told
from domain.payment import Failure, Payment
from domain.ports import Runtime
from domain.refund import Refund, RefundKind, RefundStatus, rebalanced
from domain.task import GiveBack, Void


def refund(refund_id: UUID, runtime: Runtime) -> None:
    """Carry out one due refund. The attempt's own row is the job from its commit on."""
    with runtime.store.begin() as work:
        claim = work.claim_refund(refund_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        if claim.starts > runtime.policy.max_starts:
            _park(work, claim.row, claim.lease, Reason.POISON)
            return
    begun = runtime.monotonic()
    with runtime.store.begin() as work:
        # Facts lock the payment first and so do we; the refund is ours by its lease.
        payment = work.lock_payment(claim.row.payment_id)
        attempt = _intent(work, payment, claim, runtime)
    if attempt is not None:
        carry_out(attempt, begun, runtime)


def _intent(work: Work, payment: Payment, claim: Claim[Refund], runtime: Runtime) -> Attempt | None:
    held = work.refund(claim.row.id)
    assert held is not None, "refunds are never deleted"
    attempts = work.attempts(payment.id)
    mine = [attempt for attempt in attempts if attempt.refund_id == held.id]
    charge = next(attempt for attempt in attempts if attempt.id == held.charge_id)
    if held.over or any(is_open(a) or a.state is State.SUCCEEDED for a in mine):
        work.save_refund(replace(held, due=held.due.at(None)), claim.lease)
        return None
    if runtime.draining():
        work.save_refund(replace(held, due=held.due.at(work.now)), claim.lease)
        return None
    if charge.state is State.REVERSED:
        # The provider took the money back itself, before we sent any: nothing is owed any more.
        ended = held.ended(RefundStatus.CANCELLED, work.now)
        _end(work, payment, held, ended, claim.lease)
        return None
    return _write(work, payment, held, charge, attempts, claim.lease, runtime)


def _write(
    work: Work,
    payment: Payment,
    held: Refund,
    charge: Attempt,
    attempts: Sequence[Attempt],
    lease: Lease,
    runtime: Runtime,
) -> Attempt | None:
    gateway = runtime.gateways.get(charge.gateway_id)
    if gateway is None:  # its configuration may come back
        later = work.now + timedelta(seconds=runtime.policy.defer_cap_s)
        work.save_refund(replace(held, due=held.due.at(later)), lease)
        return None
    id_ = runtime.new_id()
    if held.kind is RefundKind.LATE and not charge.captured:
        operation, money = Operation.VOID, charge.money
        request = gateway.compose(Void(charge), id_.hex)
    else:
        operation, money = Operation.REFUND, _money(held, charge)
        task = GiveBack(charge, replace(held, money=money))
        request = gateway.compose(task, id_.hex) if gateway.declaration.can_refund else None
    if request is None and held.kind is RefundKind.LATE:  # a person must give it back there
        _park(work, held, lease, Reason.REFUND_FAILED)
        return None
    if request is None:
        failure = Failure("operation_not_supported", "this gateway cannot give the money back")
        _end(work, payment, held, held.ended(RefundStatus.FAILED, work.now, failure), lease)
        return None
    intent = Intent(
        operation=operation,
        merchant_id=held.merchant_id,
        mode=held.mode,
        money=money,
        gateway_id=charge.gateway_id,
        number=sum(attempt.operation is operation for attempt in attempts) + 1,
        request_id=held.request_id,
        payment_id=held.payment_id,
        refund_id=held.id,
        target=charge.provider_id,
    )
    attempt = intent.written(id_, request, gateway.declaration, work.now, runtime.policy)
    work.add_attempt(attempt)
    begun = replace(held.moved(RefundStatus.PROCESSING), due=held.due.at(None))
    work.save_refund(begun, lease)
    work.tell(attempt_told(None, attempt, Actor.WORKER, "refund"))
    if begun.status is not held.status:
        work.tell(refund_told(held, begun, Actor.WORKER, "refund"))
    return attempt


def _money(held: Refund, charge: Attempt) -> Money:
    """Late money goes back as it came: somebody may have collected only a part of a hold."""
    if held.kind is RefundKind.LATE and charge.captured:
        return Money(min(charge.captured, held.money.minor), held.money.currency)
    return held.money


def _end(work: Work, payment: Payment, held: Refund, ended: Refund, lease: Lease) -> None:
    work.save_refund(ended, lease)
    after = rebalanced(payment, held, ended)
    if after != payment:
        work.save_payment(after)
    work.tell(refund_told(held, ended, Actor.WORKER, "refund"))


def _park(work: Work, held: Refund, lease: Lease, reason: Reason) -> None:
    parked = replace(held, due=held.due.park(work.now, reason))
    work.save_refund(parked, lease)
    work.tell(refund_told(held, parked, Actor.WORKER, "refund"))
