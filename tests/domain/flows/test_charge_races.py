"""Charge, when workers die, stall or meet: one attempt, never sent as new, never decided twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due, Reason
from domain.errors import LeaseLost
from domain.facts import Source
from domain.flows.charge import charge
from domain.flows.resolve import resolve
from domain.outcome import NotCharged, NotFound, Proof, Unknown
from domain.payment import Status
from domain.policy import Policy
from ops.store.memory.store import MemoryWork
from tests.builders import (
    HARD,
    OWNER,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    meanwhile,
    paid,
)

NEVER_SENT = NotCharged(Proof.NEVER_SENT, "connection refused")


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


@pytest.mark.parametrize("failure", [ConnectionError("the database went away"), Killed()])
def test_a_failing_store_gives_the_slot_back_and_sends_nothing(
    failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())

    def fail(*_: Any) -> Any:
        raise failure

    stage.board.before_admit = lambda: monkeypatch.setattr(MemoryWork, "insert_attempt", fail)
    with pytest.raises(type(failure)):
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
