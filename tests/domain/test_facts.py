"""Facts: what each one makes of a payment, and where a person must look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.attempt import HARMLESS, Attempt, State
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Parked, Reason
from domain.facts import Applied, Fact, Movement, Source, apply, polled
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import FINAL, Payment, Status
from tests.builders import ATTEMPT, NOON, SOFT, a_payment, an_attempt, held, paid, usd

SCHEDULE = Schedule((5.0, 30.0))
PROCESSING = a_payment(status=Status.PROCESSING)
PAID, HELD = paid(an_attempt()), held(an_attempt())
URL = "https://pay.example/1"


def told(
    outcome: Outcome,
    payment: Payment = PROCESSING,
    attempt: Attempt | None = None,
    *,
    another_blocks: bool = False,
    now: datetime = NOON,
    source: Source = Source.ANSWER,
) -> Applied:
    return apply(
        Fact(ATTEMPT, source, outcome),
        payment,
        attempt or an_attempt(payment),
        another_blocks=another_blocks,
        now=now,
        schedule=SCHEDULE,
    )


def reason(due: Due) -> Reason | None:
    return due.parked.reason if due.parked else None


def test_money_taken_captures_the_payment_and_writes_down_the_movement() -> None:
    found = told(PAID)

    assert (found.attempt.state, found.payment.status) == (State.CAPTURED, Status.CAPTURED)
    assert (found.payment.amount_authorized, found.payment.amount_captured) == (5_000, 5_000)
    assert (found.payment.gateway_id, found.payment.captured_at) == ("one", NOON)
    assert found.payment.due == found.attempt.due == Due(None)
    assert found.transaction is not None
    assert (found.transaction.type, found.transaction.money) == (Movement.SALE, usd())
    assert found.transaction.provider_id == found.attempt.provider_id == "ch_1"
    assert [t.entry.action for t in found.told] == ["attempt.captured", "payment.captured"]


def test_money_held_where_a_sale_was_asked_for_is_shown_and_calls_a_person() -> None:
    found = told(HELD)

    assert (found.attempt.state, found.payment.status) == (State.AUTHORIZED, Status.AUTHORIZED)
    assert (found.payment.amount_authorized, found.payment.amount_captured) == (5_000, 0)
    assert reason(found.attempt.due) is Reason.CONTRADICTION
    assert found.transaction is not None
    assert found.transaction.type is Movement.AUTHORIZATION


def test_money_held_and_then_taken_needs_nobody_any_more() -> None:
    hold = told(HELD)

    found = told(PAID, hold.payment, hold.attempt)

    assert (found.attempt.state, found.payment.status) == (State.CAPTURED, Status.CAPTURED)
    assert found.attempt.due.parked is None
    assert found.transaction is not None
    assert found.transaction.type is Movement.SALE


@pytest.mark.parametrize(
    ("outcome", "state", "proof"),
    [
        (SOFT, State.DECLINED, Proof.DECLINED),
        (NotCharged(Proof.NEVER_SENT, "x"), State.NOT_CHARGED, Proof.NEVER_SENT),
        (NotCharged(Proof.REJECTED, "x"), State.NOT_CHARGED, Proof.REJECTED),
        (NotCharged(Proof.READ_BACK, "x"), State.NOT_CHARGED, Proof.READ_BACK),
        (NotCharged(Proof.VOIDED, "x"), State.VOIDED, Proof.VOIDED),
        (NotCharged(Proof.READ_BACK, "x", lapsed=True), State.EXPIRED, Proof.READ_BACK),
    ],
)
def test_law_4_a_proven_no_is_kept_with_its_proof_and_the_charge_goes_on(
    outcome: Outcome, state: State, proof: Proof
) -> None:
    waiting = replace(
        PROCESSING,
        status=Status.REQUIRES_ACTION,
        action_url=URL,
        due=Due(NOON + timedelta(hours=1)),
    )

    found = told(outcome, waiting)

    assert (found.attempt.state, found.attempt.proof) == (state, proof)
    assert found.attempt.due == Due(None)
    assert (found.payment.status, found.payment.action_url) == (Status.PROCESSING, None)
    assert (found.payment.next_command, found.payment.due) == (Command.CHARGE, Due(NOON))


def test_a_declines_code_and_hardness_are_kept() -> None:
    found = told(Declined("stolen_card", Hardness.HARD, "ch_9"))

    assert (found.attempt.code, found.attempt.cause) == ("stolen_card", "hard")
    assert found.attempt.provider_id == "ch_9"


@pytest.mark.parametrize(
    ("outcome", "state", "status"),
    [
        (Unknown("timed out"), State.UNKNOWN, Status.PROCESSING),
        (Pending("ch"), State.PENDING, Status.PROCESSING),
        (RequiresAction("ch", URL), State.REQUIRES_ACTION, Status.REQUIRES_ACTION),
    ],
)
def test_an_open_attempt_is_asked_about_soon_and_its_payment_waits_until_it_expires(
    outcome: Outcome, state: State, status: Status
) -> None:
    found = told(outcome)

    assert (found.attempt.state, found.payment.status) == (state, status)
    assert found.attempt.due == Due(NOON + timedelta(seconds=5))
    assert found.payment.due == Due(found.payment.expires_at)
    assert found.transaction is None


def test_after_its_expiry_an_open_attempt_leaves_the_payments_time_alone() -> None:
    late = PROCESSING.expires_at + timedelta(seconds=1)
    waiting = replace(PROCESSING, due=Due(late))

    assert told(Pending("ch"), waiting, now=late).payment.due == Due(late)


def test_the_payers_page_is_kept_for_the_merchant() -> None:
    assert told(RequiresAction("ch", URL)).payment.action_url == URL


def test_a_fact_that_knows_less_changes_nothing_but_the_providers_name() -> None:
    done = told(PAID)

    assert told(Pending("ch_1"), done.payment, done.attempt) == Applied(done.payment, done.attempt)
    nameless = an_attempt(state=State.PENDING)
    assert told(Pending("ch_7"), PROCESSING, nameless).attempt.provider_id == "ch_7"


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
    assert found.transaction is None
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


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("success", [PAID, HELD], ids=["taken", "held"])
def test_law_9_late_money_is_not_the_payments_once_it_is_final(
    status: Status, success: Succeeded
) -> None:
    over = a_payment(status=status, due=Due(None))
    found = told(success, over)

    assert found.payment == over
    assert found.attempt.state is State.LATE_SUCCESS
    assert reason(found.attempt.due) is Reason.LATE_SUCCESS
    assert found.transaction is not None


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.DECLINED, State.NOT_CHARGED])
def test_law_9_late_money_is_not_the_payments_while_another_attempt_blocks(state: State) -> None:
    proof = Proof.READ_BACK if state in HARMLESS else None
    found = told(PAID, PROCESSING, an_attempt(state=state, proof=proof), another_blocks=True)

    assert (found.attempt.state, found.payment) == (State.LATE_SUCCESS, PROCESSING)
    assert found.transaction is not None
    assert found.transaction.type is Movement.SALE


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.REQUIRES_ACTION, Status.IN_REVIEW])
def test_law_9_late_money_is_adopted_while_the_payment_is_open_and_nothing_else_blocks(
    status: Status,
) -> None:
    no = an_attempt(state=State.DECLINED, proof=Proof.DECLINED)
    found = told(PAID, a_payment(status=status), no)

    assert (found.attempt.state, found.payment.status) == (State.CAPTURED, Status.CAPTURED)
    assert reason(found.attempt.due) is Reason.CONTRADICTION


def test_late_money_is_written_down_once() -> None:
    late = told(PAID, a_payment(status=Status.EXPIRED))

    again = told(PAID, late.payment, late.attempt)

    assert again == Applied(late.payment, late.attempt)


def test_a_hold_that_was_released_and_is_told_again_is_not_written_down_twice() -> None:
    hold = told(HELD)
    released = told(NotCharged(Proof.VOIDED, "x"), hold.payment, hold.attempt)
    over = replace(released.payment, status=Status.EXPIRED, due=Due(None))

    again = told(HELD, over, released.attempt)

    assert again.attempt.state is State.LATE_SUCCESS
    assert again.transaction is None


@pytest.mark.parametrize("proof", [Proof.NEVER_SENT, Proof.REJECTED])
@pytest.mark.parametrize(
    ("source", "state"),
    [
        *((source, State.SENDING) for source in Source if source is not Source.ANSWER),
        *((Source.ANSWER, state) for state in (State.UNKNOWN, State.PENDING, State.CAPTURED)),
    ],
)
def test_law_4_never_sent_and_rejected_count_from_the_first_sender_alone_and_first(
    proof: Proof, source: Source, state: State
) -> None:
    """Anything else may mean a replay: its refusal says nothing about the copy before it."""
    found = told(NotCharged(proof, "x"), attempt=an_attempt(state=state), source=source)

    assert found.attempt.state is (State.UNKNOWN if state is State.SENDING else state)
    assert found.attempt.proof is None
    assert found.payment.status is Status.PROCESSING


@pytest.mark.parametrize(
    "no", [SOFT, NotCharged(Proof.VOIDED, "x"), NotCharged(Proof.READ_BACK, "")]
)
def test_a_no_after_the_money_parks_the_attempt_and_takes_nothing_back(no: Outcome) -> None:
    done = told(PAID)
    found = told(no, done.payment, done.attempt)

    assert (found.payment, found.attempt.state) == (done.payment, State.CAPTURED)
    assert reason(found.attempt.due) is Reason.CONTRADICTION
    assert told(no, found.payment, found.attempt) == Applied(found.payment, found.attempt)


@pytest.mark.parametrize(
    "no", [SOFT, NotCharged(Proof.VOIDED, "x"), NotCharged(Proof.READ_BACK, "")]
)
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


def test_late_facts_leave_a_parked_attempt_with_a_better_known_end() -> None:
    parked = an_attempt(state=State.UNKNOWN, due=Due(None, 0, Parked(NOON, Reason.UNRESOLVED)))

    found = told(SOFT, PROCESSING, parked)

    assert (found.attempt.state, found.attempt.due) == (State.DECLINED, Due(None))
    assert found.payment.due == Due(NOON)


def test_every_look_that_leaves_an_attempt_open_schedules_the_next_until_a_person_is_asked() -> (
    None
):
    once = polled(an_attempt(state=State.UNKNOWN), NOON, SCHEDULE)
    assert (once.polls, once.due) == (1, Due(NOON + timedelta(seconds=30)))

    twice = polled(once, NOON, SCHEDULE)
    assert (twice.polls, reason(twice.due)) == (2, Reason.UNRESOLVED)
    assert polled(twice, NOON, SCHEDULE) == twice


@pytest.mark.parametrize("state", [State.CAPTURED, State.DECLINED, State.LATE_SUCCESS])
def test_a_known_end_is_not_asked_about_again(state: State) -> None:
    done: Any = an_attempt(state=state, due=Due(None))

    assert polled(done, NOON, SCHEDULE) == done
