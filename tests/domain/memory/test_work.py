"""Transactions, claims and leases in memory: work is done once, and never half."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import State
from domain.commands import Command
from domain.due import NEVER, Due, Lease, Reason
from domain.errors import LeaseLost, NotFound
from domain.events import Actor, Told, payment_told
from domain.payment import Status
from domain.webhook import Hint
from ops.store.memory.store import MemoryStore, MemoryWork
from ops.store.memory.sweep import sweep
from ops.store.work.session import StaleWrite
from tests.builders import (
    ATTEMPT,
    NOON,
    NOTICE,
    OWNER,
    PAYMENT,
    Clock,
    Scripted,
    Stage,
    a_notice,
    a_payment,
    a_runtime,
    an_attempt,
)

LATER = Due(NOON + timedelta(hours=1))


def on(**rows: Any) -> Stage:
    return a_runtime(Scripted("one"), **({"holding": a_payment()} | rows))


def claimed(stage: Stage, owner: int = OWNER, lease_s: float = 30) -> Any:
    with stage.memory.begin() as work:
        return work.claim_payment(PAYMENT, owner, lease_s)


def test_of_many_workers_exactly_one_gets_the_row() -> None:
    stage = on()
    start = threading.Barrier(16)

    def claim(owner: int) -> bool:
        start.wait(10)
        return claimed(stage, owner) is not None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_a_lease_ends_with_its_time() -> None:
    stage = on()
    first = claimed(stage)
    stage.clock.advance(29)
    assert claimed(stage, 12) is None

    stage.clock.advance(1)
    again = claimed(stage, 12)
    assert (first.lease, again.lease) == (Lease(1, OWNER), Lease(2, 12))
    assert (first.starts, again.starts, again.row.due.starts) == (1, 2, 2)


def test_a_lease_ends_at_once_when_its_owner_is_gone() -> None:
    living = {OWNER}
    stage = on(lives=living.__contains__)
    assert claimed(stage, lease_s=3_600) is not None
    assert claimed(stage, 12) is None

    living.clear()
    assert claimed(stage, 12) is not None


@pytest.mark.parametrize("due", [LATER, NEVER, NEVER.park(NOON, Reason.POISON)])
def test_what_is_not_due_is_not_claimed(due: Due) -> None:
    payment = a_payment(status=Status.PROCESSING, due=due)
    attempt = an_attempt(state=State.PENDING, due=due)
    stage = on(holding=payment, attempts=[attempt], notices=[a_notice(due=due)])

    with stage.memory.begin() as work:
        assert work.claim_payment(PAYMENT, OWNER, 30) is None
        assert work.claim_attempt(ATTEMPT, OWNER, 30) is None
        assert work.claim_notice(NOTICE, OWNER, 30) is None
        assert work.claim_payment(UUID(int=99), OWNER, 30) is None


def test_attempts_and_webhooks_are_claimed_alike() -> None:
    open_ = an_attempt(state=State.PENDING, due=Due(NOON))
    stage = on(attempts=[open_], notices=[a_notice()])

    with stage.memory.begin() as work:
        for claim in (work.claim_attempt, work.claim_notice):
            id_ = ATTEMPT if claim == work.claim_attempt else NOTICE
            assert claim(id_, OWNER, 30) is not None
            assert claim(id_, OWNER, 30) is None
        work.save_attempt(open_)
        work.save_notice(a_notice())
        assert work.claim_attempt(ATTEMPT, OWNER, 30) is not None
        assert work.claim_notice(NOTICE, OWNER, 30) is not None


def test_a_decision_needs_the_current_token_and_a_fact_does_not() -> None:
    stage = on()
    lease = claimed(stage).lease

    stale = Lease(lease.token - 1, OWNER)
    with pytest.raises(LeaseLost), stage.memory.begin() as work:
        work.save_payment(work.lock_payment(PAYMENT), stale)
    with stage.memory.begin() as work:
        saved = work.save_payment(replace(work.lock_payment(PAYMENT), runs=3))

    assert (saved.version, stage.payment().runs) == (2, 3)
    assert stage.lease_until() is not None  # the holder's lease stays as it is
    with stage.memory.begin() as work:
        work.save_payment(work.lock_payment(PAYMENT), lease)
    assert stage.lease_until() is None


def test_a_row_that_changed_under_us_is_not_overwritten() -> None:
    stage = on()
    lease, old = claimed(stage).lease, stage.payment()
    stage.change(lambda work: work.save_payment(old))

    with pytest.raises(StaleWrite):
        stage.change(lambda work: work.save_payment(old))
    with pytest.raises(LeaseLost):
        stage.change(lambda work: work.save_payment(old, lease))


def test_an_exception_undoes_everything() -> None:
    stage = on(attempts=[an_attempt()], notices=[a_notice()])
    before = (stage.payment(), stage.attempt(), stage.notice())

    def all_at_once(work: MemoryWork) -> None:
        work.claim_payment(PAYMENT, OWNER, 30)
        moved = work.lock_payment(PAYMENT).moved(Status.PROCESSING)
        work.save_payment(moved)
        work.save_attempt(replace(before[1], polls=9))
        work.save_notice(a_notice(tries=9))
        work.books.add_payment(a_payment(id=UUID(int=50), order_id="o"))
        work.tell(payment_told(None, moved, Actor.WORKER, "w"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.change(all_at_once)

    assert (stage.payment(), stage.attempt(), stage.notice()) == before
    assert stage.memory.books.payments.get(UUID(int=50)) is None
    assert stage.memory.books.active_payment((before[0].merchant_id, "test", "o")) is None
    assert (stage.actions(), stage.lease_until()) == ([], None)


def test_what_was_told_is_heard_once_it_is_true() -> None:
    clock, heard = Clock(), list[Told]()
    store = MemoryStore(clock.now, committed=heard.extend)
    told = payment_told(None, a_payment(), Actor.WORKER, "w")

    with store.begin() as work:
        work.tell(told)
        assert heard == []
    assert heard == store.books.told == [told]

    def undone() -> None:
        with store.begin() as work:
            work.tell(told)
            work.payment(PAYMENT)

    with pytest.raises(NotFound):
        undone()
    assert heard == [told]


def test_a_transaction_inside_a_transaction_is_refused_and_not_waited_for() -> None:
    stage = on()

    with stage.memory.begin(), pytest.raises(RuntimeError, match="inside"):
        stage.change(lambda work: work.now)

    assert stage.memory.in_transaction is False


def test_time_is_read_once_and_again_with_a_claim_or_a_lock() -> None:
    stage = on()

    with stage.memory.begin() as work:
        assert work.now == NOON
        stage.clock.advance(1)
        assert work.now == NOON
        work.lock_payment(PAYMENT)
        assert work.now == NOON + timedelta(seconds=1)
        stage.clock.advance(1)
        work.claim_payment(PAYMENT, OWNER, 1)
        assert work.now == NOON + timedelta(seconds=2)


def test_what_is_not_there_is_not_found() -> None:
    stage = on()
    with stage.memory.begin() as work:
        for read in (work.payment, work.lock_payment):
            with pytest.raises(NotFound):
                read(UUID(int=99))
        assert work.attempt(UUID(int=99)) is None
        assert work.attempts(UUID(int=99)) == []
        work.save_attempt(an_attempt())
        work.save_notice(a_notice())
    assert len(stage.memory.books.attempts) == len(stage.memory.books.notices) == 0


def test_an_attempt_is_found_by_reference_before_the_providers_id() -> None:
    other = an_attempt(id=UUID(int=9), number=2, state=State.LATE_SUCCESS, provider_id="ch_9")
    stage = on(attempts=[an_attempt(provider_id="ch_3"), other])

    def found(gateway: str, reference: str | None, provider_id: str | None) -> UUID | None:
        with stage.memory.begin() as work:
            attempt = work.find_attempt(gateway, Hint(reference, provider_id, ""))
            return None if attempt is None else attempt.id

    assert found("one", ATTEMPT.hex, "ch_9") == ATTEMPT
    assert found("one", "not an id", "ch_9") == other.id
    assert found("one", None, "ch_3") == ATTEMPT
    assert found("two", ATTEMPT.hex, "ch_3") is None
    assert found("one", None, None) is None
    first = stage.attempt()
    with stage.memory.begin() as work:
        assert work.attempt(ATTEMPT) == first
        assert work.payment(PAYMENT) == stage.payment()


def test_a_copy_that_came_after_the_read_began_re_arms_the_webhook() -> None:
    stage = on(notices=[a_notice(last_copy_at=NOON + timedelta(seconds=5))])
    stage.clock.advance(9)
    read = a_notice(status="processed", due=NEVER, read_began_at=NOON + timedelta(seconds=4))

    stage.change(lambda work: work.save_notice(read))
    assert stage.notice().due == Due(stage.clock.now())

    stage.change(
        lambda work: work.save_notice(replace(read, read_began_at=NOON + timedelta(seconds=6)))
    )
    assert stage.notice().due == NEVER
    assert stage.notice().last_copy_at == NOON + timedelta(seconds=5)


def test_the_sweep_announces_a_due_row_and_then_leaves_it_time() -> None:
    stage = on(attempts=[an_attempt(state=State.PENDING, due=Due(NOON))], notices=[a_notice()])
    assert sweep(stage.memory) == []  # whoever wrote them has just announced them

    stage.clock.advance(5)
    wakes = {(wake.command, wake.row_id) for wake in sweep(stage.memory)}
    assert wakes == {(Command.CHARGE, PAYMENT), (Command.RESOLVE, ATTEMPT)}
    assert sweep(stage.memory) == []


def test_a_backlog_is_announced_more_and_more_rarely() -> None:
    stage = on()
    heard = []
    for _ in range(250):
        if sweep(stage.memory):
            heard.append(stage.clock.passed_s)
        stage.clock.advance(1)

    waits = [after - before for before, after in zip([0.0, *heard], heard, strict=False)]
    assert waits == [5, 5, 10, 20, 40, 60, 60]


def test_a_held_row_is_not_swept_and_a_claim_makes_it_new() -> None:
    stage = on()
    stage.clock.advance(5)
    assert claimed(stage, lease_s=60) is not None
    assert sweep(stage.memory) == []

    stage.clock.advance(60)
    assert [wake.row_id for wake in sweep(stage.memory)] == [PAYMENT]
    assert sweep(stage.memory, batch=0) == []
