"""Notice: a webhook is a hint; what counts is what the provider says when it is asked (law 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import State
from domain.backoff import Schedule
from domain.commands import Command
from domain.due import Due, Reason
from domain.facts import Source
from domain.flows.charge import charge
from domain.flows.notice import notice
from domain.money import CURRENCIES, Money
from domain.outcome import Lookup, NotFound, Pending, RequiresAction, Succeeded, Unknown
from domain.payment import Status
from domain.policy import Policy
from domain.webhook import Hint
from ops.store.memory.store import MemoryWork
from tests.builders import (
    ATTEMPT,
    NOON,
    NOTICE,
    PAYMENT,
    SOFT,
    Scripted,
    Stage,
    a_notice,
    a_payment,
    a_runtime,
    an_attempt,
    meanwhile,
    paid,
    usd,
)
from tests.scripted import PROMISE

PROCESSING = a_payment(status=Status.PROCESSING, due=Due(NOON + timedelta(minutes=30)))
UNREADABLE = a_notice(body=b"unreadable")


class Killed(BaseException):
    """The worker dies, as by a signal."""


def on(
    *gateways: Scripted, held: Any = None, policy: Policy | None = None, **attempt: Any
) -> Stage:
    later = Due(NOON + timedelta(hours=1))
    begun: dict[str, Any] = {"state": State.PENDING, "provider_id": "ch_1", "due": later}
    return a_runtime(
        *gateways,
        holding=PROCESSING,
        attempts=[an_attempt(**(begun | attempt))],
        notices=[held or a_notice()],
        policy=policy,
    )


def reason(stage: Stage) -> Reason | None:
    parked = stage.notice().due.parked
    return parked.reason if parked else None


def test_law_8_what_is_read_back_counts_and_not_what_the_webhook_says() -> None:
    stage = on(one := Scripted("one", lookups=[paid]))

    notice(NOTICE, stage)

    assert stage.payment().status is Status.CAPTURED
    assert [fact.source for fact in stage.facts()] == [Source.WEBHOOK]
    assert [call.operation for call in one.calls] == ["lookup"]
    done = stage.notice()
    assert (done.status, done.attempt_id, done.due) == ("processed", ATTEMPT, Due(None))
    assert (done.tries, done.read_began_at) == (1, NOON)
    assert stage.actions() == ["attempt.captured", "payment.captured", "webhook.processed"]


@pytest.mark.parametrize("body", [ATTEMPT.hex.encode(), b"ch_1"], ids=["reference", "provider id"])
def test_an_attempt_is_found_by_our_reference_or_by_the_providers_id(body: bytes) -> None:
    stage = on(Scripted("one", lookups=[paid]), held=a_notice(body=body))

    notice(NOTICE, stage)

    assert stage.notice().attempt_id == ATTEMPT


@pytest.mark.parametrize(
    ("authoritative", "known", "asked"),
    [(True, None, None), (False, None, "ch_9"), (False, "ch_1", "ch_1")],
    ids=["found by our reference", "only by the id", "whose id is known"],
)
def test_where_our_reference_finds_nothing_the_hinted_id_is_read(
    authoritative: bool, known: str | None, asked: str | None
) -> None:
    one = Scripted("one", lookups=[paid], promise=replace(PROMISE, authoritative=authoritative))
    one.read_notice = lambda body: Hint(ATTEMPT.hex, "ch_9", "charge.paid")  # type: ignore[method-assign]
    stage = on(one, provider_id=known)

    notice(NOTICE, stage)

    (call,) = one.made("lookup")
    assert call.attempt.provider_id == asked


def test_another_gateways_webhook_does_not_find_it() -> None:
    stage = on(Scripted("one"), Scripted("two"), held=a_notice(gateway_id="two"))

    notice(NOTICE, stage)

    assert stage.notice().status == "orphan"
    assert stage.payment() == PROCESSING


@pytest.mark.parametrize(
    "wrong",
    [
        Succeeded("ch_1", usd(1)),
        Succeeded("ch_1", Money(5_000, CURRENCIES["EUR"])),
        Succeeded("ch_1", usd(), reference="not ours"),
    ],
)
def test_law_8_what_does_not_match_opens_a_review_case(wrong: Succeeded) -> None:
    stage = on(Scripted("one", lookups=[wrong]))

    notice(NOTICE, stage)

    assert stage.payment().status is Status.PROCESSING
    parked = stage.attempt().due.parked
    assert parked is not None
    assert parked.reason is Reason.AMOUNT_MISMATCH
    assert stage.notice().status == "processed"


def test_a_webhook_before_our_own_answer_captures_once() -> None:
    one = Scripted("one", lookups=[paid])
    stage = a_runtime(one, holding=a_payment(), notices=[a_notice()])

    def early() -> None:
        hint = stage.attempt().reference.encode()
        stage.change(lambda work: work.save_notice(a_notice(body=hint)))
        notice(NOTICE, stage)

    one.scripts["charge"].append(meanwhile(early, paid))
    charge(PAYMENT, stage)

    assert stage.payment().status is Status.CAPTURED
    assert len(stage.transactions()) == 1
    assert [fact.source for fact in stage.facts()] == [Source.WEBHOOK, Source.ANSWER]


def test_a_duplicate_reads_again_and_changes_nothing() -> None:
    stage = on(one := Scripted("one", lookups=[paid]))
    notice(NOTICE, stage)
    before = stage.payment()
    stage.change(lambda work: work.save_notice(a_notice()))  # a copy re-arms it

    notice(NOTICE, stage)

    assert stage.payment() == before
    assert len(one.calls) == 2
    assert len(stage.transactions()) == 1


def test_law_8_a_copy_that_comes_during_the_read_is_read_for() -> None:
    """It may tell of a change that this read no longer saw."""
    one = Scripted("one")
    stage = on(one)

    def copy() -> None:
        stage.clock.advance(1)
        stage.change(a_copy)

    def a_copy(work: MemoryWork) -> None:
        kept = work.books.notices.get(NOTICE)
        assert kept is not None
        row = replace(kept.row, last_copy_at=stage.clock.now())
        work.books.notices.put(NOTICE, replace(kept, row=row))

    one.scripts["lookup"].extend([meanwhile(copy, Pending("ch_1")), paid])
    notice(NOTICE, stage)
    assert stage.due() == [(Command.NOTICE, NOTICE)]

    notice(NOTICE, stage)
    assert stage.payment().status is Status.CAPTURED
    assert stage.due() == []


def test_webhooks_out_of_order_end_alike() -> None:
    first = on(Scripted("one", lookups=[RequiresAction("ch_1", "u"), paid]))
    second = on(Scripted("one", lookups=[paid, RequiresAction("ch_1", "u")]))
    for stage in (first, second):
        notice(NOTICE, stage)
        stage.change(lambda work: work.save_notice(a_notice()))
        notice(NOTICE, stage)

    assert first.payment().status is second.payment().status is Status.CAPTURED
    assert first.attempt().state is second.attempt().state is State.CAPTURED
    assert first.payment().action_url is second.payment().action_url is None


def test_a_decline_that_is_read_wakes_the_charge() -> None:
    one, two = Scripted("one", lookups=[SOFT]), Scripted("two", paid)
    stage = on(one, two)

    notice(NOTICE, stage)

    assert stage.woken == [(Command.CHARGE, PAYMENT)]
    stage.run_due()
    assert stage.payment().gateway_id == "two"


def test_an_unknown_object_is_looked_for_until_its_window_closes_and_then_parked() -> None:
    stranger = a_notice(body=b"ch_unknown")
    stage = on(one := Scripted("one"), held=stranger)

    notice(NOTICE, stage)
    assert stage.notice().status == "orphan"
    assert stage.notice().due == Due(NOON + timedelta(seconds=5))

    stage.run_on(until=NOON + timedelta(minutes=20))
    assert reason(stage) is Reason.UNKNOWN_OBJECT
    assert stage.clock.now() == NOON + timedelta(seconds=300)
    assert not one.calls


def test_an_object_that_becomes_known_in_time_is_matched() -> None:
    stage = on(Scripted("one", lookups=[paid]), held=a_notice(body=b"ch_7"), provider_id=None)
    notice(NOTICE, stage)
    assert stage.notice().status == "orphan"

    stage.change(
        lambda work: work.save_attempt(an_attempt(state=State.PENDING, provider_id="ch_7"))
    )
    stage.run_on()

    assert stage.notice().status == "processed"
    assert stage.payment().status is Status.CAPTURED


def test_a_reference_that_is_no_id_is_an_unknown_object() -> None:
    stage = on(Scripted("one"), held=a_notice(body=b"zz" * 16))

    notice(NOTICE, stage)

    assert stage.notice().status == "orphan"


def test_an_unreadable_webhook_is_parked_at_once() -> None:
    stage = on(one := Scripted("one"), held=UNREADABLE)

    notice(NOTICE, stage)

    assert reason(stage) is Reason.UNREADABLE
    assert stage.actions() == ["webhook.parked"]
    assert not one.calls


@pytest.mark.parametrize("silence", [NotFound(), Unknown("timed out")])
def test_a_provider_that_does_not_say_is_asked_again_and_in_the_end_a_person(
    silence: Lookup,
) -> None:
    one = Scripted("one", lookups=[silence])
    stage = on(one, policy=Policy(resolve=Schedule((5, 30, 120))))

    notice(NOTICE, stage)
    assert stage.notice().due == Due(NOON + timedelta(seconds=30))
    assert stage.facts() == []

    stage.run_on(until=NOON + timedelta(minutes=10))
    assert reason(stage) is Reason.UNRESOLVED
    assert (stage.notice().tries, len(one.calls)) == (3, 3)


def test_a_provider_that_speaks_again_is_heard() -> None:
    stage = on(Scripted("one", lookups=[Unknown("x"), NotFound(), paid]))

    stage.run_on(until=NOON + timedelta(minutes=10))

    assert stage.payment().status is Status.CAPTURED
    assert stage.notice().status == "processed"


def test_law_12_a_webhook_of_a_gateway_without_an_adapter_waits_and_is_parked_in_the_end() -> None:
    stage = on(Scripted("one"), policy=Policy(resolve=Schedule((5, 30, 120))))
    stage.board.by_id.clear()

    notice(NOTICE, stage)
    assert stage.notice().due == Due(NOON + timedelta(seconds=30))

    stage.run_on(until=NOON + timedelta(minutes=10))
    assert reason(stage) is Reason.UNRESOLVED


def test_a_webhook_that_kills_its_workers_is_parked() -> None:
    stage = on(Scripted("one", lookups=[Killed()]))
    for _ in range(5):
        with pytest.raises(Killed):
            notice(NOTICE, stage)
        stage.clock.advance(60)

    notice(NOTICE, stage)

    assert reason(stage) is Reason.POISON


def test_two_workers_on_one_webhook_read_once() -> None:
    one = Scripted("one")
    stage = on(one)
    one.scripts["lookup"].append(meanwhile(lambda: notice(NOTICE, stage), paid))

    notice(NOTICE, stage)

    assert len(one.calls) == 1
