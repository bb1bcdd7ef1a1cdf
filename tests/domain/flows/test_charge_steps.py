"""Charge, step by step: the intent before the bytes, the time to send, the gateways passed over."""

from __future__ import annotations

from datetime import timedelta

from domain.attempt import State
from domain.due import Due
from domain.flows.charge import charge
from domain.outcome import (
    NotCharged,
    Proof,
    Unknown,
)
from domain.payment import Status
from domain.ports import Refused
from tests.builders import (
    BOOT_S,
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
    a_payment,
    a_runtime,
    meanwhile,
    paid,
)

NEVER_SENT = NotCharged(Proof.NEVER_SENT, "connection refused")
TIMED_OUT = Unknown("no answer in 10 s")


def test_law_3_the_attempt_is_committed_with_its_exact_bytes_before_they_are_sent() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())
    seen: list[tuple[State, Status]] = []

    def look() -> None:
        assert not stage.memory.in_transaction
        seen.append((stage.attempt().state, stage.payment().status))

    one.before_call = look
    charge(PAYMENT, stage)

    (call,) = one.calls
    assert seen == [(State.SENDING, Status.PROCESSING)]
    assert call.sent == (stage.attempt().request, stage.attempt().id.hex + "a")
    assert call.sent[0] == f"{call.attempt.id.hex} 50.00 USD".encode()


def test_law_3_the_attempt_holds_its_windows_and_who_takes_over() -> None:
    stage = a_runtime(Scripted("one", TIMED_OUT), holding=a_payment())
    one = stage.board.by_id["one"]

    charge(PAYMENT, stage)

    sent = one.calls[0].attempt
    assert sent.send_before == NOON + timedelta(seconds=2)
    assert sent.deadline_at == NOON + timedelta(seconds=12)
    assert sent.key_window_ends == NOON + timedelta(hours=24)
    assert sent.due == Due(NOON + timedelta(seconds=17))
    assert (sent.adapter_version, sent.request_id) == (1, "req-1")


def test_law_3_no_byte_may_leave_after_send_before_however_long_we_stall() -> None:
    """The budget counts from before the database's clock was read, not from when we get to it."""
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())
    stage.board.before_admit = lambda: stage.clock.advance(9)

    charge(PAYMENT, stage)

    (call,) = one.calls
    assert call.budget.send_by - BOOT_S == (call.attempt.send_before - NOON).total_seconds()
    assert call.budget.deadline - BOOT_S == (call.attempt.deadline_at - NOON).total_seconds()


def test_each_step_of_a_run_has_a_budget_of_its_own() -> None:
    slow, two = Scripted("one"), Scripted("two", paid)
    stage = a_runtime(slow, two, holding=a_payment())
    slow.scripts["charge"].append(meanwhile(lambda: stage.clock.advance(8), SOFT))

    charge(PAYMENT, stage)

    (call,) = two.calls
    assert call.budget.send_by - BOOT_S == (call.attempt.send_before - NOON).total_seconds() == 10


def test_a_gateway_that_cannot_express_the_payment_is_passed_over_unasked() -> None:
    one, two = Scripted("one", can_express=False), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CAPTURED
    assert [attempt.gateway_id for attempt in stage.attempts()] == ["two"]
    assert one.slots_out == 0


def test_a_gateway_without_a_slot_is_passed_over_and_the_next_one_charges() -> None:
    one = Scripted("one", refusing=Refused("breaker_open", 30.0))
    two = Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().gateway_id == "two"
    assert stage.payment().status is Status.CAPTURED


def test_a_gateway_without_an_adapter_is_passed_over() -> None:
    gone, two = Scripted("gone"), Scripted("two", paid)
    stage = a_runtime(gone, two, holding=a_payment())
    del stage.board.by_id["gone"]

    charge(PAYMENT, stage)

    assert stage.payment().gateway_id == "two"


def test_a_second_try_at_a_gateway_asks_for_a_retrys_slot() -> None:
    one = Scripted("one", NEVER_SENT, paid)
    stage = a_runtime(one, holding=a_payment())

    charge(PAYMENT, stage)
    stage.run_on()

    assert one.asked_retries == [False, True]
    assert stage.payment().status is Status.CAPTURED
