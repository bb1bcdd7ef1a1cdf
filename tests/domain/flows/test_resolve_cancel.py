"""Resolve, when nobody wants the money any more: cancel at the provider, and believe what it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import State
from domain.due import Due
from domain.facts import Source
from domain.flows.resolve import resolve
from domain.outcome import Lookup, NotCharged, Pending, Proof, RequiresAction, Unknown
from domain.payment import Payment, Status
from tests.builders import (
    ATTEMPT,
    NOON,
    PAYMENT,
    Scripted,
    Stage,
    a_payment,
    a_runtime,
    an_attempt,
    held,
    paid,
)

URL = "https://pay.example/1"
ACTION = RequiresAction("ch_1", URL)
VOIDED = NotCharged(Proof.VOIDED, "cancelled")
CANCELLING = a_payment(
    status=Status.REQUIRES_ACTION,
    action_url=URL,
    cancel_requested_at=NOON,
    due=Due(NOON + timedelta(minutes=30)),
)
EXPIRED = a_payment(status=Status.REQUIRES_ACTION, expires_at=NOON, due=Due(None))


def on(one: Scripted, payment: Payment = CANCELLING, **changes: Any) -> Stage:
    begun: dict[str, Any] = {
        "state": State.REQUIRES_ACTION,
        "provider_id": "ch_1",
        "due": Due(NOON),
    }
    return a_runtime(one, holding=payment, attempts=[an_attempt(**(begun | changes))])


@pytest.mark.parametrize("found", [ACTION, Pending("ch_1"), held])
@pytest.mark.parametrize(
    ("payment", "ends_as"), [(CANCELLING, Status.CANCELLED), (EXPIRED, Status.EXPIRED)]
)
def test_law_4_an_unwanted_payment_ends_on_the_providers_proof_that_it_was_voided(
    found: Lookup, payment: Payment, ends_as: Status
) -> None:
    one = Scripted("one", lookups=[found], cancels=[VOIDED])
    stage = on(one, payment)

    resolve(ATTEMPT, stage)
    assert (stage.attempt().state, stage.attempt().proof) == (State.VOIDED, Proof.VOIDED)
    assert stage.facts()[-1].source is Source.VOID

    stage.run_due()
    assert stage.payment().status is ends_as
    assert stage.payment().action_url is None
    assert one.made("charge") == []


def test_a_void_that_finds_the_money_taken_captures_the_payment() -> None:
    stage = on(Scripted("one", lookups=[ACTION], cancels=[paid]))

    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert stage.payment().amount_captured == 5_000


def test_money_taken_before_the_cancel_is_not_voided() -> None:
    one = Scripted("one", lookups=[paid])
    stage = on(one)

    stage.run_on()

    assert stage.payment().status is Status.CAPTURED
    assert one.made("cancel") == []


def test_a_void_without_a_clear_answer_is_tried_again() -> None:
    one = Scripted("one", lookups=[ACTION], cancels=[Unknown("timed out"), ACTION, VOIDED])
    stage = on(one)

    stage.run_on()

    assert stage.payment().status is Status.CANCELLED
    assert len(one.made("cancel")) == 3


def test_what_is_still_wanted_is_not_voided() -> None:
    wanted = a_payment(status=Status.REQUIRES_ACTION, due=Due(NOON + timedelta(minutes=30)))
    one = Scripted("one", lookups=[ACTION])

    resolve(ATTEMPT, on(one, wanted))

    assert one.made("cancel") == []


def test_law_4_without_a_cancel_a_payment_waits_for_the_providers_own_expiry() -> None:
    lapsed = NotCharged(Proof.READ_BACK, "expired there", lapsed=True)
    one = Scripted("one", lookups=[ACTION, ACTION, ACTION, lapsed], can_void=False)
    stage = on(one, EXPIRED)

    resolve(ATTEMPT, stage)
    assert stage.payment().status is Status.REQUIRES_ACTION
    stage.run_on()

    assert stage.attempt().state is State.EXPIRED
    assert stage.payment().status is Status.EXPIRED
    assert one.made("cancel") == []


def test_a_void_is_asked_by_the_name_that_the_look_up_found() -> None:
    one = Scripted("one", lookups=[Pending("ch_9")], cancels=[VOIDED])

    resolve(ATTEMPT, on(one, state=State.UNKNOWN, provider_id=None))

    (call,) = one.made("cancel")
    assert call.attempt.provider_id == "ch_9"


def test_a_payers_page_that_expires_is_voided_at_its_provider() -> None:
    one = Scripted("one", ACTION, lookups=[ACTION], cancels=[VOIDED])
    stage = a_runtime(one, holding=a_payment())

    stage.run_on()

    assert stage.payment().status is Status.EXPIRED
    assert stage.attempt().state is State.VOIDED
    assert len(one.made("charge")) == 1
    assert stage.payment(PAYMENT).due == Due(None)
