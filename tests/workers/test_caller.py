"""The caller: who is let through, what a call says about its gateway, what people get to see."""

from __future__ import annotations

import time

import pytest

from domain.breaker import Hold, Override, Policy, Refusal, Verdict
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Unknown,
)
from domain.payment import Mode
from domain.ports import Budget, Refused
from domain.routing import GatewayRow, Route
from domain.webhook import Hint
from tests.contract.made import a_payment, an_attempt, within
from tests.workers.caller_rig import DECLARED, MONEY, Alone, Recorded, Rig, Scripted, a_row
from workers.caller import Caller
from workers.gateways import Adapter


@pytest.mark.parametrize(
    ("outcome", "verdict", "name"),
    [
        (MONEY, Verdict.GOOD, "succeeded"),
        (Pending("p"), Verdict.GOOD, "pending"),
        (RequiresAction("p", "https://pay.example"), Verdict.GOOD, "requires_action"),
        (Declined("stolen_card", Hardness.HARD), Verdict.GOOD, "declined"),
        (Unknown("timed out"), Verdict.BAD, "unknown"),
        (NotCharged(Proof.NEVER_SENT, "refused"), Verdict.BAD, "not_charged"),
        (NotCharged(Proof.REJECTED, "theirs"), Verdict.BAD, "not_charged"),
        (NotCharged(Proof.REJECTED, "ours"), Verdict.IGNORED, "not_charged"),
        (NotCharged(Proof.VOIDED, "read"), Verdict.GOOD, "not_charged"),
        (NotCharged(Proof.READ_BACK, "read"), Verdict.GOOD, "not_charged"),
    ],
    ids=str,
)
def test_every_outcome_says_one_thing_about_the_gateway(
    outcome: Outcome, verdict: Verdict, name: str
) -> None:
    rig = Rig(Scripted(outcome))

    assert rig.permit().charge(rig.attempt(), within()) == outcome

    assert rig.circuit.left == [("charge", verdict)]
    assert rig.seen == [("one", "charge", name)]


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt()], ids=repr)
def test_a_crash_gives_the_slot_back_comes_through_and_blames_nobody(error: BaseException) -> None:
    rig = Rig(Scripted(error))
    permit = rig.permit()

    with pytest.raises(type(error)):
        permit.charge(rig.attempt(), within())

    assert rig.circuit.left == [("charge", Verdict.IGNORED)]
    assert rig.seen == [("one", "charge", "error")]


def test_one_question_to_the_circuit_carries_all_that_admission_needs() -> None:
    rig = Rig()

    rig.permit(a_row(max_in_flight=7), retry=True)

    assert rig.circuit.asked == [("one", "charge", 7, 17.0, True, None)]


@pytest.mark.parametrize(("forced", "hold"), [("up", Hold.UP), ("down", Hold.DOWN)])
def test_a_persons_word_goes_with_the_question(forced: str, hold: Hold) -> None:
    rig = Rig()

    rig.permit(a_row(forced))

    assert rig.circuit.asked[0][-1] == Override(hold)


def test_a_refusal_is_passed_on_and_nothing_is_called() -> None:
    refused = Refused(Refusal.OPEN, 42.0)
    rig = Rig(circuit=Recorded(refused))

    assert rig.gateways.admit(a_row(), retry=False) == refused
    assert (rig.adapter.calls, rig.circuit.left, rig.seen) == ([], [], [])


def test_a_gateway_without_an_adapter_is_nobody_and_takes_no_slot() -> None:
    rig = Rig()
    row = GatewayRow("other", "scripted", Mode.TEST, (Route(),))

    refused = rig.gateways.admit(row, retry=False)

    assert isinstance(refused, Refused)
    assert refused.reason == "no_adapter"
    assert rig.gateways.get("other") is None
    assert rig.circuit.asked == []


def test_giving_back_says_nothing_about_the_gateway() -> None:
    rig = Rig()

    rig.permit().give_back()

    assert rig.circuit.left == [("charge", Verdict.IGNORED)]
    assert rig.seen == []


def test_our_own_delay_before_the_call_is_never_sent_and_no_fault_of_the_gateway() -> None:
    rig = Rig()

    outcome = rig.permit().charge(rig.attempt(), within(send_s=0.0))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert rig.adapter.calls == []
    assert rig.circuit.left == [("charge", Verdict.IGNORED)]


def test_asking_cancelling_and_sending_again_have_breakers_of_their_own() -> None:
    rig = Rig()
    gateway, attempt = rig.gateway(), rig.attempt()

    gateway.charge(attempt, within())
    gateway.void(attempt, within())
    gateway.lookup(attempt, within())

    assert [asked[1] for asked in rig.circuit.asked] == ["replay", "void", "lookup"]
    assert [name for name, _ in rig.circuit.left] == ["replay", "void", "lookup"]
    assert [operation for _, operation, _ in rig.seen] == ["replay", "void", "lookup"]


def test_a_look_up_that_finds_nothing_was_answered_well() -> None:
    rig = Rig(Scripted(NotFound()))

    assert rig.gateway().lookup(rig.attempt(), within()) == NotFound()
    assert rig.circuit.left == [("lookup", Verdict.GOOD)]
    assert rig.seen == [("one", "lookup", "not_found")]


def test_what_needs_no_call_passes_straight_through() -> None:
    rig = Rig()
    gateway = rig.gateway()

    assert gateway.declaration is DECLARED
    assert gateway.compose(a_payment(), "r") == rig.adapter.compose(a_payment(), "r")
    assert gateway.read_notice(b"x") == Hint(None, "x", "read")
    assert rig.circuit.asked == []


def test_a_failing_gateway_is_closed_to_new_money_and_open_to_questions() -> None:
    lost = Unknown("timed out")
    rig = Alone(Scripted(lost))

    assert rig.charges(6) == [lost] * 5 + [Refusal.OPEN]

    gateway, attempt = rig.caller.get("one"), an_attempt(rig.adapter)
    assert gateway is not None
    for _ in range(20):
        assert gateway.lookup(attempt, within()) == lost
        assert gateway.void(attempt, within()) == lost
        assert gateway.charge(attempt, within()) == lost


def test_a_person_holds_a_gateway_up_against_its_breaker_and_down_against_its_health() -> None:
    lost = Unknown("timed out")
    rig = Alone(Scripted(lost))
    rig.charges(5)

    assert rig.charges(1) == [Refusal.OPEN]
    assert rig.charges(1, "up") == [lost]

    rig.adapter.answer = MONEY
    fresh = Alone(Scripted(MONEY))
    assert fresh.charges(1, "down") == [Refusal.OPEN]
    assert fresh.charges(1) == [MONEY]


def test_issuers_declines_do_not_close_a_gateway() -> None:
    no = Declined("insufficient_funds", Hardness.SOFT)

    assert Alone(Scripted(no)).charges(20) == [no] * 20


def test_slow_answers_close_a_gateway_like_failures() -> None:
    rig = Alone(Scripted(MONEY), Policy(window_s=600, open_s=600, slow_call_s=0.000_001))

    assert rig.charges(6) == [MONEY] * 5 + [Refusal.OPEN]


def test_a_full_gateway_refuses_new_money_until_a_slot_is_given_back() -> None:
    rig = Alone(Scripted())
    row = a_row(max_in_flight=2)
    first, second = (rig.caller.admit(row, retry=False) for _ in range(2))
    assert not isinstance(first, Refused)
    assert not isinstance(second, Refused)

    full = rig.caller.admit(row, retry=False)

    assert isinstance(full, Refused)
    assert full.reason == Refusal.BULKHEAD_FULL
    first.give_back()
    assert not isinstance(rig.caller.admit(row, retry=False), Refused)


def test_a_call_is_timed_from_its_beginning_to_its_end() -> None:
    took: list[float] = []
    clock = iter([1.0, 2.0, 9.5])
    adapters: dict[str, Adapter] = {"one": Scripted()}
    caller = Caller(
        adapters,
        Recorded(),
        hold_s=17.0,
        on_call=lambda *call: took.append(call[3]),
        clock=lambda: next(clock),
    )
    permit = caller.admit(a_row(), retry=False)
    assert not isinstance(permit, Refused)

    permit.charge(an_attempt(Scripted()), Budget(time.monotonic() + 5, time.monotonic() + 5))

    assert took == [7.5]
