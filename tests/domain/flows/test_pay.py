"""Pay: a new payment is screened and charged in one run, or its decision is written alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due
from domain.errors import LeaseLost
from domain.flows.pay import pay
from domain.fraud.features import NO_HISTORY, Velocity
from domain.fraud.score import FraudPolicy
from domain.means import Card, Method
from domain.payment import Payment, Review, Status
from domain.policy import Policy
from domain.ports import Refused
from domain.task import Charge, Task
from tests.asking import cancel
from tests.builders import (
    NOON,
    OWNER,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    paid,
)

NEW = a_payment(next_command=Command.SCREEN)
#: So much of one card in an hour and a day that it is challenged; see the rules.
BUSY = replace(NO_HISTORY, card_1h=9, card_1d=99)


@dataclass
class Seeing:
    """Windows during whose answer something happens."""

    happens: Callable[[], object]

    def observe(self, payment_id: UUID, **who: Any) -> Velocity | None:
        self.happens()
        return NO_HISTORY

    def declined(self, **who: Any) -> None:
        """Nobody asks later."""


def on(payment: Payment = NEW, *more: Scripted, **changes: Any) -> Stage:
    return a_runtime(*(more or (Scripted("one", paid),)), holding=payment, **changes)


def decided_alone(stage: Stage) -> bool:
    """Whether there is a decision and no attempt, and the charge was woken."""
    decided = len(stage.memory.books.assessments) == 1
    return decided and not stage.attempts() and stage.woken == [(Command.CHARGE, PAYMENT)]


def test_a_new_payment_is_paid_in_one_run() -> None:
    stage = on()

    pay(PAYMENT, stage)

    payment = stage.payment()
    assert (payment.status, payment.due) == (Status.CAPTURED, Due(None))
    assert (payment.risk_level, payment.next_command) == ("low", Command.CHARGE)
    assert len(stage.memory.books.assessments) == 1
    assert stage.woken == []
    assert stage.actions() == [
        "payment.screened",
        "attempt.sending",
        "payment.processing",
        "attempt.captured",
        "payment.captured",
    ]


class Composing(Scripted):
    """A gateway that takes note of whether 3-D Secure was wanted when the request was written."""

    wanted_3ds: bool | None = None

    def compose(self, task: Task, reference: str) -> bytes | None:
        assert isinstance(task, Charge)
        self.wanted_3ds = task.payment.wants_3ds
        return super().compose(task, reference)


def test_what_a_challenge_asks_for_is_in_the_first_request() -> None:
    gateway = Composing("one", paid)
    stage = on(NEW, gateway, history=BUSY)

    pay(PAYMENT, stage)

    assert gateway.wanted_3ds
    assert stage.payment().wants_3ds


def test_after_a_soft_decline_the_same_run_asks_the_next_gateway() -> None:
    stage = on(NEW, Scripted("one", SOFT), Scripted("two", paid))

    pay(PAYMENT, stage)

    assert [attempt.state for attempt in stage.attempts()] == [State.DECLINED, State.CAPTURED]
    assert stage.payment().status is Status.CAPTURED
    assert len(stage.memory.books.assessments) == 1


def test_who_is_told_to_stop_decides_and_leaves_the_charge_to_others() -> None:
    stage = on()

    pay(PAYMENT, replace(stage, draining=lambda: True))

    assert decided_alone(stage)
    assert stage.lease_until() is None
    stage.run_due()
    assert stage.payment().status is Status.CAPTURED


def test_a_gateway_that_cannot_be_asked_leaves_the_others_to_a_run_of_its_own() -> None:
    stage = on(NEW, Scripted("one", paid, can_express=False), Scripted("two", paid))

    pay(PAYMENT, stage)

    assert decided_alone(stage)
    assert stage.board.by_id["one"].slots_out == 0
    stage.run_due()
    assert stage.payment().status is Status.CAPTURED


def test_without_a_slot_the_charge_waits_on_the_row_and_wakes_nobody() -> None:
    gateway = Scripted("one", paid, refusing=Refused("bulkhead_full", 1.0, ours=True))
    stage = on(NEW, gateway)

    pay(PAYMENT, stage)

    assert len(stage.memory.books.assessments) == 1
    assert stage.payment().due == Due(NOON + timedelta(seconds=1))
    assert stage.woken == []
    assert stage.lease_until() is None
    gateway.refusing = None
    stage.run_on()
    assert stage.payment().status is Status.CAPTURED


def test_where_a_person_is_asked_the_decision_is_written_alone() -> None:
    strict = Policy(fraud=FraudPolicy(manual_review_amount=Decimal("10.00")))
    stage = on(policy=strict)

    pay(PAYMENT, stage)

    assert decided_alone(stage)
    assert stage.payment().review is Review.OPEN
    assert len(stage.cases()) == 1


def test_a_fraud_decline_reaches_no_gateway() -> None:
    expired = Method("card", "tok", Card("fp", exp_month=1, exp_year=2020))
    stage = on(replace(NEW, method=expired))

    pay(PAYMENT, stage)

    assert stage.payment().status is Status.FAILED
    assert not stage.board.by_id["one"].calls
    assert stage.woken == []


def test_a_payment_cancelled_since_its_claim_is_not_charged() -> None:
    stage = on()

    pay(PAYMENT, replace(stage, velocity=Seeing(lambda: cancel(stage))))

    assert stage.payment().status is Status.CANCELLED
    assert not stage.attempts()
    assert stage.board.by_id["one"].slots_out == 0


def test_a_payment_that_changed_since_its_claim_is_decided_as_it_is_now() -> None:
    stage = on()

    def changes() -> None:
        stage.change(lambda work: work.save_payment(work.lock_payment(PAYMENT)))

    pay(PAYMENT, replace(stage, velocity=Seeing(changes)))

    assert decided_alone(stage)
    assert stage.board.by_id["one"].slots_out == 0


def test_who_lost_the_lease_charges_nothing() -> None:
    stage = on()

    def stalls() -> None:
        stage.clock.advance(60)
        pay(PAYMENT, replace(stage, owner=OWNER + 1))

    with pytest.raises(LeaseLost):
        pay(PAYMENT, replace(stage, velocity=Seeing(stalls)))

    assert len(stage.board.by_id["one"].calls) == 1
    assert len(stage.attempts()) == 1
    assert stage.payment().status is Status.CAPTURED


def test_an_expired_payment_is_decided_and_then_ends() -> None:
    stage = on(replace(NEW, expires_at=NOON))

    pay(PAYMENT, stage)

    assert decided_alone(stage)
    stage.run_on()
    assert stage.payment().status is Status.FAILED


def test_a_stray_message_charges_nothing() -> None:
    stage = on(a_payment())

    pay(PAYMENT, stage)

    assert not stage.attempts()
    assert stage.due() == [(Command.CHARGE, PAYMENT)]
