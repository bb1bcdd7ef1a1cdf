"""Resolve: ask the same gateway what became of an attempt, until it is known. Never another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt, State
from domain.commands import Command
from domain.due import NEVER, Reason
from domain.events import Actor, attempt_told
from domain.facts import Fact, Source, polled
from domain.flows.learn import learn, take_over, wake_charge
from domain.outcome import (
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Payment
from domain.ports import Budget, Declaration, Gateway, Runtime, Work


def resolve(attempt_id: UUID, runtime: Runtime) -> None:
    """Look one due attempt up, apply what is found, and schedule the next look if it stays open."""
    until = runtime.monotonic() + 2 * runtime.policy.call_s  # a look-up, then a replay or a void
    with runtime.store.begin() as work:
        claim = work.claim_attempt(attempt_id, runtime.owner, runtime.policy.lease_s * 2)
        if claim is None:
            return
        attempt = claim.row
        if not attempt.blocks or attempt.state is State.CAPTURED:
            work.save_attempt(replace(attempt, due=NEVER))
            return
        if claim.starts > runtime.policy.max_starts:
            parked = replace(attempt, due=attempt.due.park(work.now, Reason.POISON))
            work.save_attempt(parked)
            work.tell(attempt_told(attempt, parked, Actor.WORKER, "resolve"))
            return
        payment = work.payment(attempt.payment_id)  # unlocked: facts lock it before the attempt
        now = work.now
    if attempt.state is State.SENDING:
        with runtime.store.begin() as work:
            take_over(work, attempt, runtime)
        runtime.wake(Command.RESOLVE, attempt.id, attempt.request_id)
        return
    gateway = runtime.gateways.get(attempt.gateway_id)
    if gateway is None:
        found: tuple[Source, Outcome] = (Source.LOOKUP, Unknown("the gateway has no adapter here"))
    else:
        found = _ask(attempt, payment, gateway, now, until, runtime)
    source, outcome = found
    applied = learn(Fact(attempt.id, source, outcome), payment.id, runtime, _later(runtime))
    if not applied.attempt.blocks:
        wake_charge(applied.payment, runtime)


def _later(runtime: Runtime) -> Callable[[Attempt, Work], Attempt]:
    return lambda attempt, work: polled(attempt, work.now, runtime.policy.resolve)


def _ask(
    attempt: Attempt,
    payment: Payment,
    gateway: Gateway,
    now: datetime,
    until: float,
    runtime: Runtime,
) -> tuple[Source, Outcome]:
    """Look up; then, by what is wanted, send the stored bytes again or cancel."""
    declared = gateway.declaration
    unwanted = payment.final or payment.cancel_requested_at is not None or now >= payment.expires_at
    found = gateway.lookup(attempt, _budget(until, runtime))
    match found:
        case NotFound():
            return _absent(attempt, gateway, declared, now, unwanted, until, runtime)
        case Pending() | RequiresAction() | Succeeded(captured=False) if (
            unwanted and declared.can_void
        ):
            named = replace(attempt, provider_id=attempt.provider_id or found.provider_id)
            return Source.VOID, gateway.void(named, _budget(until, runtime))
        case _:
            return Source.LOOKUP, found


def _absent(
    attempt: Attempt,
    gateway: Gateway,
    declared: Declaration,
    now: datetime,
    unwanted: bool,
    until: float,
    runtime: Runtime,
) -> tuple[Source, Outcome]:
    """The provider does not know the attempt. That alone proves nothing (law 4)."""
    # A replay may have left as late as the key's window allowed, and takes as long to be seen.
    last_sent = max(attempt.deadline_at, attempt.key_window_ends)
    if declared.lookup_authoritative and now > last_sent + declared.visibility_lag:
        return Source.LOOKUP, NotCharged(Proof.READ_BACK, "absent after every window had closed")
    margin = timedelta(seconds=2 * runtime.policy.call_s)
    lost = attempt.state is State.UNKNOWN and attempt.may_replay(now, margin)
    if lost and not unwanted:
        # The same bytes under the same key: the provider charges at most once, whichever arrives.
        return Source.ANSWER, _replayed(gateway.charge(attempt, _budget(until, runtime)))
    return Source.LOOKUP, Unknown("the provider does not know it yet, and it may still arrive")


def _replayed(outcome: Outcome) -> Outcome:
    """A refused or unsent replay proves nothing about the first copy, which may still be charged."""
    if isinstance(outcome, NotCharged):
        return Unknown(f"the replay was not executed: {outcome.proof}, {outcome.cause}")
    return outcome


def _budget(until: float, runtime: Runtime) -> Budget:
    """One call's time. `until` bounds the whole run, counted from before the database's clock was
    read: the margin of the key's window and the lease hold even if we stall between two calls."""
    begun, policy = runtime.monotonic(), runtime.policy
    return Budget(min(begun + policy.send_window_s, until), min(begun + policy.call_s, until))
