"""Transactions in memory that interleave: what is private, what is waited for, and what then is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Operation, State
from domain.books import Interrupted
from domain.due import NEVER, Lease, Reason
from domain.payment import Mode, Status
from ops.store.memory.locks import Deadlock
from tests.model.differential import opening as at
from tests.model.differential.opening import EPOCH, MERCHANT
from tests.model.differential.ours import Ours
from tests.model.differential.seats import Outcome, Session, roll_back

ONE, TWO = UUID(int=1), UUID(int=2)
PAYMENT = at.PAYMENTS[3]


@pytest.fixture
def side() -> Iterator[Ours]:
    """Three sessions on a payment that is due, each with a transaction open."""
    ours = Ours()
    with ours.store.begin() as work:
        for payment in at.PAYMENTS:
            work.books.add_payment(payment)
    for seat in range(3):
        ours.call(seat, Session.begin)
    yield ours
    ours.close()


def does(side: Ours, seat: int, deed: Callable[[Any], object]) -> Outcome | None:
    """Make a call on a seat's transaction; None: it waits."""
    return side.call(seat, lambda session: deed(session.work))


def commits(side: Ours, seat: int) -> dict[int, Outcome]:
    """End a seat's transaction; return what became of those that waited."""
    assert side.call(seat, lambda session: session.end(None)) == Outcome("done")
    return side.settle()


def saved(change: dict[str, Any]) -> Callable[[Any], object]:
    return lambda work: work.save_payment(replace(PAYMENT, **change)).version


def test_what_is_written_is_seen_by_others_once_it_is_committed(side: Ours) -> None:
    does(side, 0, saved({"runs": 7}))

    assert does(side, 0, lambda work: work.payment(PAYMENT.id).runs) == Outcome("done", 7)
    assert does(side, 1, lambda work: work.payment(PAYMENT.id).runs) == Outcome("done", 0)
    commits(side, 0)
    assert does(side, 1, lambda work: work.payment(PAYMENT.id).runs) == Outcome("done", 7)


def test_a_second_write_waits_and_is_refused_because_the_row_is_another_one(side: Ours) -> None:
    does(side, 0, saved({"runs": 1}))

    assert does(side, 1, saved({"runs": 2})) is None
    assert commits(side, 0) == {1: Outcome("StaleWrite")}


def test_a_second_write_goes_on_when_the_first_is_undone(side: Ours) -> None:
    does(side, 0, saved({"runs": 1}))

    assert does(side, 1, saved({"runs": 2})) is None
    side.call(0, roll_back)
    assert side.settle() == {1: Outcome("done", 2)}


def test_a_claim_that_waited_finds_the_row_taken(side: Ours) -> None:
    side.living.update(at.LIVING)
    claim = does(side, 0, lambda work: work.claim_payment(PAYMENT.id, 11, 30).starts)
    assert claim == Outcome("done", 1)

    assert does(side, 1, lambda work: work.claim_payment(PAYMENT.id, 12, 30)) is None
    assert commits(side, 0) == {1: Outcome("done", None)}
    # As it is committed it is leased: there is nothing to wait for.
    assert does(side, 2, lambda work: work.claim_payment(PAYMENT.id, 12, 30)) == Outcome("done")


def test_an_attempt_cannot_be_written_while_its_payment_is_locked(side: Ours) -> None:
    void = at.an_attempt(900, Operation.VOID, State.SENDING, payment_id=ONE)
    does(side, 0, lambda work: work.lock_payment(ONE).version)

    assert does(side, 1, lambda work: work.add_attempt(void)) is None
    assert commits(side, 0) == {1: Outcome("done")}
    # It points at the payment until its end: that may be written meanwhile, but not locked.
    saves = does(side, 2, lambda work: work.save_payment(at.PAYMENTS[0]).version)
    assert saves == Outcome("done", 2)
    side.call(0, Session.begin)
    assert does(side, 0, lambda work: work.lock_payment(ONE).version) is None
    assert commits(side, 1) == {}
    assert commits(side, 2) == {0: Outcome("done", 2)}


@pytest.mark.parametrize(
    ("end", "second"),
    [(lambda session: session.end(None), "payment_attempts_one_open_hold"), (roll_back, "done")],
    ids=["kept", "undone"],
)
def test_a_rival_of_an_insert_waits_to_see_what_becomes_of_it(
    side: Ours, end: Callable[[Session], None], second: str
) -> None:
    void = at.an_attempt(900, Operation.VOID, State.SENDING, payment_id=ONE)
    capture = at.an_attempt(901, Operation.CAPTURE, State.SENDING, payment_id=ONE)
    does(side, 0, lambda work: work.add_attempt(void))

    assert does(side, 1, lambda work: work.add_attempt(capture)) is None
    side.call(0, end)
    assert side.settle() == {1: Outcome(second)}


def test_a_key_is_won_by_one_and_read_by_the_one_that_waited(side: Ours) -> None:
    def win(work: Any) -> object:
        known = work.win_key(MERCHANT, Mode.TEST, "k", b"f")
        if known is None:
            work.record_key(MERCHANT, Mode.TEST, "k", ONE, at.RECORDED)
        return known and known.resource_id

    assert does(side, 0, win) == Outcome("done")
    assert does(side, 1, win) is None
    assert commits(side, 0) == {1: Outcome("done", ONE)}


def test_a_circle_of_waits_is_broken_where_it_is_closed(side: Ours) -> None:
    does(side, 0, lambda work: work.lock_payment(ONE).version)
    does(side, 1, lambda work: work.lock_payment(TWO).version)

    assert does(side, 0, lambda work: work.lock_payment(TWO).version) is None
    assert does(side, 1, lambda work: work.lock_payment(ONE).version) == Outcome("deadlock")
    assert side.settle() == {0: Outcome("done", 1)}


def test_a_deadlock_is_what_the_flows_know_as_an_interruption() -> None:
    assert issubclass(Deadlock, Interrupted)


def test_the_sweep_passes_over_what_somebody_holds(side: Ours) -> None:
    side.call(2, lambda session: session.end(None))
    does(side, 0, lambda work: work.lock_payment(ONE).version)

    swept = side.call(2, lambda session: sorted(w.row_id.int for w in session.door.sweep()))
    assert swept == Outcome("done", [2, 4])


def test_time_that_passed_in_a_wait_counts_where_the_row_is_looked_at_again(side: Ours) -> None:
    does(side, 0, saved({"due": NEVER.at(EPOCH)}))

    assert does(side, 1, lambda work: (work.lock_payment(PAYMENT.id).version, work.now)[1]) is None
    side.passed_s += 5
    (told,) = commits(side, 0).values()
    assert told.value == side.store.clock()


def test_a_payment_that_is_parked_meanwhile_is_not_begun(side: Ours) -> None:
    does(side, 0, lambda work: work.claim_payment(PAYMENT.id, 11, 30).starts)
    commits(side, 0)
    attempt = at.an_attempt(900, Operation.CHARGE, State.SENDING, payment_id=PAYMENT.id)
    failed = {"status": Status.FAILED, "due": NEVER.park(EPOCH, Reason.POISON)}
    does(side, 1, saved(failed))

    begin = does(side, 2, lambda work: work.begin_attempt(attempt, Lease(1, 11), 30, {}))
    assert begin is None
    assert commits(side, 1) == {2: Outcome("done", None)}
