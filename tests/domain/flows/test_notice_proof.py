"""A webhook whose sender is not proven yet: nothing of it is believed before a worker has proven it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain.attempt import State
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Reason
from domain.flows.notice import Prove, notice
from domain.outcome import Pending
from domain.payment import Status
from domain.policy import Policy
from domain.ports import Budget
from domain.webhook import RECEIVED, UNVERIFIED, Hint, Notice, Proven
from tests.builders import (
    ATTEMPT,
    NOON,
    NOTICE,
    Scripted,
    Stage,
    a_notice,
    a_payment,
    a_runtime,
    an_attempt,
    paid,
)

UNPROVEN = a_notice(status=UNVERIFIED, headers={"h": "v"}, tries=2)


def on(one: Scripted, policy: Policy | None = None, held: Notice = UNPROVEN) -> Stage:
    later = Due(NOON + timedelta(hours=1))
    return a_runtime(
        one,
        holding=a_payment(status=Status.PROCESSING, due=Due(NOON + timedelta(minutes=30))),
        attempts=[an_attempt(state=State.PENDING, provider_id="ch_1", due=later)],
        notices=[held],
        policy=policy,
    )


def says(stage: Stage, *answers: Proven) -> Prove:
    """Answer so, one after the other, and check what it is asked."""
    left = list(answers)

    def prove(asked: Notice, budget: Budget) -> Proven:
        assert not stage.memory.in_transaction
        assert (asked.id, asked.headers, asked.body) == (NOTICE, {"h": "v"}, UNPROVEN.body)
        assert stage.monotonic() < budget.send_by <= budget.deadline
        return left.pop(0)

    return prove


def test_what_is_proven_is_read_back_like_any_other() -> None:
    stage = on(one := Scripted("one", lookups=[paid]))

    notice(NOTICE, stage, says(stage, Proven.GENUINE))

    assert not one.calls
    proven = stage.notice()
    assert (proven.status, proven.tries, proven.due) == (RECEIVED, 0, Due(NOON))
    assert stage.woken == [(Command.NOTICE, NOTICE)]
    stage.run_due()
    assert stage.payment().status is Status.CAPTURED
    assert stage.notice().status == "processed"


def test_a_forgery_is_deleted_and_nobody_is_asked_about_it() -> None:
    stage = on(one := Scripted("one", lookups=[paid]))

    notice(NOTICE, stage, says(stage, Proven.FORGED))

    assert stage.memory.books.notices.get(NOTICE) is None
    assert stage.payment().status is Status.PROCESSING
    assert (one.calls, stage.facts(), stage.woken, stage.due()) == ([], [], [], [])
    notice(NOTICE, stage)  # its message may come once more


def test_what_cannot_be_proven_now_waits_and_is_a_persons_in_the_end() -> None:
    stage = on(one := Scripted("one"), Policy(resolve=Schedule((5, 30, 120, 600))))

    notice(NOTICE, stage, says(stage, Proven.LATER))
    assert stage.notice().status == UNVERIFIED
    assert stage.notice().due == Due(NOON + timedelta(seconds=600))

    stage.clock.advance(600)
    notice(NOTICE, stage, says(stage, Proven.LATER))
    parked = stage.notice().due.parked
    assert parked is not None
    assert parked.reason is Reason.UNRESOLVED
    assert not one.calls


def test_without_means_to_prove_it_nobody_is_believed() -> None:
    stage = on(one := Scripted("one", lookups=[paid]))

    notice(NOTICE, stage)

    assert stage.notice().status == UNVERIFIED
    assert not one.calls


def test_two_workers_prove_once() -> None:
    stage = on(Scripted("one"))

    def prove(asked: Notice, budget: Budget) -> Proven:
        notice(NOTICE, stage, says(stage))  # finds it taken
        return Proven.GENUINE

    notice(NOTICE, stage, prove)

    assert stage.notice().status == RECEIVED


class Killed(BaseException):
    """The worker dies, as by a signal."""


def test_one_that_kills_its_workers_is_parked_unproven() -> None:
    stage = on(Scripted("one"))

    def dies(asked: Notice, budget: Budget) -> Proven:
        raise Killed

    for _ in range(5):
        with pytest.raises(Killed):
            notice(NOTICE, stage, dies)
        stage.clock.advance(60)
    notice(NOTICE, stage, dies)

    parked = stage.notice().due.parked
    assert parked is not None
    assert parked.reason is Reason.POISON


def test_a_proven_one_is_not_discarded() -> None:
    stage = on(Scripted("one"))
    notice(NOTICE, stage, says(stage, Proven.GENUINE))

    stage.change(lambda work: work.discard_notice(NOTICE))

    assert stage.notice().status == RECEIVED


class Midtrans(Scripted):
    """Its webhooks name our reference, and claim a status that their signature does not cover."""

    def read_notice(self, body: bytes) -> Hint | None:
        said = json.loads(body)
        return Hint(said["order_id"], None, said["transaction_status"])


@pytest.mark.parametrize("claimed", ["settlement", "refund", "deny", "expire"])
def test_what_midtrans_does_not_sign_is_not_believed(claimed: str) -> None:
    """A genuine signature fits every status: what counts is what the provider says when asked."""
    body = json.dumps({"order_id": ATTEMPT.hex, "transaction_status": claimed}).encode()
    one = Midtrans("one", lookups=[Pending("ch_1")])
    stage = on(one, held=a_notice(body=body))

    notice(NOTICE, stage)

    assert [call.operation for call in one.calls] == ["lookup"]
    assert stage.payment().status is Status.PROCESSING
    assert stage.attempt().state is State.PENDING
    assert stage.notice().status == "processed"
