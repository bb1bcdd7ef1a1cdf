"""Charge, when a fact is heard in the middle of a run: what it says stops the next gateway."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import State
from domain.due import Due, Reason
from domain.facts import Fact, Source
from domain.flows.charge import charge
from domain.flows.learn import learn
from domain.outcome import NotCharged, Proof, Succeeded
from domain.payment import Status
from tests.builders import (
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
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


@pytest.mark.parametrize("answer", [SOFT, NEVER_SENT, paid])
def test_law_1_a_wrong_amount_heard_during_a_run_stops_it_before_the_next_gateway(
    answer: Any,
) -> None:
    one, two = Scripted("one"), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        attempt = stage.attempt()
        learn(Fact(attempt.id, Source.WEBHOOK, WRONG_AMOUNT), attempt, stage)

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
            learn(Fact(first[0].id, Source.WEBHOOK, WRONG_AMOUNT), first[0], stage)

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
            learn(Fact(first.id, Source.WEBHOOK, WRONG_AMOUNT), first, stage)

    stage.board.before_admit = hear
    charge(PAYMENT, stage)

    assert len(asked) == 2
    assert stage.payment().due.parked is not None
    assert stage.lease_until() is None


def test_a_hold_heard_after_its_no_stops_the_run_for_a_person() -> None:
    one = Scripted("one", voids=[lambda attempt: Succeeded("ch_1", attempt.money)])
    two = Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    def hear() -> None:
        attempt = stage.attempt()
        for outcome in (SOFT, held(attempt)):
            learn(Fact(attempt.id, Source.WEBHOOK, outcome), attempt, stage)

    one.scripts["charge"].append(meanwhile(hear, SOFT))
    charge(PAYMENT, stage)
    stage.run_due()

    assert not two.calls
    assert stage.payment().status is Status.IN_REVIEW
    stage.run_on()
    assert stage.payment().status is Status.EXPIRED
    assert stage.attempt().due.parked is not None
    assert len(one.made("void")) == 1, "what may be held is let go of"


def test_a_draining_worker_leaves_a_parked_payment_parked() -> None:
    stage = a_runtime(Scripted("one", SOFT), Scripted("two"), holding=a_payment())

    def stopping() -> bool:
        for attempt in stage.attempts():
            learn(Fact(attempt.id, Source.WEBHOOK, WRONG_AMOUNT), attempt, stage)
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
            learn(Fact(first[0].id, Source.WEBHOOK, paid(first[0])), first[0], stage)

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
