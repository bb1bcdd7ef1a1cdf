"""The short storm ends clean, and with a planted bug it does not: a verdict that bites."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops.harness.sabotage import SABOTAGES

pytestmark = pytest.mark.e2e

#: A run ends by itself long before.
LIMIT_S = 600
FAULTS = (
    *("lost", "doubled", "unaudited", "stuck"),
    *("wrong_sums", "unwritten", "expired_keys", "unexplained"),
)


def chaos(folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run the command as `make chaos` does; return its exit code, its result, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.harness.chaos", "--folder", str(folder), *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    said = done.stdout + done.stderr
    result = folder / "chaos.json"
    assert result.exists(), said
    return done.returncode, json.loads(result.read_text()), said


def test_a_short_storm_loses_nothing_and_charges_nobody_twice(tmp_path: Path) -> None:
    code, result, said = chaos(tmp_path, "--short", "--seed", "2026")

    assert code == 0, said
    assert {name: result[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert result["parked"] == 0
    assert result["transient"]["met"] > 0
    assert result["transient"]["rate"] >= 0.95
    assert result["client"]["unanswered"] == 0
    # It was a storm, and not a calm day.
    assert result["judged"]["payments"] > 250
    assert len({blow["what"] for blow in result["blows"] if not blow["why_not"]}) >= 10
    assert sum(result["faults_struck"].values()) > 20
    assert result["client"]["errors"]


@pytest.mark.parametrize("name", ["failover-on-unknown"])
def test_a_planted_bug_makes_the_verdict_fail(tmp_path: Path, name: str) -> None:
    code, result, said = chaos(tmp_path, "--sabotage", name, "--seed", "7")

    assert code == 1, said
    assert result["doubled"] > 0
    assert any("captured 2 times" in one for one in result["findings"]["doubled"])


def test_every_planted_bug_has_a_name_that_the_command_takes() -> None:
    assert sorted(SABOTAGES) == ["failover-on-unknown", "forgotten-audit", "fresh-key-on-retry"]
