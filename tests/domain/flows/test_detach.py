"""Detach: a deleted method's token is forgotten at its provider, or a person hears of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.due import NEVER, Due, Reason
from domain.flows.detach import detach
from domain.outcome import Declined, Hardness, NotCharged, Outcome, Proof, Succeeded, Unknown
from domain.payment import Mode
from domain.vaulted import Detachment
from ops.store.memory.books import Job, Kept
from tests.builders import MERCHANT, NOON, Scripted, Stage, a_runtime, usd

METHOD = UUID(int=80)
FORGOTTEN = Succeeded("tok", usd(0))


def on(*answers: Outcome, gateway_id: str | None = "one") -> Stage:
    stage = a_runtime(Scripted("one", detaches=answers))
    row = Detachment(METHOD, MERCHANT, Mode.TEST, gateway_id, "tok_secret", Due(NOON))
    stage.change(lambda work: work.books.detachments.put(METHOD, Kept(row, Job(None))))
    return stage


def due(stage: Stage) -> Due:
    kept: Any = stage.memory.books.detachments.get(METHOD)
    found: Due = kept.row.due
    return found


def test_a_token_that_is_forgotten_needs_nothing_more() -> None:
    stage = on(FORGOTTEN)
    detach(METHOD, stage)

    assert due(stage).next_run_at is None
    assert due(stage).parked is None


@pytest.mark.parametrize(
    "no",
    [
        Unknown("timed out"),
        NotCharged(Proof.NEVER_SENT, "no connection"),
        NotCharged(Proof.REJECTED, "429"),
    ],
    ids=["no answer", "not sent", "not now"],
)
def test_what_may_still_be_known_is_asked_again(no: Outcome) -> None:
    stage = on(no, FORGOTTEN)
    detach(METHOD, stage)
    assert due(stage).next_run_at is not None

    stage.run_on()

    assert due(stage).next_run_at is None
    assert due(stage).parked is None


@pytest.mark.parametrize(
    "no",
    [
        NotCharged(Proof.REJECTED, "404", request_wrong=True),
        Declined("token_detached", Hardness.HARD),
    ],
)
def test_what_the_provider_does_not_know_is_forgotten(no: Outcome) -> None:
    stage = on(no)
    detach(METHOD, stage)

    assert due(stage).next_run_at is None
    assert due(stage).parked is None


def test_a_provider_that_never_answers_calls_a_person() -> None:
    stage = on(Unknown("timed out"))
    stage.run_on()

    parked = due(stage).parked
    assert parked is not None
    assert parked.reason is Reason.UNRESOLVED


def test_a_token_of_no_vault_is_simply_gone() -> None:
    stage = on(gateway_id=None)
    detach(METHOD, stage)

    assert due(stage).next_run_at is NEVER.next_run_at


def test_every_try_has_a_key_of_its_own_because_a_key_keeps_a_failed_answer() -> None:
    first = Detachment(METHOD, MERCHANT, Mode.TEST, "one", "tok", Due(NOON, 1))
    second = Detachment(METHOD, MERCHANT, Mode.TEST, "one", "tok", Due(NOON, 2))

    assert first.key != second.key
    assert "tok_secret" not in repr(on(FORGOTTEN).memory.books.detachments.get(METHOD))
