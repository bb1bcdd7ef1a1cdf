"""A run passes only if everything is as it has to be, and says what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.harness.chaos.counts import Transient
from ops.harness.chaos.migration import Migrated
from ops.harness.chaos.options import parsed
from ops.harness.chaos.result import FILE, Result
from ops.harness.chaos.shop import Tally
from ops.harness.verdict import Finding, ParkedRow, Verdict

ONE = (Finding("pay_1", "is wrong"),)
PARKED = ParkedRow("att_1", "unresolved", "operations", "a statement")


def a_result(**changes: Any) -> Result:
    """A run in which all went well."""
    quiet = Result(
        options=parsed(["--seed", "1"]),
        verdict=Verdict(judged=(("payments", 3),)),
        tally=Tally(),
        settled=True,
        unknowable=[PARKED],
        parked=[],
        transient=Transient(met=20, well=18, declined=2),
        moved=[],
        refunds=[],
        recoveries=[],
        migrations=[Migrated(whole=True, waited_s=0.4)],
        struck=[],
        faults={("sandbox-a", "hang"): 1_500, ("stripe-eu", "hang"): 500},
        took_s=1.0,
        cpu_s=(1.0, 2.0),
    )
    return replace(quiet, **changes)


def test_all_well_passes_although_rows_are_parked_about_which_nobody_can_know(
    tmp_path: Path,
) -> None:
    result = a_result()

    assert result.passed
    written = json.loads(result.write(tmp_path).read_text())
    assert (tmp_path / FILE).exists()
    assert (written["passed"], written["seed"], written["lost"]) == (True, 1, 0)
    assert (written["parked"], written["parked_unknowable"]) == (0, 1)
    assert written["faults_struck"] == {"hang": 2_000}


@pytest.mark.parametrize(
    "name", [field for field, found in Verdict().faults.items() if found == ()]
)
def test_any_fault_of_the_verdict_fails_the_run(tmp_path: Path, name: str) -> None:
    found: dict[str, Any] = {name: ONE}
    result = a_result(verdict=Verdict(**found))

    assert result.failures == [f"1 {name}"]
    written = json.loads(result.write(tmp_path).read_text())
    assert written[name] == 1
    assert written["findings"] == {name: ["pay_1: is wrong"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parked": [PARKED]}, "1 parked although"),
        ({"verdict": Verdict(waiting=ONE)}, "1 wait"),
        ({"transient": Transient(met=100, well=94, declined=0)}, "94.0% only"),
        ({"tally": Tally(unanswered=1)}, "1 requests were never answered"),
        ({"tally": Tally(two_answers=["/v1/payments"])}, "not alike"),
        ({"tally": Tally(crashes=["KeyError('id')"])}, "the harness itself failed"),
        ({"settled": False}, "did not settle"),
        ({"faults": {("sandbox-a", "hang"): 1_999}}, "only 20.0% as many faults"),
        ({"migrations": [Migrated(whole=True, waited_s=1.2)]}, "wait 1.2 s"),
        ({"migrations": [Migrated(whole=False)]}, "a migration"),
    ],
)
def test_what_is_not_good_enough_is_said(changes: dict[str, Any], said: str) -> None:
    result = a_result(**changes)

    assert not result.passed
    (why,) = result.failures
    assert said in why


def test_the_rate_of_retries_leaves_out_what_a_bank_declined() -> None:
    assert Transient(met=10, well=8, declined=2).rate == 1.0
    assert Transient(met=0, well=0, declined=0).rate == 1.0
    assert Transient(met=10, well=8, declined=0).rate == 0.8
