"""Payout: send a merchant's money out, at the first gateway that takes it; never at two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import REQUEST_REJECTED, Attempt, Operation, State
from domain.backoff import delay_s
from domain.books import Claim, Work
from domain.due import NEVER, Lease, Reason
from domain.events import Actor, attempt_told
from domain.facts import Fact, Source, is_open
from domain.flows.confirm import sender_goes_on
from domain.flows.intent import Intent
from domain.flows.learn import learn
from domain.operation_events import payout_told
from domain.outcome import Hardness
from domain.payment import Failure
from domain.payout import Payout, PayoutStatus
from domain.policy import Policy
from domain.ports import Budget, Declaration, Permit, Refused, Runtime
from domain.routing import Plan, Wanted, plan
from domain.task import PayOut

#: Why a gateway is not asked again in this run.
TRIED = "tried"


@dataclass(frozen=True, slots=True)
class Sendable:
    """What can be sent: a request that its gateway understands, and a slot there."""

    id: UUID
    gateway_id: str
    request: bytes
    declared: Declaration
    permit: Permit


def payout(payout_id: UUID, runtime: Runtime) -> None:
    """Carry out one due payout. The attempt's own row is the job from its commit on."""
    with runtime.store.begin() as work:
        claim = work.claim_payout(payout_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        attempts = work.payout_attempts(payout_id)
        route = _next(work, claim, attempts, runtime)
    if route is None:
        return
    row, lease = claim.row, claim.lease
    found = _admitted(row, route, attempts, runtime)  # asks for slots: no transaction is open
    if isinstance(found, dict):
        with runtime.store.begin() as work:
            _defer(work, row, found, lease, runtime)
        return
    policy, begun = runtime.policy, runtime.monotonic()
    try:
        with runtime.store.begin() as work:
            attempt = _commit(work, work.lock_payout(payout_id), found, attempts, lease, policy)
    except BaseException:
        found.permit.give_back()
        raise
    budget = Budget(begun + policy.send_window_s, begun + policy.call_s)
    promise = found.declared.promises[Operation.PAYOUT]
    go_on = sender_goes_on(attempt, promise, budget, runtime)
    outcome = found.permit.send(attempt, budget, go_on)
    learn(Fact(attempt.id, Source.ANSWER, outcome), attempt, runtime).wake(runtime)


def _next(
    work: Work, claim: Claim[Payout], attempts: Sequence[Attempt], runtime: Runtime
) -> Plan | None:
    """Return where to go. None: it was written down what happens instead."""
    row, lease, now = claim.row, claim.lease, work.now
    if claim.starts > runtime.policy.max_starts:
        _save(work, row, replace(row, due=row.due.park(now, Reason.POISON)), lease)
        return None
    if row.over or any(is_open(a) or a.state is State.SUCCEEDED for a in attempts):
        work.save_payout(replace(row, due=NEVER if row.over else row.due.at(None)), lease)
        return None
    if runtime.draining():
        work.save_payout(replace(row, due=row.due.at(now)), lease)
        return None
    route = _plan(work, row, attempts)
    if failure := _over(row, route, attempts, now, runtime):
        _save(work, row, row.ended(PayoutStatus.FAILED, now, failure), lease)
        return None
    return route


def _over(
    row: Payout, route: Plan, attempts: Sequence[Attempt], now: datetime, runtime: Runtime
) -> Failure | None:
    """Return why nobody is asked any more; every attempt is proven harmless by now."""
    for attempt in attempts:
        if attempt.state is State.DECLINED and attempt.cause != Hardness.SOFT:
            return Failure(attempt.code or "declined", "the payout was refused")
        if attempt.code == REQUEST_REJECTED:
            return Failure(REQUEST_REJECTED, "the provider cannot take this request")
    late = now >= row.expires_at or row.runs >= runtime.policy.max_runs
    last = attempts[-1] if attempts else None
    if (late or not route.order) and last is not None and last.state is State.DECLINED:
        return Failure(last.code or "declined", "the payout was refused")
    if late:
        return Failure("no_provider_available", "no gateway could take the payout in time")
    return None


def _admitted(
    row: Payout, route: Plan, attempts: Sequence[Attempt], runtime: Runtime
) -> Sendable | dict[str, str]:
    """Return what can be sent, with its slot; or why each gateway cannot take it now."""
    refused = dict(route.skipped)
    tried = [attempt.gateway_id for attempt in attempts]
    for candidate in route.order:
        if tried.count(candidate.id) > row.runs:  # once per run, then all of them rest
            refused[candidate.id] = TRIED
            continue
        gateway = runtime.gateways.get(candidate.id)
        if gateway is None or not gateway.declaration.can_pay_out:
            refused[candidate.id] = "no_adapter" if gateway is None else "cannot_pay_out"
            continue
        id_ = runtime.new_id()
        request = gateway.compose(PayOut(row), id_.hex)
        if request is None:
            refused[candidate.id] = "cannot_express"
            continue
        retry = candidate.id in tried
        permit = runtime.gateways.admit(candidate, Operation.PAYOUT, retry=retry)
        if isinstance(permit, Refused):
            refused[candidate.id] = permit.reason
            if permit.ours:
                break
            continue
        return Sendable(id_, candidate.id, request, gateway.declaration, permit)
    return refused


def _plan(work: Work, row: Payout, attempts: Sequence[Attempt]) -> Plan:
    wanted = Wanted(
        row.merchant_id,
        row.mode,
        row.country,
        row.money.currency.code,
        row.money.minor,
        row.destination.type,
        Operation.PAYOUT.value,
        row.preference,
    )
    return plan(wanted, work.gateways(), attempts)


def _commit(
    work: Work,
    row: Payout,
    found: Sendable,
    attempts: Sequence[Attempt],
    lease: Lease,
    policy: Policy,
) -> Attempt:
    """Write the intent down, if the payout is still ours (`LeaseLost`) and nothing else is open,
    which the database refuses."""
    intent = Intent(
        operation=Operation.PAYOUT,
        merchant_id=row.merchant_id,
        mode=row.mode,
        money=row.money,
        gateway_id=found.gateway_id,
        number=len(attempts) + 1,
        request_id=row.request_id,
        payout_id=row.id,
    )
    attempt = intent.written(found.id, found.request, found.declared, work.now, policy)
    begun = replace(
        row.moved(PayoutStatus.PROCESSING), gateway_id=found.gateway_id, due=row.due.at(None)
    )
    work.save_payout(begun, lease)  # first of all: whoever has lost the lease hears of that
    work.add_attempt(attempt)
    work.tell(attempt_told(None, attempt, Actor.WORKER, "payout"))
    if begun.status is not row.status:
        work.tell(payout_told(row, begun, Actor.WORKER, "payout"))
    return attempt


def _defer(
    work: Work,
    row: Payout,
    refused: dict[str, str],
    lease: Lease,
    runtime: Runtime,
) -> None:
    """Nobody can take it now: wait on the row. A run in which gateways were asked counts."""
    waited_s = (work.now - row.created_at).total_seconds()
    wait_s = runtime.policy.deferral_s(math.inf, waited_s)
    runs = row.runs
    if TRIED in refused.values():
        runs += 1
        wait_s = delay_s(runs, runtime.draw(), runtime.policy.backoff)
    when = min(work.now + timedelta(seconds=wait_s), row.expires_at)
    work.save_payout(replace(row, runs=runs, skipped=refused, due=row.due.at(when)), lease)


def _save(work: Work, before: Payout, after: Payout, lease: Lease) -> None:
    work.save_payout(after, lease)
    work.tell(payout_told(before, after, Actor.WORKER, "payout"))
