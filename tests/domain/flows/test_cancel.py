"""Cancel: at once where nothing was sent, by the provider's word where the payer was asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import NEVER, Due, Parked, Reason
from domain.errors import IllegalMove, NotFound, OperationInFlight
from domain.outcome import NotCharged, Proof, RequiresAction
from domain.payment import FINAL, Mode, Payment, Status
from tests.asking import cancel
from tests.builders import (
    ATTEMPT,
    NOON,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
)

LATER = Due(NOON + timedelta(minutes=30))
PARKED = Due(None, 0, Parked(NOON, Reason.UNRESOLVED))
PROCESSING = a_payment(status=Status.PROCESSING, due=LATER)


def asked(stage: Stage, **changes: Any) -> Payment:
    return cancel(stage, **changes)


def on(payment: Payment, *attempts: Any) -> Stage:
    return a_runtime(Scripted("one"), holding=payment, attempts=attempts)


@pytest.mark.parametrize(
    "payment",
    [
        a_payment(),
        a_payment(next_command=Command.SCREEN),
        a_payment(status=Status.IN_REVIEW, due=LATER),
        PROCESSING,
        a_payment(due=PARKED),
    ],
    ids=["pending", "unscreened", "in review", "between attempts", "parked"],
)
def test_where_no_attempt_is_open_it_ends_at_once(payment: Payment) -> None:
    stage = on(payment)

    answer = asked(stage)

    assert answer.status is stage.payment().status is Status.CANCELLED
    assert answer == stage.payment()
    assert stage.payment().due == NEVER
    assert stage.actions() == ["payment.cancelled"]
    assert stage.woken == []


def test_harmless_attempts_do_not_hold_it_up() -> None:
    no = an_attempt(state=State.NOT_CHARGED, proof=Proof.REJECTED, due=NEVER)
    stage = on(PROCESSING, no)

    assert asked(stage).status is Status.CANCELLED


@pytest.mark.parametrize("state", [State.PENDING, State.REQUIRES_ACTION])
def test_where_the_payer_was_asked_the_provider_is_asked_first(state: State) -> None:
    status = Status.REQUIRES_ACTION if state is State.REQUIRES_ACTION else Status.PROCESSING
    open_ = an_attempt(state=state, provider_id="ch_1", due=LATER)
    stage = on(replace(PROCESSING, status=status), open_)

    answer = asked(stage)

    assert (answer.status, answer.cancel_requested_at) == (status, NOON)
    assert stage.attempt().due == Due(NOON)
    assert stage.woken == [(Command.RESOLVE, ATTEMPT)]
    assert answer.due == LATER


def test_the_whole_way_of_a_cancel() -> None:
    action = RequiresAction("ch_1", "https://pay.example/1")
    voided = NotCharged(Proof.VOIDED, "cancelled")
    one = Scripted("one", action, lookups=[action], cancels=[voided])
    stage = a_runtime(one, holding=a_payment())
    stage.run_due()

    asked(stage)
    stage.run_on(until=NOON + timedelta(minutes=1))

    assert stage.payment().status is Status.CANCELLED
    assert len(one.made("cancel")) == 1


def test_cancelling_twice_is_cancelling_once() -> None:
    open_ = an_attempt(state=State.PENDING, due=LATER)
    stage = on(PROCESSING, open_)
    first = asked(stage)
    stage.clock.advance(5)

    assert asked(stage).cancel_requested_at == first.cancel_requested_at == NOON

    over = on(a_payment())
    ended = asked(over)
    assert asked(over) == ended
    assert over.actions() == ["payment.cancelled"]


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN])
def test_law_4_while_a_charge_may_be_under_way_it_is_refused(state: State) -> None:
    stage = on(PROCESSING, an_attempt(state=state))

    with pytest.raises(OperationInFlight) as refusal:
        asked(stage)

    assert refusal.value.fix
    assert stage.payment() == PROCESSING
    assert stage.attempt().state is state


@pytest.mark.parametrize("status", sorted(FINAL - {Status.CANCELLED}))
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    stage = on(a_payment(status=status, due=NEVER))

    with pytest.raises(IllegalMove, match=str(status)):
        asked(stage)


def test_money_that_is_held_is_let_go_of_first() -> None:
    hold = an_attempt(state=State.AUTHORIZED, held=True, provider_id="ch_1", due=NEVER)
    authorized = a_payment(status=Status.AUTHORIZED, amount_authorized=5_000, due=LATER)
    stage = on(authorized, hold)

    answer = asked(stage)

    assert (answer.status, answer.ending) == (Status.AUTHORIZED, Status.CANCELLED)
    assert (answer.next_command, answer.due) == (Command.VOID, Due(NOON))
    assert stage.woken == [(Command.VOID, PAYMENT)]


@pytest.mark.parametrize(
    "wrong",
    [{"merchant_id": UUID(int=99)}, {"mode": Mode.LIVE}, {"payment_id": UUID(int=98)}],
    ids=["another merchant", "another mode", "another payment"],
)
def test_law_15_anothers_payment_is_not_there(wrong: dict[str, Any]) -> None:
    stage = on(a_payment())

    with pytest.raises(NotFound):
        asked(stage, **wrong)

    assert stage.payment().status is Status.PENDING


def test_an_attempt_that_a_person_looks_at_stays_parked() -> None:
    stage = on(PROCESSING, an_attempt(state=State.PENDING, provider_id="ch_1", due=PARKED))

    asked(stage)

    assert stage.attempt().due == PARKED
    assert stage.payment().cancel_requested_at == NOON
