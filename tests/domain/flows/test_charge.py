"""Charge: what each outcome of an attempt makes of the payment and of the next gateway."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Source
from domain.flows.charge import charge
from domain.means import Customer
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Status
from tests.builders import (
    HARD,
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
    a_payment,
    a_runtime,
    paid,
    usd,
)
from tests.scripted import Answer

NEVER_SENT = NotCharged(Proof.NEVER_SENT, "connection refused")
REJECTED = NotCharged(Proof.REJECTED, "429")
TIMED_OUT = Unknown("no answer in 10 s")
URL = "https://pay.example/1"


def test_a_charge_that_succeeds_captures_the_payment() -> None:
    one, two = Scripted("one", paid), Scripted("two")
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)

    payment, attempt = stage.payment(), stage.attempt()
    assert (payment.status, payment.amount_captured) == (Status.CAPTURED, 5_000)
    assert (payment.gateway_id, payment.due) == ("one", Due(None))
    assert (attempt.state, attempt.number, attempt.gateway_id) == (State.CAPTURED, 1, "one")
    assert [(t.attempt_id, t.money) for t in stage.transactions()] == [(attempt.id, usd())]
    assert not two.calls
    assert one.slots_out == 0


def test_law_10_every_move_of_a_charge_is_told_in_order() -> None:
    stage = a_runtime(Scripted("one", SOFT), Scripted("two", paid), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.actions() == [
        "attempt.sending", "payment.processing", "attempt.declined",
        "attempt.sending", "attempt.captured", "payment.captured",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "ends_as", "second_is_asked"),
    [
        (paid, Status.CAPTURED, False),
        (SOFT, Status.CAPTURED, True),
        (HARD, Status.FAILED, False),
        (Declined("incorrect_cvc", Hardness.FIX_DATA), Status.FAILED, False),
        (NEVER_SENT, Status.CAPTURED, True),
        (REJECTED, Status.CAPTURED, True),
        (TIMED_OUT, Status.PROCESSING, False),
        (Pending("ch_1"), Status.PROCESSING, False),
        (RequiresAction("ch_1", URL), Status.REQUIRES_ACTION, False),
    ],
    ids=[
        "success", "soft decline", "hard decline", "data to fix", "never sent", "rejected",
        "unknown", "pending", "requires action",
    ],
)  # fmt: skip
def test_law_4_only_a_proven_non_charge_moves_on_to_the_next_gateway(
    first: Answer, ends_as: Status, second_is_asked: bool
) -> None:
    one, two = Scripted("one", first), Scripted("two", paid)
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().status is ends_as
    assert bool(two.calls) is second_is_asked
    assert len(one.calls) == 1


def test_a_hard_decline_fails_the_payment_with_its_code() -> None:
    stage = a_runtime(Scripted("one", HARD), holding=a_payment())

    charge(PAYMENT, stage)

    failure = stage.payment().failure
    assert failure is not None
    assert failure.code == "stolen_card"
    assert stage.payment().due == Due(None)


def test_declined_softly_everywhere_the_last_code_is_the_payments() -> None:
    last = Declined("do_not_honor", Hardness.SOFT)
    stage = a_runtime(Scripted("one", SOFT), Scripted("two", last), holding=a_payment())

    charge(PAYMENT, stage)

    payment = stage.payment()
    assert payment.status is Status.FAILED
    assert payment.failure is not None
    assert payment.failure.code == "do_not_honor"
    assert [attempt.state for attempt in stage.attempts()] == [State.DECLINED, State.DECLINED]


def test_an_issuers_decline_is_remembered_for_the_fraud_windows_and_an_outage_is_not() -> None:
    who = a_payment(customer=Customer("c-1", ip="192.0.2.1"))
    stage = a_runtime(Scripted("one", NEVER_SENT), Scripted("two", HARD), holding=who)

    charge(PAYMENT, stage)

    assert stage.windows.declines == [
        {
            "payment_id": PAYMENT,
            "card": "test:fp",
            "ip": "test:192.0.2.1",
            "customer": f"test:{who.merchant_id}:c-1",
            "at": NOON,
        }
    ]


def test_an_unknown_outcome_waits_for_its_resolution_at_the_same_gateway() -> None:
    stage = a_runtime(Scripted("one", TIMED_OUT), Scripted("two"), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.attempt().state is State.UNKNOWN
    assert stage.attempt().due == Due(NOON + timedelta(seconds=5))
    assert stage.payment().due == Due(stage.payment().expires_at)


def test_an_unknown_charge_ends_when_the_provider_tells() -> None:
    one, two = Scripted("one", TIMED_OUT, lookups=[paid]), Scripted("two")
    stage = a_runtime(one, two, holding=a_payment())

    charge(PAYMENT, stage)
    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert not two.calls
    assert len(one.made("charge")) == 1


def test_the_payers_page_is_shown_and_asked_about() -> None:
    stage = a_runtime(Scripted("one", RequiresAction("ch_1", URL)), holding=a_payment())

    charge(PAYMENT, stage)

    assert stage.payment().action_url == URL
    assert stage.attempt().provider_id == "ch_1"
    assert stage.attempt().due.next_run_at is not None


def test_facts_are_kept_as_they_were_told() -> None:
    stage = a_runtime(Scripted("one", SOFT), Scripted("two", TIMED_OUT), holding=a_payment())

    charge(PAYMENT, stage)

    assert [(fact.source, fact.outcome) for fact in stage.facts()] == [
        (Source.ANSWER, SOFT),
        (Source.ANSWER, TIMED_OUT),
    ]


def test_no_more_gateways_are_tried_in_one_run_than_its_bound() -> None:
    many = [Scripted(f"g{n:02}", SOFT) for n in range(20)]
    stage = a_runtime(*many, holding=a_payment())

    charge(PAYMENT, stage)
    assert len(stage.attempts()) == 16

    stage.run_on()
    assert len(stage.attempts()) == 20
    assert stage.payment().status is Status.FAILED


def test_running_twice_charges_once() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment())

    charge(PAYMENT, stage)
    charge(PAYMENT, stage)

    assert len(one.calls) == 1


def test_a_message_for_a_payment_that_was_not_screened_yet_charges_nothing() -> None:
    one = Scripted("one", paid)
    stage = a_runtime(one, holding=a_payment(next_command=Command.SCREEN))

    charge(PAYMENT, stage)

    assert not one.calls
    assert stage.payment().due == Due(NOON)
    assert stage.due() == [(Command.SCREEN, PAYMENT)]


def test_a_message_for_nothing_does_nothing() -> None:
    stage = a_runtime(Scripted("one"))

    charge(PAYMENT, stage)

    assert stage.actions() == []


def test_an_amount_that_does_not_match_parks_the_payment_uncaptured() -> None:
    wrong = Scripted("one", Succeeded("ch", usd(1)))
    two = Scripted("two")
    stage = a_runtime(wrong, two, holding=a_payment())

    charge(PAYMENT, stage)
    stage.run_on()

    payment = stage.payment()
    assert (payment.status, payment.amount_captured) == (Status.PROCESSING, 0)
    assert payment.due.parked is not None
    assert not two.calls
    assert not stage.is_stuck()


def test_law_4_an_unknown_attempt_is_never_failed_over_when_the_payment_expires() -> None:
    one, two = Scripted("one", TIMED_OUT, lookups=[Unknown("still")]), Scripted("two")
    stage = a_runtime(one, two, holding=a_payment())

    stage.run_on()

    assert stage.payment().status is Status.PROCESSING
    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.UNRESOLVED
    assert not two.calls
    assert len(one.made("charge")) == 1
    assert not stage.is_stuck()
