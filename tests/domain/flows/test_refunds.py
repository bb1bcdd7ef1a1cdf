"""Refunds: sent once, at the gateway that has the money; late money goes back by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Fact, Movement, Source
from domain.flows.capture import capture
from domain.flows.charge import charge
from domain.flows.learn import learn
from domain.flows.refund import refund as send_refund
from domain.outcome import Declined, Hardness, NotCharged, Pending, Proof, Succeeded, Unknown
from domain.payment import CaptureMethod, Status
from domain.ports import Budget
from domain.refund import RefundKind, RefundStatus
from domain.requests import Verb
from tests.asking import ask
from tests.builders import (
    BOOT_S,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    held,
    paid,
)

NOT_SENT = NotCharged(Proof.NEVER_SENT, "no connection")


def given_back(attempt: Attempt) -> Succeeded:
    return Succeeded(f"re_{attempt.number}", attempt.money)


def captured(*refunds: Any, **scripts: Any) -> Stage:
    """A payment that is paid, at a gateway with these answers to refunds."""
    stage = a_runtime(Scripted("one", paid, refunds=refunds, **scripts), holding=a_payment())
    charge(PAYMENT, stage)
    return stage


def sent(stage: Stage) -> list[Attempt]:
    return [a for a in stage.attempts() if a.operation is Operation.REFUND]


def test_law_3_a_refunds_intent_is_committed_with_its_exact_bytes_before_they_are_sent() -> None:
    seen: list[Attempt] = []

    def look(attempt: Attempt) -> Succeeded:
        seen.extend(sent(stage))
        return given_back(attempt)

    stage = captured(look)
    ask(stage, Verb.REFUND, 2_000)
    stage.run_due()

    (intent,) = seen
    (call,) = stage.board.by_id["one"].made("refund")
    assert (intent.state, intent.request) == (State.SENDING, call.attempt.request)
    assert intent.target == stage.attempt().provider_id
    window_s, deadline_s = stage.policy.send_window_s, stage.policy.call_s
    assert call.budget == Budget(BOOT_S + window_s, BOOT_S + deadline_s), "no later byte leaves"


def test_an_unknown_refund_is_looked_up_and_sent_again_only_under_its_key() -> None:
    stage = captured(Unknown("timed out"), lookups=[Unknown("away"), Pending("re_1"), given_back])
    ask(stage, Verb.REFUND, 2_000)
    stage.run_on()

    payment = stage.payment()
    assert (payment.status, payment.amount_refunded) == (Status.PARTIALLY_REFUNDED, 2_000)
    assert len(sent(stage)) == 1


def test_a_refund_that_never_left_is_sent_again_as_a_new_intent() -> None:
    stage = captured(NOT_SENT, NOT_SENT, given_back)
    ask(stage, Verb.REFUND)
    stage.run_on()

    assert stage.payment().status is Status.REFUNDED
    states = [attempt.state for attempt in sent(stage)]
    assert states == [State.NOT_CHARGED, State.NOT_CHARGED, State.SUCCEEDED]


def test_a_refund_that_was_proven_absent_and_happened_all_the_same_calls_a_person() -> None:
    """The second one stands for the refund; the first has moved money twice, and no law is broken."""
    stage = captured(NOT_SENT, given_back)
    ask(stage, Verb.REFUND, 2_000)
    stage.run_on()
    first, second = sent(stage)

    learn(Fact(first.id, Source.WEBHOOK, given_back(first)), first, stage)

    first, second = sent(stage)
    assert (first.state, second.state) == (State.LATE_SUCCESS, State.SUCCEEDED)
    assert first.due.parked is not None
    assert first.due.parked.reason is Reason.CONTRADICTION
    assert stage.payment().amount_refunded == 2_000
    moved = [t.type for t in stage.transactions()]
    assert moved == [Movement.SALE, Movement.REFUND, Movement.REFUND]


def test_a_charge_that_was_taken_back_needs_no_refund() -> None:
    stage = captured(given_back)
    ask(stage, Verb.REFUND, 2_000)
    whole = stage.payment().money
    back = replace(stage.attempt(), state=State.REVERSED, due=Due(None))
    stage.change(lambda work: work.save_attempt(back))
    stage.run_on()

    (refund,) = stage.refunds()
    assert refund.status is RefundStatus.CANCELLED
    payment = stage.payment()
    assert (payment.amount_refund_pending, payment.amount_captured) == (0, whole.minor)
    assert not sent(stage)


@pytest.mark.parametrize("hold", [False, True], ids=["collected", "held"])
def test_law_9_late_money_is_given_back_once_however_often_it_is_told(hold: bool) -> None:
    late = an_attempt(state=State.UNKNOWN, captures=not hold)
    over = a_payment(status=Status.EXPIRED, due=Due(None))
    one = Scripted("one", refunds=[given_back], voids=[given_back])
    stage = a_runtime(one, holding=over, attempts=[late])
    told = held(late) if hold else paid(late)

    for source in (Source.WEBHOOK, Source.LOOKUP, Source.WEBHOOK):
        learn(Fact(late.id, source, told), late, stage)
        stage.run_on()

    (refund,) = stage.refunds()
    assert (refund.kind, refund.status) == (RefundKind.LATE, RefundStatus.SUCCEEDED)
    assert len(one.made("void" if hold else "refund")) == 1
    assert stage.payment() == replace(over, version=stage.payment().version)


def test_late_money_that_its_provider_keeps_calls_a_person_after_a_week() -> None:
    late = an_attempt(state=State.UNKNOWN)
    over = a_payment(status=Status.FAILED, due=Due(None))
    one = Scripted("one", refunds=[Declined("account_closed", Hardness.HARD)])
    stage = a_runtime(one, holding=over, attempts=[late])
    learn(Fact(late.id, Source.WEBHOOK, paid(late)), late, stage)
    stage.run_on()

    (refund,) = stage.refunds()
    assert refund.status is RefundStatus.FAILED
    assert refund.due.parked is not None
    assert refund.due.parked.reason is Reason.REFUND_FAILED
    assert len(one.made("refund")) == len(stage.policy.resolve.delays_s) + 1


def test_a_gateway_that_cannot_refund_says_so_and_promises_nothing() -> None:
    stage = captured(lacks=[Operation.REFUND])
    ask(stage, Verb.REFUND, 2_000)
    stage.run_on()

    (refund,) = stage.refunds()
    assert refund.status is RefundStatus.FAILED
    assert refund.failure is not None
    assert refund.failure.code == "operation_not_supported"
    assert stage.payment().amount_refund_pending == 0


def test_a_hold_goes_only_to_a_gateway_that_can_hold() -> None:
    one, two = Scripted("one", lacks=[Operation.CAPTURE]), Scripted("two", held)
    manual = a_payment(capture_method=CaptureMethod.MANUAL)
    stage = a_runtime(one, two, holding=manual)
    charge(PAYMENT, stage)

    assert not one.calls
    assert stage.payment().skipped == {"one": "cannot_hold"}
    assert stage.payment().status is Status.AUTHORIZED


def test_while_an_answer_is_missing_nothing_else_is_sent() -> None:
    stage = captured(Unknown("timed out"), lookups=[Unknown("away")])
    ask(stage, Verb.REFUND, 2_000)
    stage.run_due()
    (refund,) = stage.refunds()

    stage.change(lambda work: work.save_refund(replace(refund, due=Due(stage.clock.now()))))
    send_refund(refund.id, stage)

    assert len(sent(stage)) == 1
    assert stage.refunds()[0].due == Due(None)


def test_while_the_answer_to_a_capture_is_missing_no_other_is_sent() -> None:
    one = Scripted("one", held, captures=[Unknown("timed out")], lookups=[Unknown("away")])
    stage = a_runtime(one, holding=a_payment())
    stage.run_due()
    payment = stage.payment()
    assert payment.next_command is Command.CAPTURE

    due = replace(payment, due=Due(stage.clock.now()))
    stage.change(lambda work: work.save_payment(due))
    capture(PAYMENT, stage)

    assert len(one.made("capture")) == 1
    assert stage.payment().due == Due(None)


def test_late_money_goes_back_also_where_its_provider_had_said_no() -> None:
    """Somebody must look why it said both; the payer's money does not wait for that."""
    voided = NotCharged(Proof.VOIDED, "cancelled")
    late = an_attempt(state=State.UNKNOWN)
    over = a_payment(status=Status.CANCELLED, due=Due(None))
    one = Scripted("one", refunds=[given_back])
    stage = a_runtime(one, holding=over, attempts=[late])

    for told in (voided, paid(late)):
        learn(Fact(late.id, Source.WEBHOOK, told), late, stage)
    stage.run_on()

    assert stage.refunds()[0].status is RefundStatus.SUCCEEDED
    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.CONTRADICTION
