"""Mistakes about money: what a provider said, did not say, or was asked once too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid5

from domain import charge_facts, facts, operation, refund_facts
from domain.attempt import BLOCKING, Attempt, Operation, State
from domain.books import Work
from domain.facts import Fact, Source
from domain.flows import charge as charging
from domain.flows import consequences, learn, notice, resolve
from domain.flows import send as sending
from domain.flows import step as stepping
from domain.flows.learn import Learnt
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Prepared,
    Proof,
    Succeeded,
    Unknown,
)
from domain.payment import Payment
from domain.ports import Budget, Further, Runtime
from ops.store.memory import orders
from ops.store.memory.books import Job, Kept
from tests.model.line import Line
from tests.model.planting import Swap


def no_answer_is_a_failure(of: Operation | None) -> Sequence[Swap]:
    real = facts.proven

    def proven(fact: Fact, attempt: Attempt) -> Outcome:
        if isinstance(fact.outcome, Unknown) and of in (None, attempt.operation):
            return NotCharged(Proof.NEVER_SENT, "it timed out")
        return real(fact, attempt)

    return [(charge_facts, "proven", proven), (operation, "proven", proven)]


def any_copy_proves() -> Sequence[Swap]:
    def proven(fact: Fact, attempt: Attempt) -> Outcome:
        return fact.outcome

    swaps: list[Swap] = [(charge_facts, "proven", proven), (operation, "proven", proven)]
    return [*swaps, (resolve, "_replayed", lambda outcome: outcome)]


def fresh_key() -> Sequence[Swap]:
    real = sending.send

    def send(gateway: Line, attempt: Attempt, budget: Budget) -> Outcome:
        fresh = replace(attempt, id=uuid5(attempt.id, "again"), provider_id=None)
        return real(gateway, fresh, budget)

    return [(resolve, "send", send)]


def sending_was_never_sent() -> Sequence[Swap]:
    def take_over(work: Work, attempt: Attempt, runtime: Runtime) -> Learnt:
        unsent = NotCharged(Proof.NEVER_SENT, "its worker died, so it was not sent")
        return learn.record(work, Fact(attempt.id, Source.ANSWER, unsent), attempt, runtime)

    return [(charging, "take_over", take_over), (resolve, "take_over", take_over)]


def keys_last_for_ever() -> Sequence[Swap]:
    return [(Attempt, "may_replay", lambda self, now, margin: True)]


def margin_is_forgotten() -> Sequence[Swap]:
    return [(Attempt, "may_replay", lambda self, now, margin: now < self.key_window_ends)]


def adopted_beside_another() -> Sequence[Swap]:
    return [(learn, "_another_blocks", lambda attempts, charge: False)]


def not_found_is_proof() -> Sequence[Swap]:
    def absent(case: resolve.Case, again: bool, runtime: Runtime) -> tuple[Source, Outcome]:
        return Source.LOOKUP, NotCharged(Proof.READ_BACK, "it is not there")

    return [(resolve, "_absent", absent)]


def lag_is_forgotten() -> Sequence[Swap]:
    real = resolve._absent

    def absent(case: resolve.Case, again: bool, runtime: Runtime) -> tuple[Source, Outcome]:
        if case.now > case.attempt.send_before:
            return Source.LOOKUP, NotCharged(Proof.READ_BACK, "it had its time")
        return real(case, again, runtime)

    return [(resolve, "_absent", absent)]


def confirmed_without_a_commit() -> Sequence[Swap]:
    def goes_on(attempt: Attempt, promise: Any, budget: Budget, runtime: Runtime) -> Any:
        def go_on(prepared: Prepared) -> Further:
            made = replace(attempt, provider_id=prepared.provider_id, confirming=True)
            return Further(made, budget)

        return go_on

    return [(stepping, "sender_goes_on", goes_on)]


def late_money_is_kept() -> Sequence[Swap]:
    return [(learn, "give_back", lambda *_: [])]


def late_money_goes_back_twice() -> Sequence[Swap]:
    real = consequences.give_back

    def give_back(
        work: Work, payment: Payment, before: Attempt, after: Attempt, runtime: Runtime
    ) -> Any:
        if after.state is State.LATE_SUCCESS and before.state is not State.LATE_SUCCESS:
            real(work, payment, before, after, runtime)
        return real(work, payment, before, after, runtime)

    def add_refund(self: Any, refund: Any) -> bool:
        self.books.refunds.put(refund.id, Kept(refund, Job(refund.created_at)))
        return True

    return [(learn, "give_back", give_back), (orders.MemoryOrderWork, "add_refund", add_refund)]


@dataclass(frozen=True, slots=True)
class Believer:
    """Takes the webhook's word for it."""

    line: Line

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        if attempt.operation in (Operation.CHARGE, Operation.REFUND, Operation.PAYOUT):
            return Succeeded(attempt.provider_id or "ch", attempt.money, attempt.captures)
        return self.line.lookup(attempt, budget)


def webhooks_are_believed() -> Sequence[Swap]:
    real = notice._matched

    def matched(work: Work, held: Any, runtime: Runtime) -> Any:
        found = real(work, held, runtime)
        return found and (Believer(found[0]), found[1])  # type: ignore[arg-type]

    return [(notice, "_matched", matched)]


def any_amount_will_do() -> Sequence[Swap]:
    return [(charge_facts, "mismatched", lambda fact, payment, attempt: False)]


def asked_again_at_another() -> Sequence[Swap]:
    """A lost answer is looked for at whichever gateway comes first."""

    def ask(case: resolve.Case, runtime: Runtime) -> tuple[Source, Outcome]:
        other = runtime.gateways.get("one")
        assert other is not None
        found = other.lookup(case.attempt, resolve._budget(case.until, runtime))
        if isinstance(found, NotFound):
            return resolve._absent(case, False, runtime)
        return Source.LOOKUP, found

    return [(resolve, "_ask", ask)]


def refund_is_final_at_once() -> Sequence[Swap]:
    real = operation.learnt

    def learnt(fact: Fact, attempt: Attempt, *args: Any, **rest: Any) -> Attempt:
        sent = fact.source is Source.ANSWER and isinstance(fact.outcome, Unknown)
        if sent and attempt.operation is Operation.REFUND:
            done = Succeeded("re", attempt.money)
            return real(replace(fact, outcome=done), attempt, *args, **rest)
        return real(fact, attempt, *args, **rest)

    return [(refund_facts, "learnt", learnt)]


def unknown_does_not_block() -> Sequence[Swap]:
    def blocks(self: Attempt) -> bool:
        return self.state in BLOCKING and self.state is not State.UNKNOWN

    return [(Attempt, "blocks", property(blocks))]
