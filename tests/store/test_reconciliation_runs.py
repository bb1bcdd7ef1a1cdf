"""The runs of reconciliation: one a day, one owner each, retried, cut and caught up with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.flows.reconcile import MOST_STARTS
from domain.reconcile import Window
from domain.reconcile_books import Run, Unlisted
from ops.store.reconciliation import StaleRun
from ops.store.reconciliation_reads import ask_runs
from tests.scripted import Scripted
from tests.store.conftest import Books
from tests.store.reconciling import Desk, a_desk, a_sale

pytestmark = pytest.mark.services


@pytest.fixture
def desk(books: Books) -> Desk:
    return a_desk(books)


def test_a_list_that_cannot_be_read_fails_a_persons_run_and_waits_with_the_clocks(
    desk: Desk,
) -> None:
    assert desk.shelf is not None
    desk.shelf.pages = [Unlisted("503")]

    ran = desk.run()

    assert (ran.run.status, ran.run.cause) == ("failed", "503")
    desk.books.sql("UPDATE gateways SET created_at = clock_timestamp() - interval '1 day'")
    for starts in range(1, MOST_STARTS + 1):
        desk.work()
        (daily,) = desk.books.sql(
            "SELECT * FROM reconciliation_runs WHERE asked_by = 'clock' AND gateway_id = 'one'"
        )
        assert daily["starts"] == starts
        assert (daily["status"] == "failed") is (starts == MOST_STARTS)
        desk.books.sql(
            "UPDATE reconciliation_runs SET next_run_at = clock_timestamp() WHERE status = 'due'"
        )


def test_every_day_that_is_over_is_compared_once_and_a_standstill_is_caught_up_with(
    desk: Desk,
) -> None:
    desk.books.sql("UPDATE gateways SET created_at = clock_timestamp() - interval '3 days'")
    assert desk.shelf is not None

    assert desk.work() == 6  # of the two gateways, three days each

    days = desk.books.sql(
        "SELECT since, until FROM reconciliation_runs WHERE gateway_id = 'one' ORDER BY since"
    )
    assert [day["until"] - day["since"] for day in days] == [timedelta(days=1)] * 3  # type: ignore[operator]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert days[-1]["until"] == today
    assert desk.work() == 0


def test_a_day_is_not_compared_before_its_list_is_complete(desk: Desk) -> None:
    desk.books.sql("UPDATE gateways SET created_at = clock_timestamp() - interval '1 day'")
    assert desk.shelf is not None
    desk.shelf.listing = replace(desk.shelf.listing, lag=timedelta(days=1))

    desk.work()

    runs = desk.books.sql("SELECT gateway_id FROM reconciliation_runs")
    assert [row["gateway_id"] for row in runs] == ["two"]


def test_a_run_that_kills_its_workers_is_given_up(desk: Desk) -> None:
    ran = Desk(desk.books, desk.gateway, draining=lambda: True).run()
    desk.books.sql("UPDATE reconciliation_runs SET starts = :n", n=MOST_STARTS)

    assert desk.work() == 1

    after = desk.ran([ran.run.id]).run
    assert (after.status, after.cause) == ("failed", "started too often without a result")


def test_a_gateway_without_an_adapter_is_not_said_to_agree(desk: Desk) -> None:
    a_sale(desk.books)
    elsewhere = Desk(desk.books, Scripted("two"))

    ran = elsewhere.run()

    assert (ran.run.status, ran.run.cause) == ("failed", "the gateway has no adapter here")


def test_a_window_that_holds_too_much_is_cut_in_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.flows.reconcile.MOST_LINES", 1)
    charges = [a_sale(desk.books, f"ch_{n}") for n in range(2)]
    for n, charge in enumerate(charges):
        at = datetime.now(UTC) - timedelta(minutes=10 + 40 * n)
        desk.books.sql(
            "UPDATE payment_attempts SET created_at = :at WHERE id = :id", at=at, id=charge
        )
    with desk.books.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE transactions DISABLE TRIGGER USER")
        db.exec_driver_sql(
            "UPDATE transactions t SET created_at = a.created_at FROM payment_attempts a"
            " WHERE a.id = t.attempt_id"
        )
        db.exec_driver_sql("ALTER TABLE transactions ENABLE TRIGGER USER")

    ran = desk.run()

    assert [run.status for run in ran.runs] == ["done", "done"]
    assert ran.runs[0].until == ran.runs[1].since
    assert ran.open() == [("missing_there", "charge")] * 2


def test_a_run_that_is_interrupted_is_left_to_somebody_else(desk: Desk) -> None:
    a_sale(desk.books)
    ending = Desk(desk.books, desk.gateway, draining=lambda: True)

    ran = ending.run()

    assert (ran.run.status, ran.run.starts) == ("due", 0)
    assert desk.work() == 1
    assert desk.ran([ran.run.id]).run.status == "done"


def test_a_run_has_one_owner_at_a_time_and_two_are_under_way_at_most(desk: Desk) -> None:
    now = datetime.now(UTC)
    with desk.books.engine.begin() as db:
        for _ in range(3):
            window = Window(now - timedelta(hours=1), now)
            ask_runs(db, "one", window, "someone", "", desk.books.new_id)

    claimed = [desk.rolls.claim(60.0) for _ in range(3)]

    first, second, third = claimed
    assert isinstance(first, Run)
    assert isinstance(second, Run)
    assert first.id != second.id
    assert third is None
    desk.books.sql(
        "UPDATE reconciliation_runs SET lease_until = clock_timestamp() WHERE id = :id", id=first.id
    )
    again = desk.rolls.claim(60.0)
    assert isinstance(again, Run)
    assert again.lease_token + first.lease_token >= 2
    assert not desk.rolls.renew(replace(first, lease_token=99), 60.0)
    with pytest.raises(StaleRun):
        desk.rolls.postpone(replace(first, lease_token=99), "late", None)
