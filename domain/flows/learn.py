"""Learn: append what a provider told us and apply it, in one transaction. Needs no lease."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Interrupted, Work
from domain.charge_facts import apply
from domain.commands import Command
from domain.events import Actor, Told, payment_told
from domain.facts import Fact, Source, Transaction
from domain.flows.consequences import asked_again, give_back, opened, released
from domain.fraud.identities import identities
from domain.hold_facts import apply_to_hold
from domain.outcome import Declined, NotCharged, Outcome, Prepared, Proof, Unknown
from domain.payment import PAID, Payment, Status
from domain.payout import Payout
from domain.payout_facts import apply_payout
from domain.ports import Runtime
from domain.refund_facts import apply_refund

#: Reschedules the attempt in the fact's own transaction.
Then = Callable[[Attempt, Work], Attempt]

#: Tries to store an answer. It was paid for with a call, and not every provider can be asked again;
#: what is not stored after these leaves the attempt as it was, to be resolved.
MAX_TRIES = 3


@dataclass(frozen=True, slots=True)
class Learnt:
    """The attempt as it is now, what it belongs to, and whom to wake once this is committed."""

    attempt: Attempt
    payment: Payment | None = None
    payout: Payout | None = None
    wakes: tuple[tuple[Command, UUID], ...] = ()

    @property
    def of_payment(self) -> Payment:
        """The payment; a payout has none."""
        assert self.payment is not None
        return self.payment

    def wake(self, runtime: Runtime) -> None:
        """Wake whoever has something to do now."""
        for command, id_ in self.wakes:
            runtime.wake(command, id_, self.attempt.request_id)


def learn(fact: Fact, attempt: Attempt, runtime: Runtime, then: Then | None = None) -> Learnt:
    """Store `fact` and what it changes; `then` may reschedule the attempt in the same transaction.

    Whom it wakes is for the caller to wake, once its own lease is not in their way.
    """
    learnt = _persistently(fact, attempt, runtime, then)
    if isinstance(fact.outcome, Declined) and attempt.operation is Operation.CHARGE:
        _remember_decline(learnt.of_payment, runtime)
    return learnt


def _persistently(fact: Fact, attempt: Attempt, runtime: Runtime, then: Then | None) -> Learnt:
    """Nothing is sent here, and the same fact twice changes no more than once: so it may be tried
    again even where only the answer to COMMIT was lost."""

    def once() -> Learnt:
        with runtime.store.begin() as work:
            return record(work, fact, attempt, runtime, then)

    for _ in range(MAX_TRIES - 1):
        with suppress(Interrupted):
            return once()
    return once()


def record(
    work: Work, fact: Fact, attempt: Attempt, runtime: Runtime, then: Then | None = None
) -> Learnt:
    """Do the same inside an open transaction. `attempt` says where to look, not how things are."""
    match attempt.operation:
        case Operation.CHARGE:
            return _charge(work, fact, attempt.root_id, runtime, then)
        case Operation.CAPTURE:
            return _hold(work, fact, attempt.root_id, runtime, then)
        case Operation.VOID if attempt.refund_id is None:
            return _hold(work, fact, attempt.root_id, runtime, then)
        case Operation.VOID | Operation.REFUND:
            return _refund(work, fact, attempt.root_id, runtime, then)
        case Operation.PAYOUT:
            return _payout(work, fact, attempt.root_id, runtime, then)
        case _:
            assert_never(attempt.operation)


def _charge(
    work: Work, fact: Fact, payment_id: UUID, runtime: Runtime, then: Then | None
) -> Learnt:
    before = work.lock_payment(payment_id)
    work.add_fact(fact)
    attempts = work.attempts(payment_id)
    known = _of(attempts, fact.attempt_id)
    applied = apply(
        fact,
        before,
        known,
        another_blocks=_another_blocks(attempts, known),
        now=work.now,
        terms=runtime.policy.terms,
    )
    payment = _write(work, before, applied.payment, applied.transactions, applied.told)
    attempt = _write_attempt(work, known, applied.attempt, then)
    wakes = [*opened(work, fact, payment, known, attempt, runtime)]
    wakes += give_back(work, payment, known, attempt, runtime)
    if attempt.due.next_run_at == work.now and isinstance(fact.outcome, Prepared):
        wakes.append((Command.RESOLVE, attempt.id))
    return Learnt(attempt, payment, wakes=(*_due(payment, work), *wakes))


def _hold(work: Work, fact: Fact, payment_id: UUID, runtime: Runtime, then: Then | None) -> Learnt:
    before = work.lock_payment(payment_id)
    work.add_fact(fact)
    attempts = work.attempts(payment_id)
    known = _of(attempts, fact.attempt_id)
    charge = charge_of(attempts, known)
    terms, now = runtime.policy.terms, work.now
    draw = runtime.draw()
    held = apply_to_hold(fact, before, charge, known, now=now, terms=terms, draw=draw)
    payment, told, moved = held.payment, held.told, charge
    transactions: tuple[Transaction, ...] = ()
    if held.charge is not None:
        said = Fact(charge.id, Source.OPERATION, held.charge)
        work.add_fact(said)
        others = _another_blocks(attempts, charge)
        applied = apply(said, payment, charge, another_blocks=others, now=now, terms=terms)
        payment, moved, transactions = applied.payment, applied.attempt, applied.transactions
        told += applied.told
    if held.ask_again:
        moved = asked_again(moved, now)
    payment, ended = released(work, payment, moved, others=_another_blocks(attempts, charge))
    payment = _write(work, before, payment, transactions, (*told, *ended))
    attempt = _write_attempt(work, known, held.attempt, then)
    _write_attempt(work, charge, moved, None)
    wakes = [*opened(work, fact, payment, known, attempt, runtime)]
    wakes += [(Command.RESOLVE, charge.id)] if held.ask_again else []
    return Learnt(attempt, payment, wakes=(*_due(payment, work), *wakes))


def _refund(
    work: Work, fact: Fact, payment_id: UUID, runtime: Runtime, then: Then | None
) -> Learnt:
    before = work.lock_payment(payment_id)
    work.add_fact(fact)
    attempts = work.attempts(payment_id)
    known = _of(attempts, fact.attempt_id)
    assert known.refund_id is not None
    refund = work.refund(known.refund_id)
    assert refund is not None, "an attempt's refund is there: a foreign key says so"
    terms, now, draw = runtime.policy.terms, work.now, runtime.draw()
    others = any(a.blocks for a in attempts if a.refund_id == refund.id and a.id != known.id)
    applied = apply_refund(
        fact, before, refund, known, another_blocks=others, now=now, terms=terms, draw=draw
    )
    payment = _write(work, before, applied.payment, applied.transactions, applied.told)
    if applied.refund != refund:
        work.save_refund(applied.refund)
    attempt = _write_attempt(work, known, applied.attempt, then)
    wakes = _late_hold(work, attempts, known, attempt, runtime)
    when = applied.refund.due.next_run_at
    if when is not None and when <= now:
        wakes.append((Command.REFUND, refund.id))
    return Learnt(attempt, payment, wakes=tuple(wakes))


def _late_hold(
    work: Work, attempts: Sequence[Attempt], known: Attempt, attempt: Attempt, runtime: Runtime
) -> list[tuple[Command, UUID]]:
    """The void of a late hold says something of the charge, too."""
    if attempt.operation is not Operation.VOID or attempt.state is known.state:
        return []
    charge = charge_of(attempts, known)
    if attempt.state is State.SUCCEEDED:
        voided = NotCharged(Proof.VOIDED, "voided on request", charge.provider_id)
        _charge(work, Fact(charge.id, Source.OPERATION, voided), charge.root_id, runtime, None)
    elif attempt.state is State.DECLINED:
        _write_attempt(work, charge, asked_again(charge, work.now), None)
        return [(Command.RESOLVE, charge.id)]
    return []


def _payout(work: Work, fact: Fact, payout_id: UUID, runtime: Runtime, then: Then | None) -> Learnt:
    before = work.lock_payout(payout_id)
    work.add_fact(fact)
    attempts = work.payout_attempts(payout_id)
    known = _of(attempts, fact.attempt_id)
    applied = apply_payout(
        fact,
        before,
        known,
        another_blocks=any(a.blocks for a in attempts if a.id != known.id),
        now=work.now,
        terms=runtime.policy.terms,
    )
    payout = applied.payout
    if payout != before:
        payout = work.save_payout(payout)
    attempt = _write_attempt(work, known, applied.attempt, then)
    for transaction in applied.transactions:
        work.add_transaction(transaction)
    work.tell(*applied.told)
    when = payout.due.next_run_at
    wakes = ((Command.PAYOUT, payout.id),) if when is not None and when <= work.now else ()
    return Learnt(attempt, payout=payout, wakes=wakes)


def take_over(work: Work, attempt: Attempt, runtime: Runtime) -> Learnt:
    """Its sender died, or stalls, between its first byte and its last: it may have moved money,
    unless it is split and that call was not allowed yet: nobody will allow it any more.

    From here on others may send the same bytes, so the first copy's own answer proves less.
    """
    lost: Outcome = Unknown("the worker stopped before the answer was stored")
    if not attempt.confirming:
        lost = NotCharged(Proof.NEVER_SENT, "the worker stopped before it asked for the money")
    return record(
        work,
        Fact(attempt.id, Source.RECOVERY, lost),
        attempt,
        runtime,
        lambda open_, work: (
            replace(open_, due=open_.due.at(work.now))
            if open_.state is State.UNKNOWN and open_.due.parked is None
            else open_
        ),
    )


def charge_of(attempts: Sequence[Attempt], operation: Attempt) -> Attempt:
    """Return the charge that a capture, void or refund is about."""
    return next(
        attempt
        for attempt in attempts
        if attempt.operation is Operation.CHARGE
        and attempt.gateway_id == operation.gateway_id
        and attempt.provider_id == operation.target
    )


def _of(attempts: Sequence[Attempt], id_: UUID) -> Attempt:
    return next(attempt for attempt in attempts if attempt.id == id_)


def _another_blocks(attempts: Sequence[Attempt], charge: Attempt) -> bool:
    return any(a.blocks for a in attempts if a.operation is Operation.CHARGE and a.id != charge.id)


def _write(
    work: Work,
    before: Payment,
    after: Payment,
    transactions: Sequence[Transaction],
    told: Sequence[Told],
) -> Payment:
    if after.status is Status.REVERSED and before.status not in PAID:
        # The first we hear of the money is that it was taken back: it was captured in between.
        between = work.save_payment(replace(after, status=Status.CAPTURED, amount_reversed=0))
        work.tell(payment_told(before, between, Actor.PROVIDER, "charge"))
        after = replace(after, version=between.version)
        told = [_told_from(between, one) for one in told]
    if after != before:
        after = work.save_payment(after)
    for transaction in transactions:
        work.add_transaction(transaction)
    work.tell(*told)
    return after


def _told_from(between: Payment, told: Told) -> Told:
    """Let a payment's move begin where the move before it has ended, so that the trail has no gap."""
    entry = told.entry
    if entry.entity != "payment" or "status" not in entry.before:
        return told
    return replace(told, entry=replace(entry, before={"status": between.status.value}))


def _write_attempt(work: Work, known: Attempt, attempt: Attempt, then: Then | None) -> Attempt:
    if then is not None:
        attempt = then(attempt, work)
    if attempt != known or then is not None:
        work.save_attempt(attempt)
    return attempt


def _due(payment: Payment, work: Work) -> list[tuple[Command, UUID]]:
    when = payment.due.next_run_at
    if payment.final or when is None or when > work.now:
        return []
    return [(payment.next_command, payment.id)]


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
