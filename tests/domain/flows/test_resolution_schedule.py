"""The schedule of a lost answer: asked again and again for a week, then a person; never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from domain.attempt import Operation, State
from domain.due import Due, Reason
from domain.facts import Fact, Source
from domain.flows.learn import learn
from domain.outcome import NotFound, Outcome, Succeeded, Unknown
from domain.policy import Policy
from domain.ports import Resolution
from tests.builders import NOON, Scripted, Stage, a_payment, a_runtime
from tests.domain.flows.parked import PAYOUT, of, silent
from tests.scripted import PROMISE

#: DESIGN 6, written out by hand: each is counted from the look-up before it.
PAUSES = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    *(timedelta(days=1),) * 7,
)
#: How long Midtrans, PayPal's orders and Stripe keep our keys.
WINDOWS = (timedelta(minutes=5), timedelta(hours=6), timedelta(hours=24))


def asked_at(stage: Stage) -> list[datetime]:
    """Let time pass until nothing is left to do; return when the provider was looked up."""
    one, before = stage.board.by_id["one"], len(stage.board.by_id["one"].calls)
    times: list[datetime] = []
    one.before_call = lambda: times.append(stage.clock.now())
    stage.run_on()
    assert {call.operation for call in one.calls[before:]} <= {"lookup"}
    return times


@pytest.mark.parametrize("operation", list(Operation))
def test_every_operation_is_looked_up_by_the_schedule_and_then_parked(operation: Operation) -> None:
    stage = silent(operation, Policy(), expires_at=NOON + timedelta(days=30))
    sent_at, times = stage.clock.now(), asked_at(stage)

    assert tuple(after - before for before, after in pairwise([sent_at, *times])) == PAUSES
    attempt = of(stage, operation)
    parked = attempt.due.parked
    assert parked is not None
    assert (parked.reason, parked.owner) == (Reason.UNRESOLVED, "operations")
    assert (attempt.state, attempt.due.next_run_at) == (State.UNKNOWN, None)
    assert parked.at == sent_at + sum(PAUSES, timedelta(0))


def test_a_payment_that_expires_has_its_charge_looked_up_then_instead_of_later() -> None:
    stage = silent(Operation.CHARGE, Policy())
    times = asked_at(stage)

    at = [NOON + sum(PAUSES[:n], timedelta(0)) for n in range(1, 5)]
    expired = stage.payment().expires_at
    assert times[:6] == [*at, expired, expired + PAUSES[5]]
    assert len(times) == len(PAUSES)


def done(stage: Stage, operation: Operation) -> Outcome:
    attempt = of(stage, operation)
    held = operation is not Operation.VOID
    return Succeeded(attempt.provider_id or "late_1", attempt.money, captured=held)


@pytest.mark.parametrize("operation", list(Operation))
def test_a_webhook_settles_what_was_parked(operation: Operation) -> None:
    stage = silent(operation)
    stage.run_on()
    attempt = of(stage, operation)
    assert attempt.due.parked is not None

    learn(Fact(attempt.id, Source.WEBHOOK, done(stage, operation)), attempt, stage).wake(stage)

    assert_settled(stage, operation)


@pytest.mark.parametrize("operation", list(Operation))
def test_a_look_up_after_a_retry_settles_what_was_parked(operation: Operation) -> None:
    stage = silent(operation)
    stage.run_on()
    attempt = of(stage, operation)
    script = stage.board.by_id["one"].scripts["lookup"]
    script.clear()
    script.append(done(stage, operation))

    retried = replace(attempt, due=Due(stage.clock.now()))
    stage.change(lambda work: work.save_attempt(retried))
    stage.run_on()

    assert_settled(stage, operation)


def assert_settled(stage: Stage, operation: Operation) -> None:
    attempt = of(stage, operation)
    ends = {Operation.CHARGE: State.CAPTURED}
    assert attempt.state is ends.get(operation, State.SUCCEEDED)
    assert attempt.due == Due(None)
    stage.run_on()
    assert stage.next_time() is None
    if operation is Operation.PAYOUT:
        assert stage.payout(PAYOUT).over
    else:
        assert stage.payment().final
        assert all(refund.over for refund in stage.refunds())


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("resolution", [Resolution.REPLAY_FIRST, Resolution.LOOKUP_FIRST])
def test_f11_nothing_is_posted_once_the_keys_window_is_over(
    window: timedelta, resolution: Resolution
) -> None:
    """The provider never answers and never shows it; the whole schedule is run through."""
    promise = replace(PROMISE, key_window=window, resolution=resolution, authoritative=False)
    forever = a_payment(expires_at=NOON + timedelta(days=30))
    one = Scripted("one", Unknown("timed out"), lookups=[NotFound()], promise=promise)
    stage = a_runtime(one, holding=forever)
    at: list[datetime] = []
    one.before_call = lambda: at.append(stage.clock.now())

    stage.run_on()

    posts = [when for when, call in zip(at, one.calls, strict=True) if call.operation == "charge"]
    assert len(posts) > 3, "it is sent again while its key protects"
    assert max(posts) < NOON + window
    assert max(at) > NOON + timedelta(days=7), "and asked about long after"
    assert len({call.sent for call in one.made("charge")}) == 1
    assert stage.attempt().due.parked is not None
