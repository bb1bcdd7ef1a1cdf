"""Resolve: ask the same gateway what became of an attempt, until it is known. Never another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Work
from domain.commands import Command
from domain.due import NEVER, Reason
from domain.events import Actor, attempt_told
from domain.facts import Fact, Source, is_open, polled
from domain.flows.confirm import resolver_goes_on
from domain.flows.learn import Then, learn, take_over
from domain.flows.send import send
from domain.outcome import (
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Payment
from domain.policy import Policy
from domain.ports import Budget, Gateway, Promise, Resolution, Runtime


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
    found: tuple[Source, Outcome]
    if unwanted and is_open(attempt) and not attempt.confirming:
        # Nobody asked for the money, and nobody will: `confirm` refuses what is not wanted.
        lapsed = attempt.state is State.REQUIRES_ACTION  # it was the payer who did not act
        unasked = NotCharged(Proof.NEVER_SENT, "its money was never asked for", lapsed=lapsed)
        found = Source.RECOVERY, unasked
    elif gateway is None:
        found = Source.LOOKUP, Unknown("the gateway has no adapter here")
    else:
        found = _ask(Case(attempt, gateway, now, until, unwanted), runtime)
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


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt to be cleared up, and by when (`until`, monotonic)."""

    attempt: Attempt
    gateway: Gateway
    now: datetime
    until: float
    #: Whether nobody waits for its money any more.
    unwanted: bool

    @property
    def promise(self) -> Promise:
        """What the provider promises about its operation."""
        return self.gateway.declaration.promises[self.attempt.operation]

    def may_replay(self, policy: Policy) -> bool:
        """Whether the same bytes may go again: lost, wanted, and protected for as long as it takes.
        What was not confirmed was not lost: only `confirm` may have its money asked for."""
        margin = timedelta(seconds=2 * policy.call_s)
        lost = self.attempt.state is State.UNKNOWN and self.attempt.confirming
        lost = lost and self.attempt.may_replay(self.now, margin)
        return lost and not self.unwanted and self.promise.resolution is not Resolution.LOOKUP_ONLY


def _ask(case: Case, runtime: Runtime) -> tuple[Source, Outcome]:
    """Find out, in the order that the provider declares; then, by what is wanted, send the stored
    bytes again, go on with what is prepared, or cancel."""
    attempt, gateway, until = case.attempt, case.gateway, case.until
    again = case.may_replay(runtime.policy)
    if again and case.promise.resolution is Resolution.REPLAY_FIRST:
        replayed = _replayed(send(gateway, attempt, _budget(until, runtime)))
        if not isinstance(replayed, Unknown | Prepared):
            return Source.REPLAY, replayed
        again = False
    found = gateway.lookup(attempt, _budget(until, runtime))
    match found:
        case NotFound():
            return _absent(case, again, runtime)
        case Pending() | RequiresAction() | Prepared() | Succeeded(captured=False) if (
            case.unwanted and gateway.declaration.can_void and is_open(attempt)
        ):
            named = replace(attempt, provider_id=attempt.provider_id or found.provider_id)
            return Source.VOID, gateway.cancel(named, _budget(until, runtime))
        case Prepared() if not case.unwanted:
            budget = _budget(until, runtime)
            further = resolver_goes_on(found, attempt, case.promise, budget, runtime)
            if further is None:
                return Source.LOOKUP, found
            return Source.REPLAY, _replayed(send(gateway, further.attempt, further.budget))
        case _:
            return Source.LOOKUP, found


def _absent(case: Case, again: bool, runtime: Runtime) -> tuple[Source, Outcome]:
    """The provider does not know the attempt. That alone proves nothing (law 4)."""
    attempt, promise = case.attempt, case.promise
    # A replay may have left as late as the key's window allowed, and takes as long to be seen.
    last_sent = max(attempt.deadline_at, attempt.key_window_ends)
    if promise.authoritative and case.now > last_sent + promise.visibility_lag:
        return Source.LOOKUP, NotCharged(Proof.READ_BACK, "absent after every window had closed")
    if again:
        # The same bytes under the same key: the provider charges at most once, whichever arrives.
        replayed = _replayed(send(case.gateway, attempt, _budget(case.until, runtime)))
        return Source.REPLAY, replayed
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
