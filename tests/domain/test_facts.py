"""Facts: what each one makes of a payment and of its attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import HARMLESS, State
from domain.commands import Command
from domain.due import Due, Parked, Reason
from domain.facts import Applied, Movement, Source, polled
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
from domain.payment import FINAL, Status
from tests.builders import HARD, NOON, SOFT, a_payment, an_attempt, usd
from tests.domain.hearing import HELD, PAID, PROCESSING, SCHEDULE, URL, reason, told


def test_money_taken_captures_the_payment_and_writes_down_the_movement() -> None:
    found = told(PAID)

    assert (found.attempt.state, found.payment.status) == (State.CAPTURED, Status.CAPTURED)
    assert (found.payment.amount_authorized, found.payment.amount_captured) == (5_000, 5_000)
    assert (found.payment.gateway_id, found.payment.captured_at) == ("one", NOON)
    assert found.payment.due == found.attempt.due == Due(None)
    assert found.transactions
    assert (found.transactions[0].type, found.transactions[0].money) == (Movement.SALE, usd())
    assert found.transactions[0].provider_id == found.attempt.provider_id == "ch_1"
    assert [t.entry.action for t in found.told] == ["attempt.captured", "payment.captured"]


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
    assert not found.transactions


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


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("success", [PAID, HELD], ids=["taken", "held"])
def test_law_9_late_money_is_not_the_payments_once_it_is_final(
    status: Status, success: Succeeded
) -> None:
    over = a_payment(status=status, due=Due(None))
    found = told(success, over)

    assert found.payment == over
    assert found.attempt.state is State.LATE_SUCCESS
    assert found.attempt.due == Due(None), "it goes back by itself"
    assert found.transactions


def test_a_hold_that_was_let_go_of_is_not_held_again_by_an_older_reading() -> None:
    over = a_payment(status=Status.CANCELLED, due=Due(None))
    released = replace(an_attempt(state=State.VOIDED, proof=Proof.VOIDED), held=True, released=True)

    found = told(HELD, over, replace(released, provider_id="ch_1"))

    assert (found.payment, found.attempt.state) == (over, State.VOIDED)
    assert not found.told


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.DECLINED, State.NOT_CHARGED])
def test_law_9_late_money_is_not_the_payments_while_another_attempt_blocks(state: State) -> None:
    proof = Proof.READ_BACK if state in HARMLESS else None
    found = told(PAID, PROCESSING, an_attempt(state=state, proof=proof), another_blocks=True)

    assert (found.attempt.state, found.payment) == (State.LATE_SUCCESS, PROCESSING)
    assert found.transactions
    assert found.transactions[0].type is Movement.SALE


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
    ("source", "no", "state"),
    [
        (Source.ANSWER, SOFT, State.UNKNOWN),
        (Source.ANSWER, HARD, State.UNKNOWN),
        (Source.ANSWER, replace(SOFT, provider_id="ch_1"), State.DECLINED),
        (Source.REPLAY, SOFT, State.DECLINED),
        (Source.LOOKUP, SOFT, State.DECLINED),
    ],
    ids=["late", "late and hard", "of an object", "to the replay", "looked up"],
)
def test_law_1_a_late_no_that_names_no_object_says_nothing_of_copies_that_were_sent_since(
    source: Source, no: Declined, state: State
) -> None:
    taken_over = an_attempt(state=State.UNKNOWN, due=Due(NOON))

    found = told(no, PROCESSING, taken_over, source=source)

    assert found.attempt.state is state
    assert found.attempt.blocks is (state is State.UNKNOWN)


def test_late_facts_leave_a_parked_attempt_with_a_better_known_end() -> None:
    parked = an_attempt(state=State.UNKNOWN, due=Due(None, 0, Parked(NOON, Reason.UNRESOLVED)))

    found = told(SOFT, PROCESSING, parked, source=Source.LOOKUP)

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
