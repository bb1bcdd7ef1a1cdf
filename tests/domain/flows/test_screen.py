"""Screen: one decision per payment, before any gateway is called."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.commands import Command
from domain.due import Due, Reason
from domain.errors import LeaseLost
from domain.flows.screen import inputs_of, screen
from domain.fraud.features import NO_HISTORY, Velocity
from domain.fraud.score import Assessment, Decision, FraudPolicy
from domain.fraud.score import Mode as Scored
from domain.means import Card, Customer, Method
from domain.payment import Payment, Review, Status
from domain.policy import Policy
from domain.review import CaseKind
from tests.asking import cancel
from tests.builders import (
    MERCHANT,
    NOON,
    OWNER,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    paid,
    usd,
)

UNSCREENED = a_payment(next_command=Command.SCREEN)
#: So much of one card in an hour and a day that it is challenged; see the rules.
BUSY = replace(NO_HISTORY, card_1h=9, card_1d=99)


def on(payment: Payment = UNSCREENED, **changes: Any) -> Stage:
    return a_runtime(Scripted("one", paid), holding=payment, **changes)


def assessed(stage: Stage) -> Assessment:
    (found,) = stage.memory.books.assessments
    return found


def test_an_approved_payment_goes_on_to_its_charge() -> None:
    stage = on()

    screen(PAYMENT, stage)

    payment = stage.payment()
    assert (payment.status, payment.next_command) == (Status.PENDING, Command.CHARGE)
    assert payment.due == Due(NOON)
    assert (payment.wants_3ds, payment.risk_level) == (False, "low")
    assert payment.risk_score == str(assessed(stage).score)
    assert stage.woken == [(Command.CHARGE, PAYMENT)]
    assert stage.lease_until() is None


def test_the_windows_see_the_payment_under_its_names() -> None:
    who = replace(UNSCREENED, customer=Customer("c-1", ip="192.0.2.1"))

    screen(PAYMENT, stage := on(who))

    assert stage.windows.observed == [
        {
            "payment_id": PAYMENT,
            "card": "test:fp",
            "ip": "test:192.0.2.1",
            "customer": f"test:{MERCHANT}:c-1",
            "amount_minor": 5_000,
            "currency": "USD",
            "at": NOON,
        }
    ]


def test_a_challenged_payment_is_charged_with_3ds() -> None:
    stage = on(history=BUSY)

    screen(PAYMENT, stage)

    assert assessed(stage).decision is Decision.CHALLENGE
    assert stage.payment().wants_3ds
    assert stage.payment().status is Status.PENDING
    assert stage.woken == [(Command.CHARGE, PAYMENT)]


def test_a_payment_for_review_waits_for_a_person_and_expires_without_one() -> None:
    bank = replace(UNSCREENED, method=Method("bank_transfer", "tok"), money=usd(3_000_000))
    stage = on(bank)

    screen(PAYMENT, stage)

    assert assessed(stage).decision is Decision.REVIEW
    payment = stage.payment()
    assert (payment.status, payment.due) == (Status.IN_REVIEW, Due(payment.expires_at))
    assert stage.woken == []
    assert stage.actions() == ["payment.screened", "payment.in_review", "review.opened"]

    stage.run_on()
    assert stage.payment().status is Status.EXPIRED
    assert not stage.board.by_id["one"].calls


def test_a_declined_payment_fails_without_telling_why_and_no_gateway_is_asked() -> None:
    expired = Method("card", "tok", Card("fp", exp_month=1, exp_year=2020))
    stage = on(replace(UNSCREENED, method=expired))

    screen(PAYMENT, stage)
    stage.run_on()

    payment = stage.payment()
    assert (payment.status, payment.due) == (Status.FAILED, Due(None))
    assert payment.failure is not None
    assert payment.failure.code == "fraud_declined"
    assert "card" not in payment.failure.reason
    assert assessed(stage).reason == "expired_card"
    assert stage.actions() == ["payment.screened", "payment.failed"]
    assert stage.woken == []
    assert not stage.board.by_id["one"].calls


def test_a_decision_is_made_and_stored_once() -> None:
    stage = on()

    screen(PAYMENT, stage)
    screen(PAYMENT, stage)
    stage.run_on()

    assert len(stage.memory.books.assessments) == 1
    assert len(stage.windows.observed) == 1
    assert stage.payment().status is Status.CAPTURED


def test_a_stray_wake_up_after_the_decision_leaves_the_charge_due() -> None:
    stage = on(a_payment())

    screen(PAYMENT, stage)

    assert stage.due() == [(Command.CHARGE, PAYMENT)]
    assert stage.lease_until() is None
    assert len(stage.memory.books.assessments) == 0


def test_a_message_for_nothing_does_nothing() -> None:
    stage = a_runtime(Scripted("one"))

    screen(PAYMENT, stage)

    assert stage.windows.observed == []


@pytest.mark.parametrize(
    ("amount", "decision"), [(10_000, Decision.APPROVE), (10_001, Decision.CHALLENGE)]
)
def test_without_history_small_payments_pass_and_larger_ones_are_challenged(
    amount: int, decision: Decision
) -> None:
    stage = on(replace(UNSCREENED, money=usd(amount)), history=None)

    screen(PAYMENT, stage)

    found = assessed(stage)
    assert found.mode is not Scored.FULL
    assert found.decision is decision
    assert found.reason is not None


def test_the_limits_are_the_policys() -> None:
    strict = Policy(fraud=FraudPolicy(manual_review_amount=Decimal("10.00")))

    screen(PAYMENT, stage := on(policy=strict))

    assert stage.payment().review is Review.OPEN


def test_where_money_can_be_held_it_is_held_while_a_person_decides() -> None:
    strict = Policy(fraud=FraudPolicy(manual_review_amount=Decimal("10.00")))
    stage = on(policy=strict)

    screen(PAYMENT, stage)

    payment = stage.payment()
    assert (payment.status, payment.captures_at_once) == (Status.PENDING, False)
    assert [case.kind for case in stage.cases()] == [CaseKind.FRAUD]
    assert stage.woken == [(Command.CHARGE, PAYMENT)]


def test_a_cancelled_payment_is_not_decided_about() -> None:
    stage = on()
    observe = stage.windows.observe

    def cancelled(payment_id: Any, **who: Any) -> Velocity | None:
        cancel(stage)
        return observe(payment_id, **who)

    gone = replace(stage, velocity=_Observing(cancelled))
    screen(PAYMENT, gone)

    assert stage.payment().status is Status.CANCELLED
    assert stage.payment().due == Due(None)
    assert len(stage.memory.books.assessments) == 0
    assert stage.woken == []


class _Observing:
    """Windows during whose answer something happens."""

    def __init__(self, observe: Any) -> None:
        self.observe = observe
        self.declined = lambda **who: None


def test_a_worker_whose_lease_was_taken_over_decides_nothing() -> None:
    stage = on()
    once: list[str] = []

    def stall(payment_id: Any, **who: Any) -> Velocity | None:
        if not once:
            once.append("stalled")
            stage.clock.advance(60)
            screen(PAYMENT, replace(stage, owner=OWNER + 1))
        return NO_HISTORY

    with pytest.raises(LeaseLost):
        screen(PAYMENT, replace(stage, velocity=_Observing(stall)))

    assert len(stage.memory.books.assessments) == 1
    assert stage.woken == [(Command.CHARGE, PAYMENT)]


def test_a_payment_that_kills_its_screening_is_parked() -> None:
    stage = on()

    def die(payment_id: Any, **who: Any) -> Velocity | None:
        raise SystemExit

    dying = replace(stage, velocity=_Observing(die))
    for _ in range(5):
        with pytest.raises(SystemExit):
            screen(PAYMENT, dying)
        stage.clock.advance(60)
    screen(PAYMENT, dying)

    parked = stage.payment().due.parked
    assert parked is not None
    assert parked.reason is Reason.POISON
    assert stage.actions() == ["payment.parked"]


def test_the_rules_see_what_the_checkout_said() -> None:
    card = Card("fp", "visa", "4242", 12, 2030, "DE")
    customer = Customer("c-1", "A.Name@Example.COM", "192.0.2.1", "FR")

    inputs = inputs_of(a_payment(method=Method("card", "tok", card), customer=customer))

    assert inputs.card_exp == (12, 2030)
    assert (inputs.card_country, inputs.ip_country) == ("DE", "FR")
    assert inputs.email_domain == "example.com"
    assert (inputs.method_type, inputs.three_ds_possible) == ("card", True)
    assert (inputs.amount_minor, inputs.currency, inputs.exponent) == (5_000, "USD", 2)


def test_without_a_card_there_is_nothing_to_challenge() -> None:
    inputs = inputs_of(a_payment(method=Method("wallet", "tok")))

    assert (inputs.card_exp, inputs.card_country, inputs.email_domain) == (None, None, None)
    assert not inputs.three_ds_possible


@pytest.mark.parametrize(("month", "year"), [(None, 2030), (12, None)])
def test_half_an_expiry_is_none(month: int | None, year: int | None) -> None:
    card = Card("fp", exp_month=month, exp_year=year)

    assert inputs_of(a_payment(method=Method("card", "tok", card))).card_exp is None
