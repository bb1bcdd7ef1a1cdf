"""Settle: a person's word about a refund or a payout; and any word at all, by dice."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from domain.attempt import Operation, State
from domain.due import Due, Reason
from domain.errors import DomainError, IllegalMove
from domain.ids import Kind
from domain.outcome import NotCharged, Proof, Succeeded
from domain.payment import Status
from domain.payout import PayoutStatus
from domain.refund import RefundStatus
from domain.requests import Verb
from domain.settling import Word, possible
from tests.asking import ask
from tests.builders import Scripted, Stage, a_payment, a_runtime, usd
from tests.domain.flows.parked import (
    PAYOUT,
    a_payout,
    is_parked,
    of,
    of_payout,
    say,
    say_of,
    silent,
)
from tests.scripted import paid

SEEDS = range(200)


def refunding() -> Stage:
    stage = silent(Operation.REFUND)
    stage.run_on()
    assert is_parked(of(stage, Operation.REFUND))
    assert stage.payment().amount_refund_pending == 5_000
    return stage


def paying_out(*others: Scripted) -> Stage:
    stage = silent(Operation.PAYOUT)
    stage.run_on()
    assert is_parked(of(stage, Operation.PAYOUT))
    return stage


def test_refunded_is_counted_in_the_payment() -> None:
    stage = refunding()

    say_of(stage, of(stage, Operation.REFUND), Word.REFUNDED, provider_id="re_1")

    assert stage.refunds()[0].status is RefundStatus.SUCCEEDED
    assert stage.payment().status is Status.REFUNDED
    assert (stage.payment().amount_refunded, stage.payment().amount_refund_pending) == (5_000, 0)


def test_not_refunded_is_sent_once_more_as_a_new_intent() -> None:
    stage = refunding()
    first = of(stage, Operation.REFUND)
    script = stage.board.by_id["one"].scripts["refund"]
    script[0] = lambda attempt: Succeeded("re_2", attempt.money)

    say_of(stage, first, Word.NOT_REFUNDED)
    stage.run_on()

    assert of(stage, Operation.REFUND).id != first.id
    assert stage.payment().status is Status.REFUNDED


def test_a_refund_that_failed_may_be_asked_for_again() -> None:
    stage = refunding()

    say_of(stage, of(stage, Operation.REFUND), Word.FAILED)

    assert stage.refunds()[0].status is RefundStatus.FAILED
    assert (stage.payment().status, stage.payment().refundable) == (Status.CAPTURED, 5_000)


def test_a_refund_that_came_back_is_no_refund() -> None:
    stage = refunding()

    say_of(stage, of(stage, Operation.REFUND), Word.RETURNED, provider_id="re_1")

    assert stage.refunds()[0].status is RefundStatus.FAILED
    assert stage.payment().amount_refunded == 0


def poisoned_refund() -> Stage:
    stage = a_runtime(Scripted("one", paid), holding=a_payment())
    stage.run_due()
    ask(stage, Verb.REFUND)
    (refund,) = stage.refunds()
    parked = replace(refund, due=Due(None).park(stage.clock.now(), Reason.POISON))
    stage.change(lambda work: work.save_refund(parked))
    return stage


def test_a_refund_that_was_never_sent_may_only_be_given_up() -> None:
    stage = poisoned_refund()
    (refund,) = stage.refunds()
    for word in (Word.REFUNDED, Word.NOT_REFUNDED):
        with pytest.raises(IllegalMove, match="was ever sent"):
            say(stage, Kind.REFUND, refund.id, word, provider_id="re_1")
    with pytest.raises(IllegalMove):
        say(stage, Kind.REFUND, refund.id, Word.STANDS)

    say(stage, Kind.REFUND, refund.id, Word.FAILED)

    assert stage.refunds()[0].status is RefundStatus.FAILED
    assert (stage.payment().status, stage.payment().refundable) == (Status.CAPTURED, 5_000)
    assert "refund.settled" in stage.actions()


def test_a_parked_refund_is_settled_by_its_attempt() -> None:
    stage = refunding()
    (refund,) = stage.refunds()
    parked = replace(refund, due=Due(None).park(stage.clock.now(), Reason.POISON))
    stage.change(lambda work: work.save_refund(parked))

    say(stage, Kind.REFUND, refund.id, Word.REFUNDED, provider_id="re_1")

    assert stage.payment().status is Status.REFUNDED
    assert stage.refunds()[0].due == of(stage, Operation.REFUND).due == Due(None)


def test_a_refund_of_another_amount_is_settled_once_the_difference_is() -> None:
    stage = a_runtime(
        Scripted("one", paid, refunds=[Succeeded("re_1", usd(999))]), holding=a_payment()
    )
    stage.run_due()
    ask(stage, Verb.REFUND)
    stage.run_due()
    assert stage.refunds()[0].due.parked is not None

    say_of(stage, of(stage, Operation.REFUND), Word.REFUNDED)

    assert stage.payment().status is Status.REFUNDED
    assert stage.refunds()[0].due.parked is None


def test_paid_out_ends_the_payout() -> None:
    stage = paying_out()

    say_of(stage, of(stage, Operation.PAYOUT), Word.PAID_OUT, provider_id="po_1")

    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED
    assert [t.money for t in stage.transactions()] == [usd()]


def test_not_paid_out_is_sent_once_more() -> None:
    stage = paying_out()
    stage.board.by_id["one"].scripts["payout"][0] = Succeeded("po_2", usd())

    say_of(stage, of(stage, Operation.PAYOUT), Word.NOT_PAID_OUT)
    stage.run_on()

    assert stage.payout(PAYOUT).status is PayoutStatus.SUCCEEDED
    assert len(of_payout(stage)) == 2


@pytest.mark.parametrize("word", [Word.FAILED, Word.RETURNED])
def test_a_payout_that_failed_or_came_back_fails(word: Word) -> None:
    stage = paying_out()

    say_of(stage, of(stage, Operation.PAYOUT), word, provider_id="po_1")

    assert stage.payout(PAYOUT).status is PayoutStatus.FAILED


def test_a_payout_that_was_never_sent_may_be_given_up() -> None:
    stage = a_runtime(Scripted("one"))
    parked = Due(None).park(stage.clock.now(), Reason.POISON)
    stage.change(lambda work: work.add_payout(replace(a_payout(), due=parked)))

    with pytest.raises(IllegalMove, match="was ever sent"):
        say(stage, Kind.PAYOUT, PAYOUT, Word.PAID_OUT, provider_id="po_1")
    say(stage, Kind.PAYOUT, PAYOUT, Word.FAILED)

    assert stage.payout(PAYOUT).status is PayoutStatus.FAILED
    assert stage.actions() == ["payout.failed", "payout.settled"]


def test_one_word_twice_is_refused_and_pays_once() -> None:
    stage = paying_out()
    attempt = of(stage, Operation.PAYOUT)
    say_of(stage, attempt, Word.PAID_OUT, provider_id="po_1")

    with pytest.raises(IllegalMove, match="not parked"):
        say_of(stage, attempt, Word.NOT_PAID_OUT)

    assert len(stage.transactions()) == 1


def test_whatever_is_said_nothing_is_stuck_and_no_law_is_broken() -> None:
    """The books in memory refuse what the database would; a refused word changes nothing."""
    settled = 0
    for seed in SEEDS:
        dice = random.Random(seed)
        operation = dice.choice(list(Operation))
        stage = silent(operation)
        stage.run_on()
        for script in stage.board.by_id["one"].scripts.values():
            script.clear()
            script.append(NotCharged(Proof.READ_BACK, "no"))
        attempt = of(stage, operation)
        word = dice.choice(possible(Kind.ATTEMPT, attempt.state, operation))
        before = (stage.facts(), stage.actions(), attempt)
        try:
            say_of(
                stage, attempt, word, provider_id=dice.choice([None, attempt.provider_id, "p_1"])
            )
        except DomainError:
            assert (stage.facts(), stage.actions(), stage.attempt_by(attempt.id)) == before, seed
            continue
        settled += 1
        stage.run_on()
        after = stage.attempt_by(attempt.id)
        assert not is_parked(after), seed
        assert after.state is not State.UNKNOWN, seed
        if operation is Operation.PAYOUT:
            assert stage.payout(PAYOUT).over, seed
        else:
            assert not stage.is_stuck(), seed
            assert all(refund.over or refund.due.parked for refund in stage.refunds()), seed
    assert settled > len(SEEDS) // 2
