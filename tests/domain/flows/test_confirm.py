"""Split operations: the object first, its money second, and what is written down in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Attempt, State
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Fact, Source
from domain.flows.charge import charge
from domain.flows.learn import learn
from domain.flows.notice import notice
from domain.flows.resolve import resolve
from domain.outcome import (
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Prepared,
    Proof,
    RequiresAction,
    Unknown,
)
from domain.payment import Status
from domain.ports import Refused, Resolution
from tests.builders import (
    ATTEMPT,
    BOOT_S,
    HARD,
    NOON,
    NOTICE,
    PAYMENT,
    Scripted,
    Stage,
    a_notice,
    a_payment,
    a_runtime,
    an_attempt,
    meanwhile,
    paid,
)
from tests.scripted import PROMISE, Answer
from tests.stage import add_notice

SPLIT = replace(PROMISE, split=True)
MADE = Prepared("ch_1")
TIMED_OUT = Unknown("no answer in 10 s")
ASKED = RequiresAction("ch_1", "https://pay.example/1")


def at(*charges: Answer, **scripts: Any) -> tuple[Scripted, Stage]:
    """A payment at a gateway that takes two calls for a charge."""
    one = Scripted("one", *charges, promise=SPLIT, **scripts)
    return one, a_runtime(one, Scripted("two", paid), holding=a_payment())


def waiting(*charges: Answer, **changes: Any) -> tuple[Scripted, Stage]:
    """A charge that waits for the payer and has not been confirmed, looked up now."""
    one = Scripted("one", *charges, promise=SPLIT, lookups=[MADE], can_void=False)
    known: dict[str, Any] = {
        "state": State.REQUIRES_ACTION,
        "provider_id": "ch_1",
        "confirming": False,
        "due": Due(NOON),
    }
    payment = a_payment(status=Status.REQUIRES_ACTION, due=Due(NOON + timedelta(minutes=30)))
    stage = a_runtime(one, holding=payment, attempts=[an_attempt(**(known | changes))])
    return one, stage


def test_the_object_is_stored_before_its_money_is_asked_for() -> None:
    one, stage = at(MADE, paid)
    seen: list[tuple[State, bool, str | None]] = []

    def look() -> None:
        assert not stage.memory.in_transaction
        known = stage.attempt()
        seen.append((known.state, known.confirming, known.provider_id))

    one.before_call = look
    charge(PAYMENT, stage)

    assert seen == [(State.SENDING, False, None), (State.SENDING, True, "ch_1")]
    first, second = one.made("charge")
    assert (first.attempt.provider_id, second.attempt.provider_id) == (None, "ch_1")
    assert first.sent == second.sent
    assert stage.payment().status is Status.CAPTURED
    assert [fact.outcome for fact in stage.facts()] == [MADE, paid(stage.attempt())]


def test_the_call_that_moves_money_has_times_of_its_own() -> None:
    one, stage = at(meanwhile(lambda: stage.clock.advance(3), MADE), TIMED_OUT)

    charge(PAYMENT, stage)

    second, known = one.made("charge")[1], stage.attempt()
    assert known.send_before == NOON + timedelta(seconds=3 + 2)
    assert known.deadline_at == NOON + timedelta(seconds=3 + 12)
    assert known.key_window_ends == NOON + timedelta(hours=24, seconds=3)
    # The run's own deadline stays: its lease, and the gateway's slot, are no longer.
    assert second.budget.send_by == BOOT_S + 5
    assert second.budget.deadline == BOOT_S + 12
    assert known.state is State.UNKNOWN


@pytest.mark.parametrize("lost", [TIMED_OUT, NotCharged(Proof.NEVER_SENT, "no connection")])
def test_law_4_until_the_money_is_asked_for_a_lost_answer_is_proof(lost: Outcome) -> None:
    one, stage = at(lost)

    charge(PAYMENT, stage)

    first, second = stage.attempts()
    assert (first.state, first.proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    assert (second.gateway_id, second.state) == ("two", State.CAPTURED)
    assert len(one.calls) == 1


def test_law_1_once_the_money_is_asked_for_a_lost_answer_is_unknown() -> None:
    one, stage = at(MADE, TIMED_OUT)

    charge(PAYMENT, stage)

    assert [attempt.state for attempt in stage.attempts()] == [State.UNKNOWN]
    assert len(one.calls) == 2


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        ({"cancel_requested_at": NOON}, Status.CANCELLED),
        ({"expires_at": NOON}, Status.FAILED),
    ],
    ids=["cancelled", "expired"],
)
def test_what_nobody_wants_any_more_is_not_asked_for(
    happens: dict[str, Any], status: Status
) -> None:
    def change() -> None:
        with stage.memory.begin() as work:
            work.save_payment(replace(work.lock_payment(PAYMENT), **happens))

    one, stage = at(meanwhile(change, MADE))
    charge(PAYMENT, stage)
    assert len(one.calls) == 1
    assert not stage.attempt().confirming

    stage.run_on()

    assert len(one.calls) == 1
    assert (stage.attempt().state, stage.attempt().proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    assert stage.payment().status in (status, Status.EXPIRED)


def test_a_sender_whose_attempt_was_taken_over_asks_for_nothing() -> None:
    def take_over() -> None:
        stage.clock.advance(17)
        resolve(stage.attempt().id, stage)

    one, stage = at(meanwhile(take_over, MADE))

    charge(PAYMENT, stage)

    assert len(one.made("charge")) == 1
    assert stage.attempt().state is State.NOT_CHARGED
    assert not stage.attempt().confirming


def test_a_sender_whose_attempt_facts_drive_by_now_leaves_it_to_them() -> None:
    def ask_the_payer() -> None:
        learn(Fact(stage.attempt().id, Source.WEBHOOK, ASKED), stage.attempt(), stage)

    one, stage = at(meanwhile(ask_the_payer, MADE))

    charge(PAYMENT, stage)

    assert len(one.made("charge")) == 1
    assert (stage.attempt().state, stage.attempt().confirming) == (State.REQUIRES_ACTION, False)


def test_a_worker_that_is_told_to_stop_between_the_calls_leaves_the_second_to_others() -> None:
    one, stage = at(MADE)
    stage = replace(stage, draining=lambda: bool(one.calls))

    charge(PAYMENT, stage)

    assert (stage.attempt().state, stage.attempt().provider_id) == (State.SENDING, "ch_1")
    assert not stage.attempt().confirming


def test_a_worker_that_died_between_the_calls_has_moved_no_money() -> None:
    one = Scripted("one", promise=SPLIT, refusing=Refused("breaker_open", 60.0))
    died = an_attempt(provider_id="ch_1", confirming=False, due=Due(NOON))
    payment = a_payment(status=Status.PROCESSING, due=Due(None))
    stage = a_runtime(one, Scripted("two", paid), holding=payment, attempts=[died])

    resolve(ATTEMPT, stage)
    stage.run_on()

    first, _ = stage.attempts()
    assert (first.state, first.proof) == (State.NOT_CHARGED, Proof.NEVER_SENT)
    assert stage.payment().status is Status.CAPTURED
    assert not one.calls


def test_a_worker_that_died_with_the_second_call_may_have_moved_it() -> None:
    one = Scripted("one", paid, promise=SPLIT, lookups=[MADE])
    died = an_attempt(provider_id="ch_1", confirming=True, due=Due(NOON))
    payment = a_payment(status=Status.PROCESSING, due=Due(None))
    stage = a_runtime(one, Scripted("two"), holding=payment, attempts=[died])

    resolve(ATTEMPT, stage)
    assert stage.attempt().state is State.UNKNOWN
    resolve(ATTEMPT, stage)

    (call,) = one.made("charge")
    assert call.sent == (b"the exact bytes", ATTEMPT.hex + "a")
    assert stage.payment().status is Status.CAPTURED


def test_once_the_payer_has_agreed_the_money_is_asked_for() -> None:
    one, stage = waiting(paid)

    resolve(ATTEMPT, stage)

    (call,) = one.made("charge")
    assert (call.attempt.provider_id, call.attempt.confirming) == ("ch_1", True)
    assert call.attempt.key_window_ends == NOON + SPLIT.key_window
    assert stage.payment().status is Status.CAPTURED


def test_a_webhook_that_says_so_is_enough() -> None:
    _, stage = waiting(paid, due=Due(NOON + timedelta(hours=1)))
    add_notice(stage.memory, a_notice(body=b"ch_1"))

    notice(NOTICE, stage)
    assert (Command.RESOLVE, ATTEMPT) in stage.woken
    resolve(ATTEMPT, stage)

    assert stage.payment().status is Status.CAPTURED


@pytest.mark.parametrize("lost", [TIMED_OUT, NotCharged(Proof.REJECTED, "429")], ids=str)
def test_a_resolver_whose_answer_was_lost_asks_again_under_the_same_key(lost: Outcome) -> None:
    one, stage = waiting(lost, paid)

    resolve(ATTEMPT, stage)
    assert (stage.attempt().state, stage.attempt().confirming) == (State.REQUIRES_ACTION, True)
    stage.run_on()

    first, second = one.made("charge")
    assert first.sent == second.sent
    assert stage.payment().status is Status.CAPTURED


def test_law_5_after_the_keys_window_money_is_not_asked_for_again() -> None:
    one, stage = waiting(paid, confirming=True, key_window_ends=NOON)

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert stage.attempt().state is State.REQUIRES_ACTION


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        ({"cancel_requested_at": NOON}, Status.CANCELLED),
        ({"expires_at": NOON, "due": Due(NOON)}, Status.EXPIRED),
    ],
    ids=["cancelled", "expired"],
)
def test_what_the_payer_never_agreed_to_ends_without_a_question(
    happens: dict[str, Any], status: Status
) -> None:
    one, stage = waiting()
    with stage.memory.begin() as work:
        work.save_payment(replace(work.lock_payment(PAYMENT), **happens))

    resolve(ATTEMPT, stage)
    stage.run_on()

    assert not one.calls
    assert (stage.attempt().state, stage.attempt().proof) == (State.EXPIRED, Proof.NEVER_SENT)
    assert stage.payment().status is status


def test_a_confirmed_charge_is_not_believed_to_be_unsent() -> None:
    one, stage = waiting(confirming=True)
    unsent = NotCharged(Proof.NEVER_SENT, "its money was never asked for")

    learn(Fact(ATTEMPT, Source.RECOVERY, unsent), stage.attempt(), stage)

    assert stage.attempt().state is State.REQUIRES_ACTION
    assert not one.calls


def test_a_charge_about_which_a_person_was_asked_is_not_confirmed() -> None:
    one, stage = waiting(paid)
    with stage.memory.begin() as work:
        asked = work.lock_payment(PAYMENT)
        parked = replace(asked, due=asked.due.park(NOON, Reason.AMOUNT_MISMATCH))
        work.save_payment(parked)

    resolve(ATTEMPT, stage)

    assert one.made("charge") == []
    assert not stage.attempt().confirming


def test_a_decline_of_the_second_call_is_final() -> None:
    _, stage = waiting(HARD)

    resolve(ATTEMPT, stage)
    stage.run_due()

    assert stage.payment().status is Status.FAILED


def resolving(resolution: Resolution, found: Lookup, *charges: Answer) -> tuple[Scripted, Stage]:
    promise = replace(PROMISE, resolution=resolution)
    one = Scripted("one", *charges, promise=promise, lookups=[found])
    lost: Attempt = an_attempt(
        state=State.UNKNOWN, due=Due(NOON), key_window_ends=NOON + timedelta(hours=1)
    )
    payment = a_payment(status=Status.PROCESSING, due=Due(None))
    return one, a_runtime(one, holding=payment, attempts=[lost])


def test_law_5_where_the_provider_says_so_a_replay_comes_first() -> None:
    one, stage = resolving(Resolution.REPLAY_FIRST, NotFound(), paid)

    resolve(ATTEMPT, stage)

    assert [call.operation for call in one.calls] == ["charge"]
    assert stage.payment().status is Status.CAPTURED


def test_a_replay_that_says_nothing_is_followed_by_one_look_up() -> None:
    one, stage = resolving(Resolution.REPLAY_FIRST, NotFound(), TIMED_OUT)

    resolve(ATTEMPT, stage)

    assert [call.operation for call in one.calls] == ["charge", "lookup"]
    assert stage.attempt().state is State.UNKNOWN


def test_law_5_where_nothing_protects_a_repetition_there_is_none() -> None:
    one, stage = resolving(Resolution.LOOKUP_ONLY, NotFound())

    resolve(ATTEMPT, stage)

    assert [call.operation for call in one.calls] == ["lookup"]
    assert stage.attempt().state is State.UNKNOWN
