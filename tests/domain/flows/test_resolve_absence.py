"""Resolve, when the provider does not know the attempt: that alone proves nothing (laws 4 and 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import Due
from domain.facts import Fact, Source
from domain.flows.learn import learn
from domain.flows.resolve import resolve
from domain.outcome import NotCharged, NotFound, Outcome, Pending, Proof, Unknown
from domain.payment import Payment, Status
from tests.builders import (
    ATTEMPT,
    BOOT_S,
    HARD,
    NOON,
    SOFT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    meanwhile,
    paid,
)
from tests.scripted import PROMISE

HOUR = timedelta(hours=1)
LAG = timedelta(seconds=2)
FRESH = a_payment(status=Status.PROCESSING, expires_at=NOON + 24 * HOUR, due=Due(NOON + 24 * HOUR))


def on(
    *gateways: Scripted, payment: Payment = FRESH, age: timedelta = 10 * LAG, **changes: Any
) -> Stage:
    """An unknown attempt of this age, whose key protects for an hour, due now."""
    begun: dict[str, Any] = {
        "state": State.UNKNOWN,
        "due": Due(NOON + age),
        "key_window_ends": NOON + HOUR,
        "polls": 2,
    }
    stage = a_runtime(*gateways, holding=payment, attempts=[an_attempt(**(begun | changes))])
    stage.clock.advance(age.total_seconds())
    return stage


def test_law_5_inside_the_keys_window_the_same_bytes_go_again_under_the_same_key() -> None:
    one = Scripted("one", paid, lookups=[NotFound()])
    stage = on(one)

    resolve(ATTEMPT, stage)

    (call,) = one.made("charge")
    assert call.sent == (b"the exact bytes", ATTEMPT.hex + "a")
    assert call.attempt.id == ATTEMPT
    assert len(stage.attempts()) == 1
    assert stage.payment().status is Status.CAPTURED
    assert stage.facts()[-1].source is Source.REPLAY


@pytest.mark.parametrize(
    "answer",
    [
        NotCharged(Proof.NEVER_SENT, "connection refused"),
        NotCharged(Proof.REJECTED, "429"),
        Unknown("timed out"),
    ],
)
def test_law_4_a_replay_that_was_refused_or_never_left_proves_nothing_about_the_first_copy(
    answer: Outcome,
) -> None:
    one, two = Scripted("one", answer, lookups=[NotFound()]), Scripted("two")
    stage = on(one, two)

    resolve(ATTEMPT, stage)
    stage.run_due()

    assert isinstance(stage.facts()[-1].outcome, Unknown)
    assert stage.attempt().state is State.UNKNOWN
    assert stage.attempt().due.next_run_at is not None
    assert not two.calls


@pytest.mark.parametrize(
    ("answer", "status"), [(HARD, Status.FAILED), (Pending("ch"), Status.PROCESSING)]
)
def test_a_replays_own_answer_counts(answer: Outcome, status: Status) -> None:
    stage = on(Scripted("one", answer, lookups=[NotFound()]))

    resolve(ATTEMPT, stage)
    stage.run_due()

    assert stage.payment().status is status


@pytest.mark.parametrize("age", [HOUR - timedelta(seconds=24), HOUR, HOUR + LAG])
def test_law_5_close_to_the_end_of_the_keys_window_nothing_is_sent_again(age: timedelta) -> None:
    """A run may take 24 s: what it sends must arrive while the key still protects."""
    stage = on(one := Scripted("one", lookups=[NotFound()]), age=age)

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert stage.attempt().state is State.UNKNOWN


def test_law_5_a_run_that_stalls_after_its_look_up_sends_nothing_late() -> None:
    one = Scripted("one")
    stage = on(one, age=HOUR - timedelta(seconds=30))
    one.scripts["lookup"].append(meanwhile(lambda: stage.clock.advance(600), NotFound()))
    one.scripts["charge"].append(NotCharged(Proof.NEVER_SENT, "too late"))

    resolve(ATTEMPT, stage)

    (call,) = one.made("charge")
    window_ends = BOOT_S + HOUR.total_seconds()
    assert call.budget.send_by <= call.budget.deadline < window_ends
    assert stage.attempt().state is State.UNKNOWN


def test_law_4_absent_after_every_window_had_closed_is_read_back() -> None:
    one, two = Scripted("one", paid, lookups=[NotFound()]), Scripted("two", paid)
    stage = on(one, two, age=HOUR + LAG + timedelta(seconds=1))

    resolve(ATTEMPT, stage)
    assert (stage.attempt().state, stage.attempt().proof) == (State.NOT_CHARGED, Proof.READ_BACK)

    stage.run_on()
    assert stage.payment().status is Status.CAPTURED
    (call,) = one.made("charge")
    assert call.attempt.number == 2


@pytest.mark.parametrize("lag", [LAG, timedelta(minutes=10)])
def test_law_4_absence_is_no_proof_before_the_last_possible_replay_would_show(
    lag: timedelta,
) -> None:
    """A replay may have left just before the window closed; the look-up lags behind it."""
    one = Scripted("one", lookups=[NotFound()], promise=replace(PROMISE, visibility_lag=lag))
    stage = on(one, Scripted("two"), age=HOUR + lag)

    resolve(ATTEMPT, stage)

    assert stage.attempt().state is State.UNKNOWN


def test_law_4_absence_is_no_proof_where_the_look_up_is_not_authoritative() -> None:
    one = Scripted("one", lookups=[NotFound()], promise=replace(PROMISE, authoritative=False))
    stage = on(one, Scripted("two"), age=20 * HOUR)

    stage.run_on()

    parked = stage.attempt().due.parked
    assert parked is not None
    assert stage.attempt().state is State.UNKNOWN
    assert one.made("charge") == []


def test_without_a_key_nothing_is_replayed_and_absence_counts_after_deadline_and_lag() -> None:
    one = Scripted("one", lookups=[NotFound()])
    early = on(one, key_window_ends=NOON, age=timedelta(seconds=14))
    resolve(ATTEMPT, early)
    assert early.attempt().state is State.UNKNOWN

    late = on(one, key_window_ends=NOON, age=timedelta(seconds=15))
    resolve(ATTEMPT, late)
    assert late.attempt().state is State.NOT_CHARGED
    assert one.made("charge") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOON + timedelta(seconds=20)},
        {"cancel_requested_at": NOON},
        {"status": Status.FAILED},
    ],
    ids=["expired", "cancel asked for", "over"],
)
def test_what_nobody_wants_any_more_is_not_sent_again(changes: dict[str, Any]) -> None:
    payment = a_payment(**({"status": Status.PROCESSING, "expires_at": NOON + 24 * HOUR} | changes))
    stage = on(one := Scripted("one", lookups=[NotFound()]), payment=payment)

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert stage.attempt().state is State.UNKNOWN
    assert stage.attempt().due.next_run_at is not None


def test_an_expired_payment_ends_once_its_attempt_is_proven_absent() -> None:
    payment = a_payment(status=Status.PROCESSING)
    lost = NotCharged(Proof.NEVER_SENT, "connection refused")
    stage = on(Scripted("one", lost, lookups=[NotFound()]), payment=payment)

    stage.run_on()

    assert stage.attempt().proof is Proof.READ_BACK
    assert stage.payment().status is Status.FAILED
    assert stage.payment().failure is not None


def test_what_the_provider_had_acknowledged_is_not_sent_again() -> None:
    stage = on(one := Scripted("one", lookups=[NotFound()]), state=State.PENDING, provider_id="ch")

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert stage.attempt().state is State.PENDING


def test_law_3_an_attempt_still_sending_is_taken_over_before_anything_is_sent_again() -> None:
    """From then on its first sender's word that nothing was sent is no proof any more."""
    one = Scripted("one", SOFT, lookups=[NotFound()])
    stage = on(one, state=State.SENDING)

    resolve(ATTEMPT, stage)
    assert one.calls == []
    assert (stage.attempt().state, stage.attempt().due) == (State.UNKNOWN, Due(stage.clock.now()))
    assert [fact.source for fact in stage.facts()] == [Source.RECOVERY]
    assert stage.woken == [(Command.RESOLVE, ATTEMPT)]

    resolve(ATTEMPT, stage)
    assert stage.attempt().state is State.DECLINED


def test_an_answer_that_overtakes_the_takeover_counts() -> None:
    one = Scripted("one")
    stage = on(one, state=State.SENDING)
    claim = stage.memory.begin

    def then_answered() -> Any:
        stage.memory.begin = answered  # type: ignore[method-assign]
        return claim()

    def answered() -> Any:
        stage.memory.begin = claim  # type: ignore[method-assign]
        learn(Fact(ATTEMPT, Source.ANSWER, HARD), stage.attempt(), stage)
        return claim()

    stage.memory.begin = then_answered  # type: ignore[method-assign]
    resolve(ATTEMPT, stage)

    assert stage.attempt().state is State.DECLINED
    assert stage.attempt().due == Due(None)
    assert one.calls == []
