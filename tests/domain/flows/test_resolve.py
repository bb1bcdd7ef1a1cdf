"""Resolve: the same gateway is asked until it is known what became of an attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.attempt import HARMLESS, Attempt, State
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Fact, Source
from domain.flows.charge import charge
from domain.flows.learn import learn
from domain.flows.resolve import resolve
from domain.outcome import Lookup, NotCharged, NotFound, Pending, Proof, RequiresAction, Unknown
from domain.payment import Payment, Status
from domain.policy import Policy
from tests.builders import (
    ATTEMPT,
    HARD,
    NOON,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    held,
    meanwhile,
    paid,
    usd,
)
from tests.scripted import PROMISE

PROCESSING = a_payment(status=Status.PROCESSING, due=Due(NOON + timedelta(minutes=30)))
URL = "https://pay.example/1"


class Killed(BaseException):
    """The worker dies, as by a signal."""


def an_unknown(**changes: Any) -> Attempt:
    return an_attempt(**{"state": State.UNKNOWN, "due": Due(NOON), **changes})


def on(*gateways: Scripted, payment: Payment = PROCESSING, **changes: Any) -> Stage:
    more = {key: changes.pop(key) for key in ("policy",) if key in changes}
    return a_runtime(*gateways, holding=payment, attempts=[an_unknown(**changes)], **more)


def at(stage: Stage) -> datetime | None:
    return stage.attempt().due.next_run_at


@pytest.mark.parametrize(
    ("found", "state", "status"),
    [
        (paid, State.CAPTURED, Status.CAPTURED),
        (held, State.AUTHORIZED, Status.AUTHORIZED),
        (SOFT, State.DECLINED, Status.PROCESSING),
        (NotCharged(Proof.READ_BACK, "x"), State.NOT_CHARGED, Status.PROCESSING),
        (NotCharged(Proof.READ_BACK, "x", lapsed=True), State.EXPIRED, Status.PROCESSING),
        (Pending("ch"), State.PENDING, Status.PROCESSING),
        (RequiresAction("ch", URL), State.REQUIRES_ACTION, Status.REQUIRES_ACTION),
        (Unknown("x"), State.UNKNOWN, Status.PROCESSING),
    ],
)
def test_what_is_found_is_applied(found: Any, state: State, status: Status) -> None:
    stage = on(one := Scripted("one", lookups=[found]))

    resolve(ATTEMPT, stage)

    assert (stage.attempt().state, stage.payment().status) == (state, status)
    assert [fact.source for fact in stage.facts()] == [Source.LOOKUP]
    assert [call.operation for call in one.calls] == ["lookup"]


@pytest.mark.parametrize(
    ("found", "charged_at"), [(SOFT, "two"), (NotCharged(Proof.READ_BACK, "x"), "one")]
)
def test_a_proven_no_wakes_the_charge_which_avoids_who_declined(
    found: Lookup, charged_at: str
) -> None:
    one, two = Scripted("one", paid, lookups=[found]), Scripted("two", paid)
    stage = on(one, two)

    resolve(ATTEMPT, stage)
    assert stage.woken == [(Command.CHARGE, PROCESSING.id)]

    stage.run_on()
    assert stage.payment().status is Status.CAPTURED
    assert stage.payment().gateway_id == charged_at
    assert len(one.made("charge")) + len(two.made("charge")) == 1


def test_a_hard_decline_found_late_ends_the_payment() -> None:
    stage = on(Scripted("one", lookups=[HARD]), Scripted("two"))

    stage.run_on()

    assert stage.payment().status is Status.FAILED
    assert len(stage.windows.declines) == 1


def test_what_stays_open_is_asked_about_by_the_schedule_and_then_a_person() -> None:
    one = Scripted("one", lookups=[Unknown("x")])
    stage = on(one, policy=Policy(resolve=Schedule((5, 30, 120))))

    resolve(ATTEMPT, stage)
    assert at(stage) == NOON + timedelta(seconds=30)
    stage.clock.advance(30)
    resolve(ATTEMPT, stage)
    assert at(stage) == NOON + timedelta(seconds=150)
    stage.clock.advance(120)
    resolve(ATTEMPT, stage)

    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.UNRESOLVED
    assert (stage.payment().status, len(one.calls)) == (Status.PROCESSING, 3)
    stage.run_on()
    assert not stage.is_stuck()


def test_nothing_is_asked_before_it_is_due() -> None:
    stage = on(one := Scripted("one"), due=Due(NOON + timedelta(seconds=1)))

    resolve(ATTEMPT, stage)

    assert not one.calls


@pytest.mark.parametrize("state", sorted(HARMLESS | {State.CAPTURED}))
def test_a_known_end_is_not_asked_about(state: State) -> None:
    proof = Proof.READ_BACK if state in HARMLESS else None
    stage = on(one := Scripted("one"), state=state, proof=proof)

    resolve(ATTEMPT, stage)

    assert not one.calls
    assert stage.attempt().due == Due(None)


def test_a_gateway_that_is_gone_leaves_it_unknown_and_scheduled() -> None:
    stage = on(Scripted("one"))
    stage.board.by_id.clear()

    resolve(ATTEMPT, stage)

    assert stage.attempt().state is State.UNKNOWN
    assert at(stage) == NOON + timedelta(seconds=30)


def test_an_attempt_that_kills_its_workers_is_parked() -> None:
    stage = on(Scripted("one", lookups=[Killed()]))
    for _ in range(5):
        with pytest.raises(Killed):
            resolve(ATTEMPT, stage)
        stage.clock.advance(60)

    resolve(ATTEMPT, stage)

    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.POISON
    assert stage.actions() == ["attempt.unknown"]


def test_two_workers_on_one_attempt_ask_once() -> None:
    one = Scripted("one")
    stage = on(one)
    one.scripts["lookup"].append(meanwhile(lambda: resolve(ATTEMPT, stage), paid))

    resolve(ATTEMPT, stage)

    assert len(one.calls) == 1


def test_a_wrong_amount_parks_attempt_and_payment() -> None:
    stage = on(Scripted("one", lookups=[lambda a: type(paid(a))("ch", usd(7))]), Scripted("two"))

    stage.run_on()

    assert stage.payment().status is Status.PROCESSING
    assert stage.payment().due.parked is not None
    assert stage.attempt().due.parked is not None


def test_what_a_webhook_told_meanwhile_is_not_taken_back() -> None:
    one = Scripted("one")
    stage = on(one)

    def hear() -> None:
        learn(Fact(ATTEMPT, Source.WEBHOOK, paid(stage.attempt())), stage.attempt(), stage)

    one.scripts["lookup"].append(meanwhile(hear, Pending("ch_1")))
    resolve(ATTEMPT, stage)

    assert stage.payment().status is Status.CAPTURED
    assert stage.attempt().due == Due(None)


def test_an_answer_that_decides_nothing_may_still_name_what_is_to_be_asked_about() -> None:
    one = Scripted("one", Unknown("failed, which may still turn out paid", "ch_9"), lookups=[paid])
    stage = a_runtime(one, holding=a_payment())

    charge(PAYMENT, stage)
    assert (stage.attempt().state, stage.attempt().provider_id) == (State.UNKNOWN, "ch_9")
    learn(Fact(stage.attempt().id, Source.LOOKUP, Unknown("again", "ch_8")), stage.attempt(), stage)
    stage.run_on()

    assert one.made("lookup")[0].attempt.provider_id == "ch_9"  # the first name stays
    assert stage.payment().status is Status.CAPTURED


def test_law_5_what_was_not_confirmed_is_never_sent_again_as_if_it_were() -> None:
    split = replace(PROMISE, split=True)
    one = Scripted("one", paid, promise=split, lookups=[NotFound()])
    stage = on(one, provider_id="ch_1", confirming=False)

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert stage.attempt().state is State.UNKNOWN
