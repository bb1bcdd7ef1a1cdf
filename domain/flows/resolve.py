"""Resolve: ask the same gateway what became of an attempt, until it is known. Never another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Reason
from domain.events import Actor, attempt_told
from domain.facts import Fact, Source, is_open, polled
from domain.flows.learn import Then, learn, take_over
from domain.flows.send import send
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
from domain.ports import Budget, Declaration, Gateway, Runtime


def resolve(attempt_id: UUID, runtime: Runtime) -> None:
    """Look one due attempt up, apply what is found, and schedule the next look if it stays open."""
    until = runtime.monotonic() + 2 * runtime.policy.call_s  # a look-up, then a replay or a void
    with runtime.store.begin() as work:
        claim = work.claim_attempt(attempt_id, runtime.owner, runtime.policy.lease_s * 2)
        if claim is None:
            return
        attempt = claim.row
        if not (is_open(attempt) or _may_have_changed(attempt)):
            work.save_attempt(replace(attempt, due=NEVER))
            return
        if claim.starts > runtime.policy.max_starts:
            parked = replace(attempt, due=attempt.due.park(work.now, Reason.POISON))
            work.save_attempt(parked)
            work.tell(attempt_told(attempt, parked, Actor.WORKER, "resolve"))
            return
        now = work.now
        unwanted = attempt.operation is Operation.CHARGE and _unwanted(
            work.payment(attempt.root_id),  # unlocked: facts lock it before the attempt
            now,
        )
    if attempt.state is State.SENDING:
        with runtime.store.begin() as work:
            learnt = take_over(work, attempt, runtime)
        learnt.wake(runtime)
        runtime.wake(Command.RESOLVE, attempt.id, attempt.request_id)
        return
    gateway = runtime.gateways.get(attempt.gateway_id)
    if gateway is None:
        found: tuple[Source, Outcome] = (Source.LOOKUP, Unknown("the gateway has no adapter here"))
    else:
        found = _ask(attempt, gateway, now, until, runtime, unwanted=unwanted)
    source, outcome = found
    learn(Fact(attempt.id, source, outcome), attempt, runtime, _later(runtime)).wake(runtime)


def _may_have_changed(attempt: Attempt) -> bool:
    """Whether a hold is worth another look: somebody else may have collected it, or let go of it."""
    return attempt.held and not attempt.captured and not attempt.released


def _unwanted(payment: Payment, now: datetime) -> bool:
    """Whether nobody waits for this money any more."""
    return payment.final or payment.cancel_requested_at is not None or now >= payment.expires_at


def _later(runtime: Runtime) -> Then:
    def later(attempt: Attempt, work: Work) -> Attempt:
        if is_open(attempt) or attempt.due.parked is not None:
            return polled(attempt, work.now, runtime.policy.resolve)
        return replace(attempt, due=NEVER)

    return later


def _ask(
    attempt: Attempt,
    gateway: Gateway,
    now: datetime,
    until: float,
    runtime: Runtime,
    *,
    unwanted: bool,
) -> tuple[Source, Outcome]:
    """Look up; then, by what is wanted, send the stored bytes again or cancel."""
    declared = gateway.declaration
    found = gateway.lookup(attempt, _budget(until, runtime))
    match found:
        case NotFound():
            return _absent(attempt, gateway, declared, now, unwanted, until, runtime)
        case Pending() | RequiresAction() | Succeeded(captured=False) if (
            unwanted and declared.can_void and is_open(attempt)
        ):
            named = replace(attempt, provider_id=attempt.provider_id or found.provider_id)
            return Source.VOID, gateway.cancel(named, _budget(until, runtime))
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
        return Source.ANSWER, _replayed(send(gateway, attempt, _budget(until, runtime)))
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
