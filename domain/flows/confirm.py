"""Confirm: between the two calls of a split operation, store what was made and that money may move."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from domain.attempt import Attempt, Operation, State
from domain.books import Work
from domain.facts import Fact, Source, is_open
from domain.flows.learn import record
from domain.outcome import Prepared
from domain.ports import Budget, Further, GoOn, Promise, Runtime


def sender_goes_on(attempt: Attempt, promise: Promise, budget: Budget, runtime: Runtime) -> GoOn:
    """Return how the run that made the object goes on: by the deadline that it has, unless somebody
    else has taken the attempt over since. Its claim on the payment or payout stays as it is."""

    def go_on(prepared: Prepared) -> Further | None:
        begun = runtime.monotonic()
        if runtime.draining() or begun >= budget.deadline:
            return None
        taken = frozenset(State) - {State.SENDING}
        ready = _confirmed(prepared, attempt, Source.ANSWER, taken, promise, runtime)
        send_by = min(begun + runtime.policy.send_window_s, budget.deadline)
        return None if ready is None else Further(ready, Budget(send_by, budget.deadline))

    return go_on


def resolver_goes_on(
    prepared: Prepared, attempt: Attempt, promise: Promise, budget: Budget, runtime: Runtime
) -> Further | None:
    """Go on with an attempt that its first sender left, or that waited for the payer."""
    if runtime.draining():
        return None
    taken = frozenset({State.SENDING})
    ready = _confirmed(prepared, attempt, Source.LOOKUP, taken, promise, runtime)
    return None if ready is None else Further(ready, budget)


def _confirmed(
    prepared: Prepared,
    attempt: Attempt,
    source: Source,
    taken: frozenset[State],
    promise: Promise,
    runtime: Runtime,
) -> Attempt | None:
    """Write down, under the row lock, that the call that moves the money may be sent from now on.

    None, and nothing written: nobody wants the money any more, a person was asked, another run has
    the attempt (it is in a `taken` state), or the provider no longer protects a repetition.
    """
    with runtime.store.begin() as work:
        wanted = _is_wanted(work, attempt)
        known = work.attempt(attempt.id)
        assert known is not None, "attempts are never deleted"
        margin = timedelta(seconds=2 * runtime.policy.call_s)
        if (
            not wanted
            or known.state in taken
            or not is_open(known)
            or known.due.parked is not None
            or (known.confirming and not known.may_replay(work.now, margin))
        ):
            return None

        def confirming(seen: Attempt, work: Work) -> Attempt:
            return _begun(seen, work.now, promise, runtime)

        return record(work, Fact(attempt.id, source, prepared), known, runtime, confirming).attempt


def _is_wanted(work: Work, attempt: Attempt) -> bool:
    """Lock what the attempt belongs to, and say whether its money is still asked for."""
    if attempt.operation is Operation.PAYOUT:
        return not work.lock_payout(attempt.root_id).over
    payment = work.lock_payment(attempt.root_id)
    return not (
        payment.final
        or payment.due.parked is not None
        or payment.cancel_requested_at is not None
        or work.now >= payment.expires_at
    )


def _begun(attempt: Attempt, now: datetime, promise: Promise, runtime: Runtime) -> Attempt:
    """The first time, the call that moves the money gets times of its own; a repetition has them."""
    policy = runtime.policy
    deadline = now + timedelta(seconds=policy.call_s)
    # Should we die now, `resolve` takes over as soon as we can no longer be sending.
    due = attempt.due.at(deadline + timedelta(seconds=policy.lease_slack_s))
    if attempt.confirming:
        return replace(attempt, due=due)
    return replace(
        attempt,
        confirming=True,
        send_before=now + timedelta(seconds=policy.send_window_s),
        deadline_at=deadline,
        key_window_ends=now + promise.key_window,
        due=due,
    )
