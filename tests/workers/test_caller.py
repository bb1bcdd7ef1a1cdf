"""The caller: who is let through, what a call says about its gateway, what people get to see."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.breaker import NEW_MONEY, Hold, Override, Policy, Refusal, Verdict
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Returned,
    TakenBack,
    Unknown,
)
from domain.payment import Mode
from domain.ports import Budget, Further, Refused
from domain.routing import GatewayRow, Route
from domain.task import Charge
from domain.webhook import Hint
from tests.contract.made import a_detachment, a_payment, an_attempt, within
from tests.workers.caller_rig import DECLARED, MONEY, Alone, Recorded, Rig, Scripted, a_row, stops
from workers.caller import Caller
from workers.gateways import Adapter


@pytest.mark.parametrize(
    ("outcome", "verdict", "name"),
    [
        (MONEY, Verdict.GOOD, "succeeded"),
        (Pending("p"), Verdict.GOOD, "pending"),
        (Prepared("p"), Verdict.GOOD, "prepared"),
        (RequiresAction("p", "https://pay.example"), Verdict.GOOD, "requires_action"),
        (Declined("stolen_card", Hardness.HARD), Verdict.GOOD, "declined"),
        (Returned("p", "account_closed"), Verdict.GOOD, "returned"),
        (TakenBack("p", MONEY.money, MONEY.money, "fraud"), Verdict.GOOD, "taken_back"),
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

    assert rig.permit().send(rig.attempt(), within(), stops) == outcome

    assert rig.circuit.left == [("charge", verdict)]
    assert rig.seen == [("one", "charge", name)]


def test_a_split_charge_is_two_calls_in_one_slot() -> None:
    rig = Rig(Scripted(Prepared("p_1")))
    attempt = rig.attempt()
    ready = replace(attempt, provider_id="p_1")

    def go_on(prepared: Prepared) -> Further:
        rig.adapter.answer = MONEY
        assert rig.circuit.left == []
        return Further(replace(ready, provider_id=prepared.provider_id), within())

    assert rig.permit().send(attempt, within(), go_on) == MONEY
    assert rig.adapter.calls == ["charge", "charge"]
    assert rig.circuit.left == [("charge", Verdict.GOOD)]


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt()], ids=repr)
def test_a_crash_gives_the_slot_back_comes_through_and_blames_nobody(error: BaseException) -> None:
    rig = Rig(Scripted(error))

    with pytest.raises(type(error)):
        rig.permit().send(rig.attempt(), within(), stops)

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

    assert rig.gateways.admit(a_row(), Operation.CHARGE, retry=False) == refused
    assert (rig.adapter.calls, rig.circuit.left, rig.seen) == ([], [], [])


def test_a_gateway_without_an_adapter_is_nobody_and_takes_no_slot() -> None:
    rig = Rig()
    row = GatewayRow("other", "scripted", Mode.TEST, (Route(),))

    refused = rig.gateways.admit(row, Operation.CHARGE, retry=False)

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

    outcome = rig.permit().send(rig.attempt(), within(send_s=0.0), stops)

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert rig.adapter.calls == []
    assert rig.circuit.left == [("charge", Verdict.IGNORED)]


def test_a_payout_is_admitted_by_a_breaker_of_its_own() -> None:
    rig = Rig()
    permit = rig.permit(a_row(max_in_flight=7), Operation.PAYOUT, retry=True)

    assert permit.send(rig.attempt(Operation.PAYOUT), within(), stops) == MONEY

    assert rig.circuit.asked == [("one", "payout", 7, 17.0, True, None)]
    assert rig.adapter.calls == ["payout"]
    assert rig.circuit.left == [("payout", Verdict.GOOD)]
    assert rig.seen == [("one", "payout", "succeeded")]


@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND])
def test_what_is_not_new_money_is_never_asked_for_as_if_it_were(operation: Operation) -> None:
    rig = Rig()

    with pytest.raises(AssertionError):
        rig.gateways.admit(a_row(), operation, retry=False)
    assert rig.circuit.asked == []


def test_a_permit_for_a_charge_sends_no_payout() -> None:
    rig = Rig()

    with pytest.raises(AssertionError):
        rig.permit().send(rig.attempt(Operation.PAYOUT), within(), stops)
    assert rig.adapter.calls == []


def test_everything_but_new_money_is_always_let_in_each_by_a_breaker_of_its_own() -> None:
    rig = Rig()
    gateway, attempt = rig.gateway(), rig.attempt()

    gateway.charge(attempt, within())
    gateway.cancel(attempt, within())
    gateway.capture(attempt, within())
    gateway.void(attempt, within())
    gateway.refund(attempt, within())
    gateway.payout(attempt, within())
    gateway.detach(a_detachment(), within())
    gateway.probe(within())
    gateway.lookup(attempt, within())

    calls = ["charge", "cancel", "capture", "void", "refund", "payout", "detach", "probe", "lookup"]
    names = [{"charge": "replay", "payout": "payout_replay"}.get(call, call) for call in calls]
    assert rig.adapter.calls == calls
    assert [asked[1] for asked in rig.circuit.asked] == names
    assert not NEW_MONEY & set(names)
    assert [name for name, _ in rig.circuit.left] == names
    assert [operation for _, operation, _ in rig.seen] == names


@pytest.mark.parametrize(
    ("answer", "answered", "verdict", "name"),
    [(MONEY, True, Verdict.GOOD, "answered"), (Unknown("?"), False, Verdict.BAD, "silent")],
    ids=["answered", "silent"],
)
def test_a_probe_says_whether_anybody_is_there(
    answer: Outcome, answered: bool, verdict: Verdict, name: str
) -> None:
    rig = Rig(Scripted(answer))

    assert rig.gateway().probe(within()) is answered

    assert rig.circuit.left == [("probe", verdict)]
    assert rig.seen == [("one", "probe", name)]


def test_a_look_up_that_finds_nothing_was_answered_well() -> None:
    rig = Rig(Scripted(NotFound()))

    assert rig.gateway().lookup(rig.attempt(), within()) == NotFound()
    assert rig.circuit.left == [("lookup", Verdict.GOOD)]
    assert rig.seen == [("one", "lookup", "not_found")]


def test_what_needs_no_call_passes_straight_through() -> None:
    rig = Rig()
    gateway = rig.gateway()

    assert gateway.declaration is DECLARED
    task = Charge(a_payment())
    assert gateway.compose(task, "r") == rig.adapter.compose(task, "r")
    assert gateway.read_notice(b"x") == Hint(None, "x", "read")
    assert rig.circuit.asked == []


def test_a_failing_gateway_is_closed_to_new_money_and_open_to_questions() -> None:
    lost = Unknown("timed out")
    rig = Alone(Scripted(lost))

    assert rig.sends(6) == [lost] * 5 + [Refusal.OPEN]

    gateway, attempt = rig.caller.get("one"), an_attempt(rig.adapter)
    assert gateway is not None
    for _ in range(20):
        assert gateway.lookup(attempt, within()) == lost
        assert gateway.void(attempt, within()) == lost
        assert gateway.refund(attempt, within()) == lost
        assert gateway.charge(attempt, within()) == lost


def test_failing_charges_do_not_close_a_gateway_to_payouts() -> None:
    rig = Alone(Scripted(Unknown("timed out")))
    rig.sends(5)
    rig.adapter.answer = MONEY

    assert rig.sends(1) == [Refusal.OPEN]
    assert rig.sends(1, operation=Operation.PAYOUT) == [MONEY]


def test_a_person_holds_a_gateway_up_against_its_breaker_and_down_against_its_health() -> None:
    lost = Unknown("timed out")
    rig = Alone(Scripted(lost))
    rig.sends(5)

    assert rig.sends(1) == [Refusal.OPEN]
    assert rig.sends(1, "up") == [lost]

    rig.adapter.answer = MONEY
    fresh = Alone(Scripted(MONEY))
    assert fresh.sends(1, "down") == [Refusal.OPEN]
    assert fresh.sends(1) == [MONEY]


def test_issuers_declines_do_not_close_a_gateway() -> None:
    no = Declined("insufficient_funds", Hardness.SOFT)

    assert Alone(Scripted(no)).sends(20) == [no] * 20


def test_slow_answers_close_a_gateway_like_failures() -> None:
    rig = Alone(Scripted(MONEY), Policy(window_s=600, open_s=600, slow_call_s=0.000_001))

    assert rig.sends(6) == [MONEY] * 5 + [Refusal.OPEN]


def test_a_full_gateway_refuses_new_money_until_a_slot_is_given_back() -> None:
    rig = Alone(Scripted())
    row = a_row(max_in_flight=2)
    first, second = (rig.caller.admit(row, Operation.CHARGE, retry=False) for _ in range(2))
    assert not isinstance(first, Refused)
    assert not isinstance(second, Refused)

    full = rig.caller.admit(row, Operation.CHARGE, retry=False)

    assert isinstance(full, Refused)
    assert full.reason == Refusal.BULKHEAD_FULL
    first.give_back()
    assert not isinstance(rig.caller.admit(row, Operation.CHARGE, retry=False), Refused)


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
    permit = caller.admit(a_row(), Operation.CHARGE, retry=False)
    assert not isinstance(permit, Refused)

    budget = Budget(time.monotonic() + 5, time.monotonic() + 5)
    permit.send(an_attempt(Scripted()), budget, stops)

    assert took == [7.5]
