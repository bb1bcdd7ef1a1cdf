"""Reviews: what is held while a person decides, and money that is not what was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Attempt, State
from domain.errors import IllegalMove
from domain.facts import Movement
from domain.flows.charge import charge
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import Lookup, Outcome, Succeeded
from domain.payment import Review, Status
from domain.policy import Policy
from domain.refund import RefundKind, RefundStatus
from domain.requests import Sight, Verb, allowed_operations
from domain.review import CaseKind, Decision
from tests.asking import ask
from tests.builders import NOON, PAYMENT, Scripted, Stage, a_payment, a_runtime, held, paid, usd

HELD_BACK = a_payment(review=Review.OPEN)


def collected(attempt: Attempt) -> Outcome:
    return Succeeded(attempt.target or "", attempt.money)


def on(*gateways: Scripted, **changes: Any) -> Stage:
    return a_runtime(*gateways, holding=replace(HELD_BACK, **changes), policy=Policy(review_s=600))


def test_approving_held_money_collects_it() -> None:
    one = Scripted("one", held, captures=[collected])
    stage = on(one)
    stage.run_due()
    assert stage.payment().status is Status.IN_REVIEW
    assert not one.made("capture")

    ask(stage, Verb.APPROVE)
    stage.run_due()

    payment = stage.payment()
    assert (payment.status, payment.amount_captured) == (Status.CAPTURED, 5_000)
    assert len(one.made("charge")) == len(one.made("capture")) == 1


def test_rejecting_held_money_lets_it_go() -> None:
    stage = on(Scripted("one", held, voids=[collected]))
    stage.run_due()

    ask(stage, Verb.REJECT)
    stage.run_due()

    payment = stage.payment()
    assert (payment.status, payment.amount_authorized) == (Status.CANCELLED, 0)
    assert stage.attempt().state is State.VOIDED


def test_nobody_deciding_lets_it_go_in_time() -> None:
    stage = on(Scripted("one", held, voids=[collected]))
    stage.run_on()

    assert stage.payment().status is Status.EXPIRED
    assert stage.clock.now() <= NOON + timedelta(seconds=601)


def test_approving_before_the_money_is_held_collects_it_when_it_is() -> None:
    """A person may be faster than the provider; the hold was asked for already."""
    stage = on(Scripted("one", held, captures=[collected]), status=Status.IN_REVIEW)
    ask(stage, Verb.APPROVE)
    assert stage.payment().status is Status.PROCESSING

    stage.run_due()

    assert stage.payment().status is Status.CAPTURED


def test_what_cannot_be_held_is_charged_only_after_it_was_approved() -> None:
    bank = Method("bank_transfer", "tok")
    one = Scripted("one", paid)
    stage = on(one, method=bank, status=Status.IN_REVIEW, due=HELD_BACK.due.at(None))
    stage.run_due()
    assert not one.calls

    ask(stage, Verb.APPROVE)
    stage.run_due()

    assert stage.payment().status is Status.CAPTURED


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_a_decision_is_made_once(verb: Verb) -> None:
    stage = on(Scripted("one", held, captures=[collected], voids=[collected]))
    stage.run_due()
    ask(stage, verb)

    other = Verb.REJECT if verb is Verb.APPROVE else Verb.APPROVE
    with pytest.raises(IllegalMove) as refusal:
        ask(stage, other)

    assert refusal.value.allowed == allowed(stage)


BOTH = (Verb.APPROVE, Verb.REJECT)


def allowed(stage: Stage) -> tuple[Verb, ...]:
    """Return what can be asked of the payment, as its merchant sees it."""
    mismatches = [case for case in stage.cases() if case.kind is CaseKind.MISMATCH]
    sight = Sight(stage.clock.now(), timedelta(days=90), *mismatches)
    return allowed_operations(stage.payment(), sight)


def mismatched(answer: Lookup, **changes: Any) -> Stage:
    """A payment whose provider reports other money than was asked for."""
    given_back = [lambda attempt: Succeeded("re_1", attempt.money)]
    one = Scripted("one", answer, refunds=given_back, voids=[collected])
    stage = a_runtime(one, holding=a_payment(**changes))
    charge(PAYMENT, stage)
    assert [case.kind for case in stage.cases()] == [CaseKind.MISMATCH]
    return stage


def test_less_money_may_be_accepted_as_it_is() -> None:
    stage = mismatched(Succeeded("ch_1", usd(4_999)))
    assert allowed(stage) == BOTH

    ask(stage, Verb.APPROVE, reason="")
    stage.run_on()

    payment = stage.payment()
    assert (payment.status, payment.amount_captured) == (Status.CAPTURED, 4_999)
    assert [(t.type, t.money) for t in stage.transactions()] == [(Movement.SALE, usd(4_999))]
    assert stage.cases()[0].decision is Decision.APPROVED


WRONG = [
    Succeeded("ch_1", usd(4_999)),
    Succeeded("ch_1", usd(5_001)),
    Succeeded("ch_1", Money(5_000, CURRENCIES["EUR"])),
]


@pytest.mark.parametrize("wrong", WRONG, ids=["less", "more", "another currency"])
def test_rejected_money_goes_back_whole_and_once(wrong: Succeeded) -> None:
    stage = mismatched(wrong)

    ask(stage, Verb.REJECT)
    stage.run_on()

    payment, (refund,) = stage.payment(), stage.refunds()
    assert (payment.status, payment.amount_captured) == (Status.FAILED, 0)
    assert (refund.kind, refund.status) == (RefundKind.LATE, RefundStatus.SUCCEEDED)
    assert refund.money == wrong.money
    assert refund.reason == "the money was not what was asked for, and was rejected in a review"
    assert stage.board.by_id["one"].made("refund")[0].attempt.target == "ch_1"
    assert [t.type for t in stage.transactions()] == [Movement.SALE, Movement.REFUND]


def test_wrong_money_that_is_only_held_is_let_go_of() -> None:
    stage = mismatched(Succeeded("ch_1", usd(4_000), captured=False))
    assert allowed(stage) == (Verb.REJECT,)

    ask(stage, Verb.REJECT)
    stage.run_on()

    assert stage.payment().status is Status.FAILED
    assert stage.refunds()[0].status is RefundStatus.SUCCEEDED
    assert len(stage.board.by_id["one"].made("void")) == 1


@pytest.mark.parametrize("wrong", WRONG[1:], ids=["more", "another currency"])
def test_more_or_other_money_cannot_be_accepted(wrong: Succeeded) -> None:
    stage = mismatched(wrong)

    with pytest.raises(IllegalMove, match="cannot become") as refusal:
        ask(stage, Verb.APPROVE)

    assert refusal.value.allowed == allowed(stage) == (Verb.REJECT,)
    assert stage.payment().status is Status.PROCESSING
    assert stage.cases()[0].decision is None


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_somebody_elses_money_is_neither_taken_nor_given_back(verb: Verb) -> None:
    stage = mismatched(Succeeded("ch_1", usd(), reference="f" * 32))

    with pytest.raises(IllegalMove, match="somebody else") as refusal:
        ask(stage, verb)

    assert refusal.value.allowed == allowed(stage) == ()
    assert not stage.refunds()


@pytest.mark.parametrize("wrong", WRONG[:2], ids=["less", "more"])
def test_whatever_is_refused_meanwhile_says_what_can_be_decided(wrong: Succeeded) -> None:
    stage = mismatched(wrong)

    with pytest.raises(IllegalMove) as refusal:
        ask(stage, Verb.CAPTURE)

    assert refusal.value.allowed == allowed(stage) == (BOTH if wrong is WRONG[0] else BOTH[1:])
