"""Charge, when workers die, stall or meet: one attempt, never sent as new, never decided twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due, Reason
from domain.errors import LeaseLost
from domain.facts import Fact, Source
from domain.flows.charge import charge
from domain.flows.learn import learn
from domain.flows.resolve import resolve
from domain.outcome import NotCharged, NotFound, Proof, Succeeded, Unknown
from domain.payment import Status
from domain.policy import Policy
from tests.builders import (
    HARD,
    NOON,
    OWNER,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    held,
    meanwhile,
    paid,
    usd,
)

NEVER_SENT = NotCharged(Proof.NEVER_SENT, "connection refused")
WRONG_AMOUNT = Succeeded("ch", usd(1))


class Killed(BaseException):
    """The worker dies, as by a signal."""


def another_worker(stage: Stage) -> Stage:
    return replace(stage, owner=OWNER + 1)


@pytest.mark.parametrize("death", [Killed(), KeyboardInterrupt(), SystemExit(), MemoryError()])
def test_law_3_whatever_ends_the_call_leaves_the_attempt_sending(death: BaseException) -> None:
    one = Scripted("one", death)
    stage = a_runtime(one, holding=a_payment())

    with pytest.raises(type(death)):
        charge(PAYMENT, stage)

    assert stage.attempt().state is State.SENDING
    assert stage.facts() == []
    assert one.slots_out == 0
    assert not stage.is_stuck()


def test_law_3_an_attempt_found_sending_is_resolved_and_never_sent_as_new() -> None:
    one, two = Scripted("one", Killed(), lookups=[paid]), Scripted("two")
    stage = a_runtime(one, two, holding=a_payment())
    with pytest.raises(Killed):
        charge(PAYMENT, stage)

    stage.clock.advance(60)
    charge(PAYMENT, another_worker(stage))

    assert stage.attempt().state is State.UNKNOWN
    assert stage.attempt().due == Due(stage.clock.now())
    assert [fact.source for fact in stage.facts()] == [Source.RECOVERY]
    assert (Command.RESOLVE, stage.attempt().id) in stage.woken
    assert len(one.made("charge")) == 1

    stage.run_on()
    assert stage.payment().status is Status.CAPTURED
    assert len(one.made("charge")) == 1
    assert not two.calls


@pytest.mark.parametrize("answer", [NEVER_SENT, NotCharged(Proof.REJECTED, "429")])
def test_law_1_a_stalled_workers_never_sent_proves_nothing_once_another_may_have_sent(
    answer: NotCharged,
) -> None:
    """Its own copy never left, but the replay of the same bytes did, and was charged."""
    one, two = Scripted("one", lookups=[NotFound(), paid]), Scripted("two")
    stage = a_runtime(one, two, holding=a_payment())

    def takeover() -> None:
        stage.clock.advance(18)
        charge(PAYMENT, another_worker(stage))
        resolve(stage.attempt().id, another_worker(stage))
        assert len(one.made("charge")) == 2

    one.scripts["charge"].extend([meanwhile(takeover, answer), Unknown("timed out")])
    charge(PAYMENT, stage)
    assert stage.attempt().state is State.UNKNOWN

    stage.run_on()
    assert stage.payment().status is Status.CAPTURED
    assert not two.calls


def test_a_killed_workers_attempt_is_resolved_even_if_nobody_charges_again() -> None:
    one = Scripted("one", Killed(), lookups=[SOFT])
    two = Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())
    with pytest.raises(Killed):
        charge(PAYMENT, stage)

    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert [attempt.state for attempt in stage.attempts()] == [State.DECLINED, State.CAPTURED]
    assert [len(g.made("charge")) for g in (one, two)] == [1, 1]


def test_a_dead_owners_lease_ends_at_once() -> None:
    one = Scripted("one", Killed(), lookups=[paid])
    living = {OWNER}
    stage = a_runtime(one, holding=a_payment(), lives=living.__contains__)
    with pytest.raises(Killed):
        charge(PAYMENT, stage)

    charge(PAYMENT, another_worker(stage))
    assert stage.attempt().state is State.SENDING  # its owner may still be at it

    living.clear()
    charge(PAYMENT, another_worker(stage))
    assert stage.attempt().state is State.UNKNOWN


def test_an_answer_that_comes_after_the_takeover_still_counts() -> None:
    """Knowing needs no lease: the stalled worker's answer is applied as the fact it is."""
    one = Scripted("one")
    stage = a_runtime(one, holding=a_payment())

    def takeover() -> None:
        stage.clock.advance(60)
        charge(PAYMENT, another_worker(stage))
        assert stage.attempt().state is State.UNKNOWN

    one.scripts["charge"].append(meanwhile(takeover, paid))
    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CAPTURED
    assert stage.attempt().state is State.CAPTURED
    assert len(one.made("charge")) == 1


def test_a_worker_whose_lease_was_taken_over_begins_no_attempt() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())

    def stall() -> None:
        stage.board.before_admit = lambda: None
        stage.clock.advance(60)
        charge(PAYMENT, another_worker(stage))

    stage.board.before_admit = stall
    charge(PAYMENT, stage)

    assert len(one.calls) == 1
    assert len(stage.attempts()) == 1
    assert one.slots_out == 0


def test_a_worker_whose_lease_was_taken_over_decides_nothing() -> None:
    one = Scripted("one")
    stage = a_runtime(one, holding=a_payment())

    def takeover() -> None:
        stage.clock.advance(60)
        with stage.memory.begin() as work:
            assert work.claim_payment(PAYMENT, OWNER + 1, 30) is not None

    one.scripts["charge"].append(meanwhile(takeover, HARD))
    with pytest.raises(LeaseLost):
        charge(PAYMENT, stage)

    assert stage.attempt().state is State.DECLINED  # what was learned is kept
    assert stage.payment().status is Status.PROCESSING


def test_a_failing_store_gives_the_slot_back_and_sends_nothing() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())
    broken = stage.memory.books

    def fail(*_: Any) -> Any:
        raise ConnectionError("the database went away")

    stage.board.before_admit = lambda: setattr(broken.attempts, "put", fail)
    with pytest.raises(ConnectionError):
        charge(PAYMENT, stage)

    assert not one.calls
    assert one.slots_out == 0
    assert stage.payment().status is Status.PENDING


def test_a_payment_that_kills_its_workers_is_parked() -> None:
    stage = a_runtime(Scripted("one"), holding=a_payment())

    def die() -> None:
        raise Killed

    stage.board.before_admit = die
    for _ in range(5):
        with pytest.raises(Killed):
            charge(PAYMENT, stage)
        stage.clock.advance(60)
    charge(PAYMENT, stage)

    parked = stage.payment().due.parked
    assert parked is not None
    assert (parked.reason, parked.owner) == (Reason.POISON, "operations")
    assert stage.actions() == ["payment.parked"]
    assert stage.due() == []


def test_a_committed_step_starts_the_poison_count_anew() -> None:
    stage = a_runtime(Scripted("one", NEVER_SENT), holding=a_payment(), policy=Policy(max_starts=1))

    stage.run_on()

    assert stage.payment().due.parked is None
    assert stage.payment().runs == 8


def test_two_workers_on_one_payment_make_one_attempt() -> None:
    for seed in range(20):
        one, two = Scripted("one", paid), Scripted("two", paid)
        stage = a_runtime(one, two, holding=a_payment())
        start = threading.Barrier(8)

        def work(owner: int, stage: Stage = stage, start: threading.Barrier = start) -> None:
            start.wait(10)
            charge(PAYMENT, replace(stage, owner=owner))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))

        assert len(stage.attempts()) == len(one.calls) + len(two.calls) == 1, seed
        assert stage.payment().status is Status.CAPTURED


@pytest.mark.parametrize("answer", [SOFT, NEVER_SENT, paid])
def test_law_1_a_wrong_amount_heard_during_a_run_stops_it_before_the_next_gateway(
    answer: Any,
) -> None:
    one, two = Scripted("one"), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        attempt = stage.attempt()
        learn(Fact(attempt.id, Source.WEBHOOK, WRONG_AMOUNT), PAYMENT, stage)

    one.scripts["charge"].append(meanwhile(hear, answer))
    charge(PAYMENT, stage)
    stage.run_on()

    assert not two.calls
    assert stage.attempt().due.parked is not None
    assert (stage.payment().status is Status.CAPTURED) is (answer is paid)
    assert not stage.is_stuck()


def test_law_1_a_wrong_amount_heard_after_the_decision_stops_the_attempt_unsent() -> None:
    one, two = Scripted("one", SOFT), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        if first := stage.attempts():
            learn(Fact(first[0].id, Source.WEBHOOK, WRONG_AMOUNT), PAYMENT, stage)

    stage.board.before_admit = hear
    charge(PAYMENT, stage)
    stage.run_on()

    assert not two.calls
    assert two.slots_out == 0
    second = stage.attempt(2)
    assert (second.state, second.proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    parked = stage.payment().due.parked
    assert parked is not None
    assert parked.reason is Reason.AMOUNT_MISMATCH


def test_law_1_a_wrong_amount_heard_before_the_deferral_keeps_the_payment_parked() -> None:
    one, two = Scripted("one", SOFT), Scripted("two", can_express=False)
    stage = a_runtime(one, two, holding=a_payment())
    asked: list[str] = []

    def hear() -> None:
        asked.append("a slot")
        if len(asked) == 2:
            first = stage.attempt()
            learn(Fact(first.id, Source.WEBHOOK, WRONG_AMOUNT), PAYMENT, stage)

    stage.board.before_admit = hear
    charge(PAYMENT, stage)

    assert len(asked) == 2
    assert stage.payment().due.parked is not None
    assert stage.lease_until() is None


def test_a_hold_heard_after_its_no_stops_the_run_for_a_person() -> None:
    one, two = Scripted("one"), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        attempt = stage.attempt()
        for outcome in (SOFT, held(attempt)):
            learn(Fact(attempt.id, Source.WEBHOOK, outcome), PAYMENT, stage)

    one.scripts["charge"].append(meanwhile(hear, SOFT))
    charge(PAYMENT, stage)
    stage.run_due()

    assert not two.calls
    assert stage.payment().status is Status.IN_REVIEW
    stage.run_on()
    assert stage.payment().status is Status.FAILED
    assert stage.attempt().due.parked is not None


def test_a_draining_worker_leaves_a_parked_payment_parked() -> None:
    stage = a_runtime(Scripted("one", SOFT), Scripted("two"), holding=a_payment())

    def stopping() -> bool:
        for attempt in stage.attempts():
            learn(Fact(attempt.id, Source.WEBHOOK, WRONG_AMOUNT), PAYMENT, stage)
        return bool(stage.attempts())

    charge(PAYMENT, replace(stage, draining=stopping))

    assert stage.payment().due.parked is not None
    assert stage.lease_until() is None
    assert stage.woken == []


def test_money_that_arrives_while_we_look_for_a_slot_ends_the_run() -> None:
    one, two = Scripted("one", SOFT), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        if first := stage.attempts():
            learn(Fact(first[0].id, Source.WEBHOOK, paid(first[0])), PAYMENT, stage)

    stage.board.before_admit = hear
    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CAPTURED
    assert not two.calls
    assert len(stage.transactions()) == 1


def test_an_open_page_of_a_payment_that_is_being_cancelled_is_handed_to_resolve() -> None:
    payment = a_payment(status=Status.REQUIRES_ACTION, cancel_requested_at=NOON)
    asked = an_attempt(
        state=State.REQUIRES_ACTION,
        provider_id="ch_1",
        due=Due(NOON + timedelta(hours=1)),
    )
    one = Scripted("one")
    stage = a_runtime(one, holding=payment, attempts=[asked])

    charge(PAYMENT, stage)

    assert stage.attempt().due == Due(NOON)
    assert stage.payment().due == Due(payment.expires_at)
    assert one.calls == []
