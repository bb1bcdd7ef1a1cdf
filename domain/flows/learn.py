"""Learn: append what a provider told us and apply it, in one transaction. Needs no lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from domain.attempt import Attempt, State
from domain.commands import Command
from domain.facts import Applied, Fact, Source, apply
from domain.fraud.identities import identities
from domain.outcome import Declined, Unknown
from domain.payment import Payment
from domain.ports import Runtime, Work


def learn(
    fact: Fact,
    payment_id: UUID,
    runtime: Runtime,
    then: Callable[[Attempt, Work], Attempt] | None = None,
) -> Applied:
    """Store `fact` and what it changes; `then` may reschedule the attempt in the same transaction.

    Returns the payment and the attempt as they are now.
    """
    with runtime.store.begin() as work:
        applied = record(work, fact, payment_id, runtime, then)
    if isinstance(fact.outcome, Declined):
        _remember_decline(applied.payment, runtime)
    return applied


def record(
    work: Work,
    fact: Fact,
    payment_id: UUID,
    runtime: Runtime,
    then: Callable[[Attempt, Work], Attempt] | None = None,
) -> Applied:
    """Do the same inside an open transaction."""
    before = work.lock_payment(payment_id)
    work.add_fact(fact)
    attempts = work.attempts(payment_id)
    known = next(a for a in attempts if a.id == fact.attempt_id)
    applied = apply(
        fact,
        before,
        known,
        another_blocks=any(a.blocks for a in attempts if a.id != known.id),
        now=work.now,
        schedule=runtime.policy.resolve,
    )
    payment, attempt = applied.payment, applied.attempt
    if payment != before:
        payment = work.save_payment(payment)
    if then is not None:
        attempt = then(attempt, work)
    if attempt != known or then is not None:
        work.save_attempt(attempt)
    if applied.transaction is not None:
        work.add_transaction(applied.transaction)
    work.tell(*applied.told)
    return Applied(payment, attempt, applied.told, applied.transaction)


def take_over(work: Work, attempt: Attempt, runtime: Runtime) -> Applied:
    """Its sender died, or stalls, between its first byte and its last: it may have charged.

    From here on others may send the same bytes, so the first copy's own answer proves less.
    """
    lost = Unknown("the worker stopped before the answer was stored")
    return record(
        work,
        Fact(attempt.id, Source.RECOVERY, lost),
        attempt.payment_id,
        runtime,
        lambda open_, work: (
            replace(open_, due=open_.due.at(work.now))
            if open_.state is State.UNKNOWN and open_.due.parked is None
            else open_
        ),
    )


def wake_charge(payment: Payment, runtime: Runtime) -> None:
    """Wake the charge at once where the last fact left the payment without an open attempt."""
    if not payment.final and payment.due.next_run_at is not None:
        runtime.wake(Command.CHARGE, payment.id, payment.request_id)


def _remember_decline(payment: Payment, runtime: Runtime) -> None:
    """Feed card testing's window: issuer declines only, never our own errors or outages."""
    who = identities(payment)
    runtime.velocity.declined(
        payment_id=payment.id,
        card=who.card,
        ip=who.ip,
        customer=who.customer,
        at=payment.created_at,
    )
