"""Charge, when nobody takes it now: the row waits, never a thread, and in the end it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due, Parked, Reason
from domain.flows.charge import charge
from domain.outcome import NotCharged, Pending, Proof
from domain.payment import Status
from domain.ports import Refused
from tests.asking import cancel
from tests.builders import (
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    meanwhile,
    paid,
)

NEVER_SENT = NotCharged(Proof.NEVER_SENT, "connection refused")
OPEN_BREAKER = Refused("breaker_open", 30.0)
FULL = Refused("bulkhead_full", 0.5)


def cancelled(stage: Stage) -> None:
    cancel(stage)


def test_law_12_without_a_slot_the_payment_is_deferred_and_no_run_is_counted() -> None:
    stage = a_runtime(
        Scripted("one", refusing=OPEN_BREAKER), Scripted("two", refusing=FULL), holding=a_payment()
    )

    charge(PAYMENT, stage)

    payment = stage.payment()
    assert payment.runs == 0
    assert payment.due == Due(NOON + timedelta(seconds=0.5))
    assert payment.skipped == {"one": "breaker_open", "two": "bulkhead_full"}
    assert stage.lease_until() is None
    assert stage.attempts() == []


def test_while_only_we_are_busy_there_a_payment_waits_for_its_gateway() -> None:
    busy = Refused("bulkhead_full", 0.5, ours=True)
    one, two = Scripted("one", paid, refusing=busy), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)
    assert stage.payment().due == Due(NOON + timedelta(seconds=0.5))
    assert two.calls == []
    one.refusing = None
    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert stage.payment().gateway_id == "one"


def test_a_deferral_looks_again_soon_however_long_the_breaker_stays_open() -> None:
    stage = a_runtime(Scripted("one", refusing=OPEN_BREAKER), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().due == Due(NOON + timedelta(seconds=5))


def test_who_has_waited_long_looks_less_often_but_at_least_once_a_minute() -> None:
    stage = a_runtime(Scripted("one", refusing=FULL), holding=a_payment())
    looks: list[float] = []
    while stage.clock.now() < NOON + timedelta(minutes=25):
        charge(PAYMENT, stage)
        due = stage.payment().due.next_run_at
        assert due is not None
        looks.append((due - stage.clock.now()).total_seconds())
        stage.clock.advance(looks[-1])

    assert looks == sorted(looks)
    assert looks[0] == 0.5
    assert looks[-1] == 60
    assert len(looks) < 60


def test_deferrals_go_on_until_a_slot_is_free() -> None:
    one = Scripted("one", paid, refusing=OPEN_BREAKER)
    stage = a_runtime(one, holding=a_payment())
    stage.run_on(until=NOON + timedelta(minutes=10))
    assert stage.payment().status is Status.PENDING

    one.refusing = None
    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert stage.payment().runs == 0


def test_refused_by_everybody_until_it_expires_a_payment_fails_for_want_of_a_provider() -> None:
    stage = a_runtime(Scripted("one", refusing=OPEN_BREAKER), holding=a_payment())

    stage.run_on()

    payment = stage.payment()
    assert payment.status is Status.FAILED
    assert payment.failure is not None
    assert payment.failure.code == "no_provider_available"
    assert stage.clock.now() == payment.expires_at


def test_without_a_gateway_a_payment_waits_and_then_fails() -> None:
    stage = a_runtime(holding=a_payment())

    charge(PAYMENT, stage)
    assert stage.payment().due == Due(NOON + timedelta(seconds=5))

    stage.run_on()
    assert stage.payment().status is Status.FAILED


def test_a_run_in_which_a_gateway_was_asked_counts_and_backs_off() -> None:
    stage = a_runtime(Scripted("one", NEVER_SENT), holding=a_payment())

    charge(PAYMENT, stage)

    payment = stage.payment()
    assert payment.runs == 1
    assert payment.due == Due(NOON + timedelta(seconds=0.55))  # the middle of [0.1, 1.0]
    assert payment.skipped == {"one": "tried"}


def test_eight_runs_without_an_answer_fail_the_payment_for_want_of_a_provider() -> None:
    one = Scripted("one", NEVER_SENT)
    stage = a_runtime(one, holding=a_payment())

    stage.run_on()

    payment = stage.payment()
    assert (payment.status, payment.runs) == (Status.FAILED, 8)
    assert payment.failure is not None
    assert payment.failure.code == "no_provider_available"
    assert len(one.calls) == 8
    assert stage.clock.now() < payment.expires_at


@pytest.mark.parametrize(("asked_s", "waits_s"), [(30.0, 30.0), (0.1, 0.55), (None, 0.55)])
def test_a_providers_retry_after_is_honoured(asked_s: float | None, waits_s: float) -> None:
    limited = NotCharged(Proof.REJECTED, "429", retry_after_s=asked_s)
    stage = a_runtime(Scripted("one", limited), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().due == Due(NOON + timedelta(seconds=waits_s))


def test_no_wait_is_longer_than_the_payments_life() -> None:
    limited = NotCharged(Proof.REJECTED, "429", retry_after_s=86_400.0)
    stage = a_runtime(Scripted("one", limited), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().due == Due(stage.payment().expires_at)


def test_a_soft_decline_waits_for_the_other_gateway_to_come_back() -> None:
    two = Scripted("two", paid, refusing=OPEN_BREAKER)
    one = Scripted("one", SOFT)
    stage = a_runtime(one, two, holding=a_payment())
    charge(PAYMENT, stage)
    assert stage.payment().skipped == {"one": "tried", "two": "breaker_open"}

    two.refusing = None
    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert len(one.calls) == 1


def test_an_expired_payment_begins_nothing_any_more() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())
    stage.clock.advance(30 * 60)

    charge(PAYMENT, stage)

    assert not one.calls
    assert stage.payment().status is Status.FAILED


def test_a_payment_that_expires_between_decision_and_attempt_is_not_sent() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment(expires_at=NOON + timedelta(seconds=1)))
    stage.board.before_admit = lambda: stage.clock.advance(2)

    charge(PAYMENT, stage)
    assert not one.calls
    assert one.slots_out == 0

    stage.run_on()
    assert stage.payment().status is Status.FAILED


def test_expiring_while_the_payer_is_asked_hands_the_attempt_to_resolve() -> None:
    waiting = an_attempt(state=State.PENDING, provider_id="ch_1", due=Due(None))
    payment = a_payment(status=Status.PROCESSING)
    stage = a_runtime(Scripted("one"), holding=payment, attempts=[waiting])
    stage.clock.advance(30 * 60)

    charge(PAYMENT, stage)

    assert stage.attempt().due == Due(stage.clock.now())
    assert (Command.RESOLVE, waiting.id) in stage.woken
    assert stage.payment().due == Due(None)
    assert not stage.is_stuck()


def test_a_parked_attempt_is_a_persons_and_its_payment_waits() -> None:
    parked = an_attempt(state=State.UNKNOWN, due=Due(None, 0, Parked(NOON, Reason.UNRESOLVED)))
    payment = a_payment(status=Status.PROCESSING, due=Due(NOON + timedelta(minutes=30)))
    stage = a_runtime(Scripted("one"), holding=payment, attempts=[parked])

    stage.run_on()

    assert stage.attempt().due == parked.due
    assert stage.payment().status is Status.PROCESSING
    assert not stage.is_stuck()


def test_a_payment_in_review_expires_when_nobody_decides() -> None:
    one = Scripted("one", paid)
    waiting = a_payment(status=Status.IN_REVIEW, due=Due(NOON + timedelta(minutes=30)))
    stage = a_runtime(one, holding=waiting)

    stage.run_on()

    assert stage.payment().status is Status.EXPIRED
    assert not one.calls


def test_a_cancel_between_decision_and_attempt_wins() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())
    stage.board.before_admit = lambda: cancelled(stage)

    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CANCELLED
    assert not one.calls
    assert stage.attempts() == []
    assert one.slots_out == 0


def test_a_cancel_while_no_gateway_has_a_slot_stays() -> None:
    one = Scripted("one", refusing=OPEN_BREAKER)
    stage = a_runtime(one, holding=a_payment())
    stage.board.before_admit = lambda: cancelled(stage)

    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CANCELLED
    assert stage.payment().due == Due(None)
    assert stage.lease_until() is None


def test_a_cancel_that_was_asked_for_ends_the_payment_once_its_attempt_is_harmless() -> None:
    gone = an_attempt(state=State.VOIDED, proof=Proof.VOIDED, due=Due(None))
    payment = a_payment(status=Status.PROCESSING, cancel_requested_at=NOON)
    stage = a_runtime(Scripted("one"), holding=payment, attempts=[gone])

    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CANCELLED
    assert stage.actions() == ["payment.cancelled"]


def test_law_14_a_draining_worker_begins_nothing_and_gives_the_payment_back_at_once() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment(), draining=lambda: True)

    charge(PAYMENT, stage)

    assert not one.calls
    assert stage.payment().due == Due(NOON)
    assert stage.lease_until() is None
    assert stage.woken == [(Command.CHARGE, PAYMENT)]


def test_law_14_a_worker_that_is_told_to_stop_during_a_call_stores_its_answer_first() -> None:
    stopping: list[bool] = []
    one = Scripted("one", meanwhile(lambda: stopping.append(True), SOFT))
    two = Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment(), draining=lambda: bool(stopping))

    charge(PAYMENT, stage)

    assert stage.attempt().state is State.DECLINED
    assert not two.calls
    assert stage.woken == [(Command.CHARGE, PAYMENT)]
    charge(PAYMENT, replace(stage, draining=lambda: False))
    assert stage.payment().status is Status.CAPTURED


def test_an_open_attempt_is_left_alone_by_a_stray_wake_up() -> None:
    one = Scripted("one", Pending("ch_1"))
    stage = a_runtime(one, holding=a_payment())
    charge(PAYMENT, stage)
    before = stage.attempt()

    charge(PAYMENT, stage)

    assert stage.attempt() == before
    assert len(one.calls) == 1
