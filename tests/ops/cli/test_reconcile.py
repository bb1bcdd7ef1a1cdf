"""The command that reconciles: what it asks the workers for, and every form of its report."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import uuid_utils.compat

from domain.flows.reconcile import reconcile
from domain.money import CURRENCIES, Money
from domain.outcome import Succeeded, Unknown
from domain.ports import Budget
from domain.reconcile import Entry, Listing, Window
from domain.reconcile_books import Listed, Page, Unlisted
from domain.reconcile_ours import Move
from ops.cli.deeds import operator
from ops.store.reconciliation import PostgresRolls
from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services
FORMULA = "=HYPERLINK(1)"


def eur(minor: int) -> Money:
    return Money(minor, CURRENCIES["EUR"])


@dataclass(frozen=True)
class Shelves:
    """Every gateway lists the same."""

    page: Listed

    @property
    def listing(self) -> Listing:
        return Listing(timedelta(0), timedelta(days=31), frozenset(Move))

    def lister(self, gateway_id: str) -> Shelves | None:
        return self if gateway_id == "one" else None

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        return self.page


@contextmanager
def a_worker(
    stage: Stage, entries: Sequence[Entry] = (), page: Listed | None = None
) -> Iterator[None]:
    """Do the runs that become due, as a worker does, until the block ends."""
    shelves = Shelves(page or Page(tuple(entries)))
    rolls = PostgresRolls(stage.engine, uuid_utils.compat.uuid7)
    runtime = stage.runtime(dict.fromkeys(("one", "two"), Unknown("nobody asks")))
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            if not reconcile(rolls, shelves, runtime):
                over.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


def a_sale(stage: Stage) -> tuple[str, UUID]:
    payment = stage.pay({"one": Succeeded("sp_1", eur(12_550))})
    (attempt,) = stage.sql("SELECT id FROM payment_attempts")
    return payment, attempt["id"]


def entry(attempt: UUID, minor: int = 12_550, provider_id: str = "sp_1") -> Entry:
    now = datetime.now(UTC)
    return Entry(Move.CHARGE, provider_id, eur(minor), now, reference=attempt.hex)


def test_books_that_agree_are_exit_code_zero(stage: Stage) -> None:
    _, attempt = a_sale(stage)

    with a_worker(stage, [entry(attempt)]):
        ran = stage.run("reconcile")

    assert "no open discrepancies" in ran.out
    assert "the provider's list" in ran.out
    assert "one question each" in ran.out  # the other gateway has no list
    runs = stage.sql("SELECT * FROM reconciliation_runs")
    assert {run["asked_by"] for run in runs} == {operator()}
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert {run["since"] for run in runs} == {today}


def test_a_discrepancy_is_exit_code_one_and_named_with_its_owner(stage: Stage) -> None:
    payment, attempt = a_sale(stage)

    with a_worker(stage, [entry(attempt, 12_551)]):
        ran = stage.run("reconcile", "--gateway", "one", code=1)

    assert "1 are not resolved" in ran.err
    for said in ("another amount", payment, "125.50", "125.51", "for operations"):
        assert said in ran.out
    assert ("worker", "discrepancy.opened") in [(who, what) for who, what, _ in stage.audit()]
    with a_worker(stage, [entry(attempt)]):
        after = stage.run("reconcile", "--gateway", "one")
    assert "both sides agree" in after.out


def test_the_report_is_json_for_programs(stage: Stage, tmp_path: Path) -> None:
    payment, attempt = a_sale(stage)
    out = tmp_path / "report.json"

    with a_worker(stage, [entry(attempt), entry(attempt, 7, "sp_twin")]):
        stage.run("reconcile", "--gateway", "one", "--format", "json", "--out", str(out), code=1)

    said = json.loads(out.read_bytes())
    (run,) = said["runs"]
    assert (run["gateway"], run["status"], run["method"]) == ("one", "done", "listed")
    assert (run["listed"], run["compared"], run["differing"], said["open"]) == (2, 1, 1, 1)
    (item,) = said["discrepancies"]
    assert (item["kind"], item["payment"]) == ("missing_here", payment)
    assert item["theirs"]["amount"] == 7
    refused = stage.run("reconcile", "--out", str(out), code=2)
    assert "exists" in refused.err


def test_the_report_is_csv_that_no_spreadsheet_takes_for_a_formula(stage: Stage) -> None:
    _, attempt = a_sale(stage)

    with a_worker(stage, [entry(attempt), entry(attempt, 7, FORMULA)]):
        ran = stage.run("reconcile", "--gateway", "one", "--format", "csv", code=1)

    (line,) = csv.DictReader(io.StringIO(ran.out))
    assert (line["kind"], line["provider_id"]) == ("missing_here", f"'{FORMULA}")
    assert (line["theirs_amount"], line["theirs_currency"]) == ("7", "EUR")


def test_a_list_that_cannot_be_read_is_exit_code_one_and_says_so(stage: Stage) -> None:
    with a_worker(stage, page=Unlisted("503 from the provider")):
        ran = stage.run("reconcile", "--gateway", "one", code=1)

    assert "503 from the provider" in ran.err


def test_without_a_worker_the_command_says_what_to_start(stage: Stage) -> None:
    ran = stage.run("reconcile", "--wait", "1", code=1)

    assert "not begun" in ran.err
    assert "start a worker" in ran.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--from", "yesterday"], "no time"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "no window"),
        (["--from", "2019-01-01", "--to", "2026-01-01"], "no window"),
        (["--from", "2999-01-01"], "no window"),
        (["--gateway", "nobody"], "there is no nobody"),
    ],
)
def test_a_wrong_question_is_refused_and_nothing_is_asked(
    stage: Stage, args: list[str], said: str
) -> None:
    assert said in stage.run("reconcile", *args, code=2).err
    assert stage.sql("SELECT * FROM reconciliation_runs") == []


def test_a_day_is_the_whole_day_and_a_time_is_that_time(stage: Stage) -> None:
    hour = ["--from", "2026-03-01T10:00:00Z", "--to", "2026-03-01T12:00:00+01:00"]
    with a_worker(stage):
        for args in (
            ["--from", "2026-03-01"],
            ["--from", "2026-03-01", "--to", "2026-03-01"],
            hour,
        ):
            stage.run("reconcile", "--gateway", "one", *args)

    runs = stage.sql("SELECT until - since AS long FROM reconciliation_runs ORDER BY created_at")
    assert [run["long"] for run in runs] == [*[timedelta(days=1)] * 2, timedelta(hours=1)]
