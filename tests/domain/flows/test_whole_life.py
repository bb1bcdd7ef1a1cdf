"""The whole life of a payment at random: any operation, any event, any loss; the books agree."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.attempt import Operation, State
from domain.commands import Command
from domain.errors import DomainError
from domain.facts import Movement
from domain.payment import MOVES, CaptureMethod, Payment, Review, Status
from domain.policy import Policy
from domain.refund import PROMISED, RefundKind, RefundStatus
from domain.requests import STATUSES, Sight, Verb, allowed_operations
from tests.asking import ask
from tests.builders import NOON, OWNER, PAYMENT, Clock, Stage, a_notice, a_payment, a_runtime
from tests.domain.flows.bank import Bank
from tests.domain.flows.provider import Died
from tests.stage import run

#: Enough for every operation, state and loss to meet each other; a failure names its seed.
SEEDS = 600
CHUNKS = 8
DEPTH = 2
VERBS = (*Verb, Verb.CAPTURE, Verb.REFUND, Verb.REFUND)


@dataclass(slots=True)
class Life:
    """One payment, two banks, several workers, a merchant, a reviewer, and time."""

    dice: random.Random
    stage: Stage
    banks: list[Bank]
    depth: int = 0
    asked: int = 0
    #: Nothing new happens any more.
    quiet: bool = False
    #: The statuses that the payment was ever seen in, in order.
    seen: tuple[Status, ...] = ()

    def step(self) -> None:
        due = self.stage.due()
        stray = [(Command.CHARGE, PAYMENT), (Command.VOID, PAYMENT), (Command.CAPTURE, PAYMENT)]
        command, id_ = self.dice.choice([*due, *due, *stray])
        owner = OWNER + self.dice.randrange(3)
        try:
            run(command, id_, replace(self.stage, owner=owner))
        except (Died, DomainError):
            self.stage.clock.advance(self.dice.choice((0.0, 20.0)))
        if self.dice.random() < 0.25:
            self.ask()
        if self.dice.random() < 0.15:
            self.hint()
        for bank in self.banks:
            bank.acts()
        self.look()

    def look(self) -> None:
        payment = self.stage.payment()
        if not self.seen or payment.status is not self.seen[-1]:
            self.seen = (*self.seen, payment.status)
        assert_sums(payment)

    def ask(self, verb: Verb | None = None) -> None:
        """A merchant or a reviewer wants something; what is refused was not allowed."""
        verb = verb or self.dice.choice(VERBS)
        before = self.stage.payment()
        amount = None
        if verb in (Verb.CAPTURE, Verb.REFUND) and self.dice.random() < 0.6:
            amount = self.dice.randrange(1, 6_000)
        self.asked += 1
        key = f"k{self.asked}"
        try:
            answer = ask(self.stage, verb, amount, key=key)
        except DomainError:
            return
        repeated = verb in (Verb.CANCEL, Verb.REVERSE) and before.status is Status.CANCELLED
        assert before.status in STATUSES[verb] or repeated, (verb, before.status)
        again = ask(self.stage, verb, amount, key=key)
        assert again.replayed
        assert again.recorded == answer.recorded

    def meanwhile(self) -> None:
        if self.quiet:
            return
        self.stage.clock.advance(self.dice.choice((0.0, 0.0, 0.1, 1.0, 3.0, 15.0, 40.0)))
        if self.depth < DEPTH and self.dice.random() < 0.3:
            self.depth += 1
            self.step()
            self.depth -= 1

    def hint(self, everything: bool = False) -> None:
        attempts = self.stage.attempts()
        about = attempts if everything else attempts and [self.dice.choice(attempts)]
        for attempt in about:
            self.asked += 1
            now = self.stage.clock.now()
            due = replace(a_notice().due, next_run_at=now)
            self.stage.add(
                a_notice(
                    id=UUID(int=100_000 + self.asked),
                    gateway_id=attempt.gateway_id,
                    dedupe_key=f"evt_{self.asked}",
                    body=attempt.reference.encode(),
                    received_at=now,
                    due=due,
                )
            )


def a_life(seed: int) -> Life:
    dice, clock = random.Random(seed), Clock()
    banks = [Bank(id_, dice, clock) for id_ in ("one", "two")]
    payment = a_payment(
        capture_method=dice.choice(list(CaptureMethod)),
        review=dice.choice((None, None, Review.OPEN)),
        expires_at=a_payment().created_at + timedelta(minutes=dice.choice((1, 30, 600))),
    )
    policy = Policy(max_starts=50, hold_s=dice.choice((60.0, 3_600.0, 500_000.0)))
    stage = a_runtime(*banks, holding=payment, policy=policy, clock=clock)
    life = Life(dice, stage, banks)
    for bank in banks:
        outside = bank.before_call

        def before_call(outside: object = outside) -> None:
            assert callable(outside)
            outside()
            life.meanwhile()

        bank.before_call = before_call
    return life


def live(life: Life, steps: int = 80) -> None:
    for _ in range(steps):
        life.step()
        life.stage.clock.advance(life.dice.choice((0.0, 0.0, 1.0, 5.0, 60.0, 600.0)))


def settle(life: Life) -> None:
    """Everything that was lost is told again, until nothing is due any more."""
    life.quiet = True
    for bank in life.banks:
        bank.reliable = True
    for last in (False, True):
        for _ in range(1_000):
            try:
                life.stage.run_on()
            except (Died, DomainError):
                life.stage.clock.advance(20)
            else:
                break
        else:
            raise AssertionError("it never ends")
        if not last:
            life.hint(everything=True)
    life.look()


def assert_sums(payment: Payment) -> None:
    assert 0 <= payment.amount_captured <= payment.amount_authorized <= payment.money.minor
    assert payment.amount_refunded >= 0
    assert payment.amount_refund_pending >= 0
    back = payment.amount_refunded + payment.amount_refund_pending
    assert back <= payment.amount_captured
    assert payment.amount_reversed <= payment.amount_captured
    allowed = allowed_operations(payment, Sight(NOON, timedelta(days=90)))
    assert not (payment.status in (Status.FAILED, Status.EXPIRED, Status.CANCELLED) and allowed)


def judge(life: Life, seed: int) -> None:
    """Compare our books with the banks' ledgers, to the unit."""
    stage = life.stage
    payment, attempts, refunds = stage.payment(), stage.attempts(), stage.refunds()
    for one, then in zip(life.seen, life.seen[1:], strict=False):
        assert _reachable(one, then), (seed, one, then)
    assert not stage.is_stuck(), (seed, payment.status)
    charges = [a for a in attempts if a.operation is Operation.CHARGE]
    parked = [a for a in attempts if a.due.parked is not None]
    theirs = {o.reference: o for bank in life.banks for o in bank.ledger.charges}
    assert sum(len(bank.ledger.charges) for bank in life.banks) == len(theirs), (seed, "twice")
    own = [a for a in charges if a.state in (State.CAPTURED, State.REVERSED)]
    assert len(own) <= 1, (seed, "two charges are the payment's own")
    assert payment.amount_captured == sum(theirs[a.reference].captured for a in own), seed
    for attempt in charges:
        bank = theirs.get(attempt.reference)
        if bank is None or attempt in own or attempt in parked or payment.due.parked:
            continue
        if bank.captured or bank.state == "held":  # money that is not the payment's own went back
            back = sum(
                t.amount
                for b in life.banks
                for t in b.ledger.transfers
                if t.charge is bank and t.state == "done"
            )
            late = [r for r in refunds if r.charge_id == attempt.id]
            stopped = any(r.due.parked is not None for r in late) or bank.taken
            assert bank.captured == back or stopped, (seed, attempt.state, bank, late)
            assert bank.state != "held", (seed, attempt.state, bank, payment.status)
    _judge_refunds(life, seed)


def _judge_refunds(life: Life, seed: int) -> None:
    stage, payment, refunds = life.stage, life.stage.payment(), life.stage.refunds()
    done = Counter(t.reference for b in life.banks for t in b.ledger.transfers if t.state == "done")
    by_refund = {r.id: [a for a in stage.attempts() if a.refund_id == r.id] for r in refunds}
    for refund in refunds:
        mine = [a for a in by_refund[refund.id] if a.operation is Operation.REFUND]
        moved = sum(done[a.reference] for a in mine)
        assert moved <= 1, (seed, "refunded twice")
        if refund.due.parked is None and not any(a.due.parked for a in mine):
            assert refund.status not in PROMISED, (seed, refund)
            if any(a.operation is Operation.REFUND for a in by_refund[refund.id]):
                assert (refund.status is RefundStatus.SUCCEEDED) == (moved == 1), (seed, refund)
    own = [r for r in refunds if r.kind is not RefundKind.LATE]
    refunded = sum(r.money.minor for r in own if r.status is RefundStatus.SUCCEEDED)
    promised = sum(r.money.minor for r in own if r.status in PROMISED)
    assert (payment.amount_refunded, payment.amount_refund_pending) == (refunded, promised), seed
    late = Counter(r.charge_id for r in refunds if r.kind is RefundKind.LATE)
    assert not late or max(late.values()) == 1, (seed, "given back twice")
    signs = {Movement.SALE: 1, Movement.CAPTURE: 1, Movement.REFUND: -1, Movement.REVERSAL: -1}
    signs |= {Movement.REFUND_FAILURE: 1, Movement.CHARGEBACK: -1}
    ours = sum(signs.get(t.type, 0) * t.money.minor for t in stage.transactions())
    theirs = sum(c.captured - c.taken for b in life.banks for c in b.ledger.charges) - sum(
        t.amount for b in life.banks for t in b.ledger.transfers if t.state == "done"
    )
    if not any(a.due.parked for a in stage.attempts()):
        assert ours == theirs, (seed, ours, theirs)


def _reachable(one: Status, then: Status) -> bool:
    """Whether legal moves lead there; we do not see every status in between."""
    found, edge = {one}, {one}
    while edge:
        edge = {to for status in edge for to in MOVES[status]} - found
        found |= edge
    return then in found


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_books_agree_with_the_banks_after_every_life(chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):
        life = a_life(seed)
        live(life)
        settle(life)
        judge(life, seed)
