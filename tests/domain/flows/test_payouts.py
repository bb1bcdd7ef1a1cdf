"""Payouts: sent once, at the first gateway that takes it; what was paid may still come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import State
from domain.due import Due
from domain.errors import LeaseLost
from domain.facts import Movement
from domain.flows.payout import payout as send_payout
from domain.money import Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Pending,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from domain.payment import Mode
from domain.payout import Destination, Payout, PayoutStatus
from domain.ports import Refused
from domain.routing import Route
from tests.builders import (
    MERCHANT,
    NOON,
    OWNER,
    Scripted,
    Stage,
    a_gateway,
    a_notice,
    a_runtime,
    usd,
)

PAYOUT = UUID(int=70)
SENT = Succeeded("po_1", usd())
NO_ANSWER = Unknown("timed out")
NOT_SENT = NotCharged(Proof.NEVER_SENT, "no connection")
SOFT, HARD = Declined("later", Hardness.SOFT), Declined("refused", Hardness.HARD)


def a_payout(**changes: Any) -> Payout:
    quiet = Payout(
        id=PAYOUT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "ba_secret"),
        created_at=NOON,
        expires_at=NOON + timedelta(days=1),
        due=Due(NOON),
    )
    return replace(quiet, **changes)


def on(*gateways: Scripted, **changes: Any) -> Stage:
    stage = a_runtime(*gateways)
    stage.change(lambda work: work.add_payout(a_payout(**changes)))
    return stage


def test_a_payout_is_sent_and_written_down() -> None:
    stage = on(Scripted("one", payouts=[SENT]))
    send_payout(PAYOUT, stage)

    payout = stage.payout(PAYOUT)
    assert (payout.status, payout.gateway_id) == (PayoutStatus.SUCCEEDED, "one")
    assert [(t.type, t.money) for t in stage.transactions()] == [(Movement.PAYOUT, usd())]
    assert [entry for entry in stage.actions() if "payout" in entry][-1] == "payout.succeeded"


def test_no_transaction_is_open_while_a_slot_is_asked_for() -> None:
    stage = on(Scripted("one", payouts=[SENT]))
    asked: list[bool] = []
    stage.board.before_admit = lambda: asked.append(stage.memory.in_transaction)
    send_payout(PAYOUT, stage)

    assert asked == [False]


def test_a_payout_that_another_worker_has_sent_meanwhile_is_left_alone() -> None:
    one = Scripted("one", payouts=[NO_ANSWER])
    stage = on(one)

    def other() -> None:
        stage.board.before_admit = lambda: None
        stage.clock.advance(stage.policy.lease_s + 1)
        send_payout(PAYOUT, replace(stage, owner=OWNER + 1))

    stage.board.before_admit = other
    with pytest.raises(LeaseLost):
        send_payout(PAYOUT, stage)

    assert len(one.made("payout")) == 1
    assert one.slots_out == 0


def test_a_payout_that_was_taken_over_meanwhile_is_not_sent() -> None:
    one = Scripted("one", payouts=[SENT])
    stage = on(one)

    def other() -> None:
        stage.clock.advance(stage.policy.lease_s + 1)
        stage.change(lambda work: work.claim_payout(PAYOUT, OWNER + 1, 60.0))

    stage.board.before_admit = other
    with pytest.raises(LeaseLost):
        send_payout(PAYOUT, stage)

    assert not one.calls
    assert one.slots_out == 0


def test_the_destination_stays_out_of_repr() -> None:
    assert "ba_secret" not in repr(a_payout())


@pytest.mark.parametrize("no", [NOT_SENT, SOFT])
def test_law_4_only_a_proven_no_moves_on_to_the_next_gateway(no: Any) -> None:
    one, two = Scripted("one", payouts=[no]), Scripted("two", payouts=[SENT])
    stage = on(one, two)
    stage.run_due()

    assert stage.payout(PAYOUT).gateway_id == "two"
    assert (len(one.made("payout")), len(two.made("payout"))) == (1, 1)


def test_law_1_an_unknown_payout_is_looked_up_and_never_sent_elsewhere() -> None:
    one = Scripted("one", payouts=[NO_ANSWER], lookups=[NO_ANSWER, Pending("po_1"), SENT])
    two = Scripted("two")
    stage = on(one, two)
    stage.run_on()

    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED
    assert not two.calls
    assert len(one.made("payout")) == 1


def test_a_hard_no_ends_it() -> None:
    stage = on(Scripted("one", payouts=[HARD]), Scripted("two"))
    stage.run_on()

    payout = stage.payout(PAYOUT)
    assert payout.status is PayoutStatus.FAILED
    assert payout.failure is not None
    assert payout.failure.code == "refused"


def test_a_request_that_is_wrong_is_not_sent_elsewhere() -> None:
    wrong = NotCharged(Proof.REJECTED, "400", request_wrong=True)
    two = Scripted("two")
    stage = on(Scripted("one", payouts=[wrong]), two)
    stage.run_on()

    assert stage.payout(PAYOUT).status is PayoutStatus.FAILED
    assert not two.calls


def test_gateways_that_are_never_there_rest_between_runs_and_end_it() -> None:
    one = Scripted("one", payouts=[NOT_SENT])
    stage = on(one)
    stage.run_on()

    payout = stage.payout(PAYOUT)
    assert payout.status is PayoutStatus.FAILED
    assert payout.failure is not None
    assert payout.failure.code == "no_provider_available"
    assert len(one.made("payout")) == stage.policy.max_runs
    assert stage.clock.now() > NOON + timedelta(seconds=5), "it backed off"


def test_a_full_or_broken_gateway_is_waited_for_and_that_is_no_run() -> None:
    stage = on(Scripted("one", refusing=Refused("breaker_open", 2.0)))
    send_payout(PAYOUT, stage)

    payout = stage.payout(PAYOUT)
    assert (payout.status, payout.runs) == (PayoutStatus.PENDING, 0)
    assert payout.skipped == {"one": "breaker_open"}
    assert payout.due.next_run_at is not None
    assert payout.due.next_run_at > NOON


def test_routes_for_charges_are_not_for_payouts() -> None:
    only_charges = a_gateway("one", routes=(Route(operation="charge"),))
    stage = on(Scripted("one", row=only_charges))
    send_payout(PAYOUT, stage)

    assert stage.payout(PAYOUT).skipped == {"one": "no_route"}


def test_a_payout_that_comes_back_fails_and_says_so() -> None:
    returned = Returned("po_1", "account_closed")
    stage = on(Scripted("one", payouts=[SENT], lookups=[returned]))
    stage.run_due()
    (attempt,) = _attempts(stage)
    stage.add(a_notice(body=attempt.reference.encode()))
    stage.run_due()

    payout = stage.payout(PAYOUT)
    assert payout.status is PayoutStatus.FAILED
    assert payout.failure is not None
    assert [t.type for t in stage.transactions()] == [Movement.PAYOUT, Movement.PAYOUT_FAILURE]


def test_a_payout_is_in_its_own_money() -> None:
    wrong = Succeeded("po_1", Money(4_999, usd().currency))
    stage = on(Scripted("one", payouts=[wrong]))
    send_payout(PAYOUT, stage)

    payout = stage.payout(PAYOUT)
    assert payout.status is PayoutStatus.PROCESSING
    assert payout.due.parked is not None
    assert _attempts(stage)[0].state is State.UNKNOWN


def _attempts(stage: Stage) -> Any:
    with stage.memory.begin() as work:
        return work.payout_attempts(PAYOUT)
