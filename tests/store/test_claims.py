"""Due rows, leases and the sweep: work is done once, and never forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.commands import Command
from domain.due import NEVER, Lease, Reason
from domain.errors import LeaseLost
from ops.presence import Presence
from ops.store.sweep import lag_s, parked, sweep
from tests.store.books import a_payment, gone
from tests.store.conftest import Books

pytestmark = pytest.mark.services


def test_of_fifty_workers_exactly_one_gets_the_row(books: Books) -> None:
    id_ = a_payment(books)

    def claim(owner: int) -> bool:
        with books.store.begin() as work:
            return work.claim_payment(id_, owner, 30) is not None

    presence = Presence(books.url, "test")
    try:
        with ThreadPoolExecutor(16) as pool:
            got = list(pool.map(lambda _: claim(presence.owner), range(50)))
    finally:
        presence.close()
    assert sum(got) == 1


def test_a_lease_ends_with_its_time(books: Books) -> None:
    presence = Presence(books.url, "test")
    try:
        id_ = a_payment(books)
        with books.store.begin() as work:
            assert work.claim_payment(id_, presence.owner, 30)
        with books.store.begin() as work:
            assert work.claim_payment(id_, 2, 30) is None
        books.sql("UPDATE payments SET lease_until = clock_timestamp() WHERE id = :id", id=id_)
        with books.store.begin() as work:
            again = work.claim_payment(id_, 2, 30)
    finally:
        presence.close()
    assert again is not None
    assert (again.lease.token, again.starts) == (2, 2)


def test_a_lease_ends_at_once_when_its_owner_is_gone(books: Books) -> None:
    presence = Presence(books.url, "test")
    id_ = a_payment(books)
    with books.store.begin() as work:
        assert work.claim_payment(id_, presence.owner, 3600)
    assert sweep(books.engine) == []
    gone(books, presence)

    with books.store.begin() as work:
        assert work.claim_payment(id_, 2, 30) is not None


def test_a_decision_needs_the_current_token_and_a_fact_does_not(books: Books) -> None:
    id_ = a_payment(books)
    with books.store.begin() as work:
        claim = work.claim_payment(id_, 1, 30)
        assert claim is not None
    stale = Lease(claim.lease.token - 1, 1)
    with pytest.raises(LeaseLost), books.store.begin() as work:
        work.save_payment(work.lock_payment(id_), stale)
    with books.store.begin() as work:
        saved = work.save_payment(replace(work.lock_payment(id_), runs=3))

    assert saved.version == 2


def test_what_is_not_due_is_not_claimed(books: Books) -> None:
    id_ = a_payment(books)
    with books.store.begin() as work:
        payment = work.lock_payment(id_)
        work.save_payment(replace(payment, due=payment.due.at(work.now + timedelta(hours=1))))
    with books.store.begin() as work:
        assert work.claim_payment(id_, 1, 30) is None


def test_the_sweep_announces_a_due_row_and_then_leaves_it_time(books: Books) -> None:
    id_ = a_payment(books)
    assert sweep(books.engine) == []  # accepting has just announced it
    books.sql("UPDATE payments SET wake_at = clock_timestamp()")

    (wake,) = sweep(books.engine)
    assert (wake.command, wake.row_id, wake.request_id) == (Command.SCREEN, id_, "req-1")
    assert sweep(books.engine) == []
    (row,) = books.sql("SELECT wakes, wake_at > clock_timestamp() + '4 s' AS later FROM payments")
    assert row == {"wakes": 1, "later": True}


def test_a_backlog_is_announced_more_and_more_rarely(books: Books) -> None:
    a_payment(books)
    waits = []
    for _ in range(7):
        books.sql("UPDATE payments SET wake_at = clock_timestamp()")
        assert len(sweep(books.engine)) == 1
        (row,) = books.sql(
            "SELECT round(extract(epoch FROM wake_at - clock_timestamp())) AS s FROM payments"
        )
        waits.append(int(str(row["s"])))
    assert waits == [5, 10, 20, 40, 60, 60, 60]


def test_parked_rows_are_counted_and_never_swept(books: Books) -> None:
    id_ = a_payment(books)
    with books.store.begin() as work:
        payment = work.lock_payment(id_)
        work.save_payment(replace(payment, due=payment.due.park(work.now, Reason.POISON)))
    books.sql("UPDATE payments SET wake_at = clock_timestamp()")

    assert sweep(books.engine) == []
    assert parked(books.engine) == {"poison": 1}


def test_the_lag_is_how_overdue_the_oldest_row_is(books: Books) -> None:
    assert lag_s(books.engine) == 0
    id_ = a_payment(books)
    books.sql(
        "UPDATE payments SET next_run_at = clock_timestamp() - interval '90 s' WHERE id = :id",
        id=id_,
    )
    assert 89 < lag_s(books.engine) < 120


def test_a_finished_row_is_no_job(books: Books) -> None:
    id_ = a_payment(books)
    with books.store.begin() as work:
        work.save_payment(replace(work.lock_payment(id_), due=NEVER))
    books.sql("UPDATE payments SET wake_at = clock_timestamp()")
    assert sweep(books.engine) == []


def test_a_lease_is_given_back_without_touching_anything_else(books: Books) -> None:
    presence = Presence(books.url, "test")
    try:
        id_ = a_payment(books)
        with books.store.begin() as work:
            claim = work.claim_payment(id_, presence.owner, 3600)
            assert claim is not None
        with books.store.begin() as work:
            work.release(id_, Lease(claim.lease.token - 1, presence.owner))  # somebody's older one
        with books.store.begin() as work:
            assert work.claim_payment(id_, 2, 30) is None
            work.release(id_, claim.lease)
        with books.store.begin() as work:
            again = work.claim_payment(id_, 2, 30)
    finally:
        presence.close()
    assert again is not None
    assert again.row.version == claim.row.version
