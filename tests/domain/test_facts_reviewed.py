"""Facts that do not match, or contradict each other: nothing is taken back, a person must look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import HARMLESS, State
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Applied, Movement
from domain.money import CURRENCIES, Money
from domain.outcome import (
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Status
from tests.builders import ATTEMPT, NOON, SOFT, a_payment, an_attempt, usd
from tests.domain.hearing import HELD, PAID, PROCESSING, URL, reason, told

RELEASED = NotCharged(Proof.VOIDED, "x")


def test_money_held_where_a_sale_was_asked_for_is_collected_at_once() -> None:
    found = told(HELD)

    assert (found.attempt.state, found.payment.status) == (State.AUTHORIZED, Status.AUTHORIZED)
    assert (found.payment.amount_authorized, found.payment.amount_captured) == (5_000, 0)
    assert (found.payment.next_command, found.payment.capture_amount) == (Command.CAPTURE, 5_000)
    assert found.payment.due == Due(NOON)
    assert [moved.type for moved in found.transactions] == [Movement.AUTHORIZATION]


def test_money_held_and_then_taken_is_the_payments() -> None:
    hold = told(HELD)

    found = told(PAID, hold.payment, hold.attempt)

    assert (found.attempt.state, found.payment.status) == (State.CAPTURED, Status.CAPTURED)
    assert found.attempt.due.parked is None
    assert {moved.type for moved in found.transactions} == {Movement.AUTHORIZATION, Movement.SALE}


@pytest.mark.parametrize(
    "wrong",
    [
        Succeeded("ch", usd(4_999)),
        Succeeded("ch", usd(5_001)),
        Succeeded("ch", Money(5_000, CURRENCIES["EUR"])),
        Succeeded("ch", usd(), reference="f" * 32),
        Succeeded("ch", usd(), reference=""),
        Succeeded("ch", usd(1), captured=False),
    ],
    ids=["less", "more", "another currency", "another reference", "no reference", "held"],
)
@pytest.mark.parametrize("state", [State.SENDING, State.PENDING, State.DECLINED])
def test_law_8_money_that_does_not_match_parks_and_never_captures(
    wrong: Succeeded, state: State
) -> None:
    proof = Proof.DECLINED if state in HARMLESS else None
    found = told(wrong, PROCESSING, an_attempt(state=state, proof=proof))

    assert found.payment.status is Status.PROCESSING
    assert found.payment.amount_captured == found.payment.amount_authorized == 0
    assert not found.transactions
    assert found.attempt.state is (State.UNKNOWN if state is State.SENDING else state)
    assert reason(found.attempt.due) is reason(found.payment.due) is Reason.AMOUNT_MISMATCH
    assert found.told


def test_our_own_reference_is_a_match() -> None:
    assert told(replace(PAID, reference=ATTEMPT.hex)).payment.status is Status.CAPTURED


def test_the_same_wrong_amount_is_told_once() -> None:
    first = told(Succeeded("ch", usd(1)))

    again = told(Succeeded("ch", usd(1)), first.payment, first.attempt)

    assert again == Applied(first.payment, first.attempt)


def test_a_wrong_amount_does_not_hold_up_a_payment_that_is_over() -> None:
    over = a_payment(status=Status.FAILED, due=Due(None))
    found = told(Succeeded("ch", usd(1)), over)

    assert found.payment == over
    assert reason(found.attempt.due) is Reason.AMOUNT_MISMATCH


@pytest.mark.parametrize("later", [SOFT, Pending("ch"), Unknown("x"), RequiresAction("ch", URL)])
def test_law_1_after_a_wrong_amount_nothing_is_charged_before_a_person_has_looked(
    later: Outcome,
) -> None:
    """The provider took some money; a "no" after it must not send us to the next gateway."""
    wrong = told(Succeeded("ch", usd(1)))

    found = told(later, wrong.payment, wrong.attempt)

    assert found.payment.due.next_run_at is None
    assert reason(found.payment.due) is reason(found.attempt.due) is Reason.AMOUNT_MISMATCH


def test_the_right_amount_after_the_wrong_one_counts_and_the_question_stays() -> None:
    wrong = told(Succeeded("ch", usd(1)))

    found = told(PAID, wrong.payment, wrong.attempt)

    assert (found.payment.status, found.payment.due) == (Status.CAPTURED, Due(None))
    assert reason(found.attempt.due) is Reason.AMOUNT_MISMATCH


def test_a_hold_that_is_let_go_of_ends_its_payment_with_nothing_held() -> None:
    orders: list[list[Outcome]] = [[HELD, RELEASED], [RELEASED, HELD]]
    for outcomes in orders:
        found = told(outcomes[0])
        found = told(outcomes[1], found.payment, found.attempt)

        assert (found.payment.status, found.payment.amount_authorized) == (Status.AUTHORIZED, 0)
        assert (found.payment.next_command, found.payment.due) == (Command.VOID, Due(NOON))
        assert found.attempt.state is State.VOIDED
        assert found.attempt.due.parked is None
        moved = {movement.type for movement in found.transactions}
        assert moved == {Movement.AUTHORIZATION, Movement.VOID}


@pytest.mark.parametrize(
    "no", [SOFT, NotCharged(Proof.VOIDED, "x"), NotCharged(Proof.READ_BACK, "")]
)
def test_a_no_after_the_money_parks_the_attempt_and_takes_nothing_back(no: Outcome) -> None:
    done = told(PAID)
    found = told(no, done.payment, done.attempt)

    assert (found.payment, found.attempt.state) == (done.payment, State.CAPTURED)
    assert reason(found.attempt.due) is Reason.CONTRADICTION
    assert told(no, found.payment, found.attempt) == Applied(found.payment, found.attempt)


@pytest.mark.parametrize("no", [SOFT, NotCharged(Proof.READ_BACK, "")])
@pytest.mark.parametrize("hold_first", [True, False])
def test_a_hold_and_a_no_call_a_person_before_anything_else_is_charged(
    no: Outcome, hold_first: bool
) -> None:
    outcomes = [HELD, no] if hold_first else [no, HELD]
    found = told(outcomes[0])
    found = told(outcomes[1], found.payment, found.attempt)

    assert found.payment.status is Status.IN_REVIEW
    assert (found.payment.amount_authorized, found.payment.gateway_id) == (0, None)
    assert found.payment.due == Due(found.payment.expires_at)
    assert found.attempt.state in HARMLESS
    assert reason(found.attempt.due) is Reason.CONTRADICTION
