"""Refunds, payouts and deleted payment methods are jobs like every other row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.attempt import Operation, State
from domain.commands import Command
from domain.due import NEVER, Lease, Reason
from domain.errors import LeaseLost, NotFound
from ops.presence import Presence
from ops.store.postgres import PostgresWork
from ops.store.sweep import lag_s, parked, sweep
from ops.store.work.session import StaleWrite
from tests.store.books import a_payout, an_attempt, asked_back, paid
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services
#: What claims a row of each table, and the command that the sweep sends for it.
JOBS: dict[str, tuple[Callable[[PostgresWork], Callable[..., Any]], Command]] = {
    "refunds": (lambda work: work.claim_refund, Command.REFUND),
    "payouts": (lambda work: work.claim_payout, Command.PAYOUT),
    "payment_methods": (lambda work: work.claim_detachment, Command.DETACH),
}


@pytest.fixture
def owner(books: Books) -> Iterator[int]:
    presence = Presence(books.url, "test")
    yield presence.owner
    presence.close()


def a_job(books: Books, table: str) -> UUID:
    """Write a due row."""
    if table == "refunds":
        return asked_back(books, *paid(books)).id
    if table == "payouts":
        return a_payout(books).id
    return a_deleted_method(books)


def a_deleted_method(books: Books) -> UUID:
    customer, id_ = books.new_id(), books.new_id()
    books.sql(
        "INSERT INTO customers (id, merchant_id, mode) VALUES (:id, :m, 'test')",
        id=customer,
        m=MERCHANT,
    )
    token = books.vault.seal(b"pm_secret", table="payment_methods", column="token", row=id_.hex)
    books.sql(
        "INSERT INTO payment_methods (id, customer_id, merchant_id, mode, type, gateway_id, token,"
        " request_id, deleted_at, next_run_at, wake_at) VALUES (:id, :c, :m, 'test', 'card', 'one',"
        " :t, 'req-4', now(), now(), now())",
        id=id_,
        c=customer,
        m=MERCHANT,
        t=token,
    )
    return id_


@pytest.mark.parametrize("table", JOBS)
def test_of_many_workers_exactly_one_gets_the_row(books: Books, owner: int, table: str) -> None:
    id_ = a_job(books, table)

    def claim(_: int) -> bool:
        with books.store.begin() as work:
            return JOBS[table][0](work)(id_, owner, 30) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


@pytest.mark.parametrize("table", JOBS)
def test_the_sweep_wakes_the_right_actor_and_leaves_it_time(books: Books, table: str) -> None:
    id_ = a_job(books, table)
    books.sql(f"UPDATE {table} SET wake_at = clock_timestamp()")

    (wake,) = [wake for wake in sweep(books.engine) if wake.row_id == id_]
    assert wake.command is JOBS[table][1]
    assert sweep(books.engine) == []


@pytest.mark.parametrize("table", JOBS)
def test_a_parked_row_is_counted_and_a_late_one_is_the_lag(books: Books, table: str) -> None:
    id_ = a_job(books, table)
    books.sql(
        f"UPDATE {table} SET next_run_at = clock_timestamp() - interval '90 s' WHERE id = :id",
        id=id_,
    )
    assert 89 < lag_s(books.engine) < 120
    books.sql(
        f"UPDATE {table} SET next_run_at = NULL, parked_at = now(), parked_reason = 'poison',"
        " owner = 'operations' WHERE id = :id",
        id=id_,
    )
    assert (lag_s(books.engine), parked(books.engine)) == (0, {"poison": 1})


def test_a_refund_is_saved_one_version_on_while_the_lease_is_ours(books: Books) -> None:
    refund = asked_back(books, *paid(books))
    with books.store.begin() as work:
        claim = work.claim_refund(refund.id, 1, 30)
        assert claim is not None
        assert (claim.starts, claim.row.due.starts) == (1, 1)
    with pytest.raises(LeaseLost), books.store.begin() as work:
        work.save_refund(claim.row, Lease(claim.lease.token - 1, 1))
    with books.store.begin() as work:
        saved = work.save_refund(replace(claim.row, runs=3, due=NEVER), claim.lease)
        assert saved.version == 2
    with pytest.raises(StaleWrite), books.store.begin() as work:
        work.save_refund(claim.row)
    assert books.sql("SELECT runs, lease_until, starts FROM refunds") == [
        {"runs": 3, "lease_until": None, "starts": 0}
    ]


def test_a_payout_is_saved_one_version_on_while_the_lease_is_ours(books: Books) -> None:
    payout = a_payout(books)
    with books.store.begin() as work:
        claim = work.claim_payout(payout.id, 1, 30)
        assert claim is not None
        assert claim.row.destination == payout.destination
        an_hour = claim.row.due.at(work.now + timedelta(hours=1))
    with pytest.raises(LeaseLost), books.store.begin() as work:
        work.save_payout(claim.row, Lease(claim.lease.token - 1, 1))
    with books.store.begin() as work:
        work.save_payout(replace(claim.row, due=an_hour, skipped={"one": "tried"}), claim.lease)
    with books.store.begin() as work:
        assert work.claim_payout(payout.id, 1, 30) is None
        assert work.lock_payout(payout.id).skipped == {"one": "tried"}
        with pytest.raises(NotFound):
            work.lock_payout(books.new_id())


def test_a_forgotten_token_is_forgotten_here_too(books: Books) -> None:
    id_ = a_deleted_method(books)
    with books.store.begin() as work:
        claim = work.claim_detachment(id_, 1, 30)
        assert claim is not None
        assert (claim.row.token, claim.row.gateway_id) == ("pm_secret", "one")
        later = replace(claim.row.due, next_run_at=work.now + timedelta(seconds=5))
        work.save_detachment(replace(claim.row, due=later), claim.lease)
    (row,) = books.sql("SELECT starts, token IS NULL AS gone, lease_until FROM payment_methods")
    assert row == {"starts": 1, "gone": False, "lease_until": None}

    books.sql("UPDATE payment_methods SET next_run_at = now()")
    with books.store.begin() as work:
        again = work.claim_detachment(id_, 1, 30)
        assert again is not None
    with pytest.raises(LeaseLost), books.store.begin() as work:
        work.save_detachment(replace(again.row, due=NEVER), claim.lease)
    with books.store.begin() as work:
        work.save_detachment(replace(again.row, due=NEVER), again.lease)
    assert books.sql("SELECT token, next_run_at FROM payment_methods") == [
        {"token": None, "next_run_at": None}
    ]


def test_a_token_that_nobody_could_have_forgotten_is_kept_for_a_person(books: Books) -> None:
    id_ = a_deleted_method(books)
    with books.store.begin() as work:
        claim = work.claim_detachment(id_, 1, 30)
        assert claim is not None
        stopped = claim.row.due.park(work.now, Reason.UNRESOLVED)
        work.save_detachment(replace(claim.row, due=stopped), claim.lease)
    assert books.sql("SELECT token IS NULL AS gone, parked_reason FROM payment_methods") == [
        {"gone": False, "parked_reason": "unresolved"}
    ]


def test_a_charge_begins_under_its_payments_lease_only(books: Books) -> None:
    payment, charge = paid(books)
    capture = an_attempt(books, Operation.CAPTURE, State.DECLINED, payment_id=payment)
    with books.store.begin() as work:
        known, held = work.attempt(charge), work.attempt(capture)
        assert known is not None
        assert held is not None
        with pytest.raises(ValueError, match="lease"):
            work.add_attempt(replace(known, id=books.new_id(), number=2))
        work.add_attempt(replace(held, id=books.new_id(), number=2, state=State.SENDING))
        assert len(work.attempts(payment)) == 3
