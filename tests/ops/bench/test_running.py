"""Running: which benches run, what is written, and the exit code."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.bench import __main__ as running
from ops.bench.figures import RATIO, CannotRun, Figure, Goal, Options, Tell


def measured(options: Options, tell: Tell) -> Iterator[Figure]:
    """A bench whose goal is missed."""
    tell("measuring")
    assert options.folder.is_dir()
    yield Figure("reads.rate", "1/s", [1.0], [2.0], {"cpu_us": 7.0}, [Goal(RATIO, least=0.8)])


def missing(options: Options, tell: Tell) -> Iterator[Figure]:
    """A bench that cannot run."""
    yield Figure("accept.rate", "1/s", [5.0])
    raise CannotRun("no PostgreSQL here")


def broken(options: Options, tell: Tell) -> Iterator[Figure]:
    """A bench with a bug."""
    yield Figure("inflight.lost", "payments", [0.0])
    raise ZeroDivisionError("a bug of the bench")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    benches = {
        "ops.bench.reads": measured,
        "ops.bench.accept": missing,
        "ops.bench.inflight": broken,
    }

    def found(name: str) -> Any:
        if name not in benches:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return SimpleNamespace(run=benches[name])

    monkeypatch.setattr(running, "RESULTS", tmp_path / "bench")
    monkeypatch.setattr(importlib, "import_module", found)
    return tmp_path


def test_a_missed_goal_is_marked_and_no_failure(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running.main(["--only", "reads", "--short", "--folder", str(place)]) == 0
    printed = capsys.readouterr().out
    assert any(
        {"reads.rate", "0.8", "0.5", "missed"} <= set(line.split()) for line in printed.splitlines()
    )
    written = json.loads((place / "bench" / "latest.json").read_text())
    assert written["reads.rate"]["ratio"] == 0.5
    assert written["reads.rate"]["cpu_us"] == 7.0
    assert written["reads.rate"]["run"]["rounds"] == 2
    assert [one.name for one in place.iterdir()] == ["bench"]  # its servers' folder is gone


def test_what_cannot_be_run_is_said_and_the_others_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "accept", "--only", "verify", "--only", "reads", "--folder", str(place)]
    assert running.main(words) == 1
    printed = capsys.readouterr().out
    assert "accept could not be run: no PostgreSQL here" in printed
    assert "verify could not be run" in printed
    written = json.loads((place / "bench" / "latest.json").read_text())
    assert written.keys() == {"accept.rate", "reads.rate"}


def test_a_bug_in_one_bench_costs_nothing_of_the_others(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "inflight", "--only", "reads", "--folder", str(place)]
    assert running.main(words) == 1
    assert "ZeroDivisionError: a bug of the bench" in capsys.readouterr().out
    written = json.loads((place / "bench" / "latest.json").read_text())
    assert written.keys() == {"inflight.lost", "reads.rate"}


def test_earlier_figures_stay(place: Path) -> None:
    where = place / "bench" / "latest.json"
    where.parent.mkdir()
    where.write_text('{"payment.cpu": {"ours": 1}}')
    running.main(["--only", "reads", "--folder", str(place)])
    assert json.loads(where.read_text()).keys() == {"payment.cpu", "reads.rate"}


def test_the_third_run_says_whether_all_of_them_agree(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "reads", "--short", "--folder", str(place)]
    for said in ("one run", "2 runs that agree", "3 runs that agree", "3 runs that agree"):
        running.main(words)
        assert f"{said}: reads.rate" in capsys.readouterr().out.splitlines()
    written = json.loads((place / "bench" / "latest.json").read_text())
    assert len(written["reads.rate"]["earlier"]) == 2


@pytest.mark.parametrize("words", [["--only", "nothing"], ["--rounds", "-1"], ["--seconds", "-2"]])
def test_nonsense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        running.main(words)
    assert refused.value.code == 2
