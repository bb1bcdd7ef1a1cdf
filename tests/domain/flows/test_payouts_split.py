"""Split payouts: made first, approved second; before the approval a lost answer has paid nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.attempt import Attempt, State
from domain.flows.payout import payout as send_payout
from domain.flows.resolve import resolve
from domain.outcome import Prepared, Proof, Unknown
from domain.payout import PayoutStatus
from tests.builders import Scripted, Stage
from tests.domain.flows.test_payouts import NO_ANSWER, PAYOUT, SENT, on
from tests.scripted import PROMISE

SPLIT = replace(PROMISE, split=True)
MADE = Prepared("po_1")


def tries(stage: Stage) -> Sequence[Attempt]:
    with stage.memory.begin() as work:
        return work.payout_attempts(PAYOUT)


def test_a_payout_is_made_stored_and_then_approved() -> None:
    one = Scripted("one", payouts=[MADE, SENT], promise=SPLIT)
    stage = on(one)

    send_payout(PAYOUT, stage)

    first, second = one.made("payout")
    assert (first.attempt.provider_id, second.attempt.provider_id) == (None, "po_1")
    assert (first.attempt.confirming, second.attempt.confirming) == (False, True)
    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED


def test_law_4_a_payout_whose_making_was_lost_has_paid_nobody_and_is_sent_again() -> None:
    one = Scripted("one", payouts=[NO_ANSWER, MADE, SENT], promise=SPLIT)
    stage = on(one)

    send_payout(PAYOUT, stage)
    (lost,) = tries(stage)
    assert (lost.state, lost.proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    stage.run_on()

    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED
    assert [attempt.number for attempt in tries(stage)] == [1, 2]


def test_law_1_a_payout_whose_approval_was_lost_is_approved_again_and_never_made_anew() -> None:
    one = Scripted("one", payouts=[MADE, NO_ANSWER, SENT], lookups=[MADE], promise=SPLIT)
    stage = on(one)

    send_payout(PAYOUT, stage)
    (attempt,) = tries(stage)
    assert (attempt.state, attempt.confirming) == (State.UNKNOWN, True)
    stage.run_on()

    _, lost, again = one.made("payout")
    assert lost.sent == again.sent
    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED
    assert len(tries(stage)) == 1


def test_a_worker_that_died_before_the_approval_has_paid_nobody() -> None:
    one = Scripted("one", payouts=[MADE], promise=SPLIT)
    stage = on(one)
    send_payout(PAYOUT, replace(stage, draining=lambda: bool(one.calls)))
    (left,) = tries(stage)
    assert (left.state, left.confirming) == (State.SENDING, False)

    stage.clock.advance(17)
    resolve(left.id, stage)

    (left,) = tries(stage)
    assert (left.state, left.proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    assert len(one.calls) == 1


def test_an_approval_that_nobody_may_repeat_waits_for_a_person() -> None:
    no_key = replace(SPLIT, key_window=PROMISE.visibility_lag)
    one = Scripted("one", payouts=[MADE, Unknown("timed out")], lookups=[MADE], promise=no_key)
    stage = on(one)

    send_payout(PAYOUT, stage)
    stage.run_on()

    (attempt,) = tries(stage)
    assert attempt.due.parked is not None
    assert len(one.made("payout")) == 2
