"""Schedules: those that come with the model hold, and a wrong one says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.__main__ import main
from tests.model.phrases import ACTS, FATES, MISFORTUNES, NATURES, VERBS, Unreadable
from tests.model.plants import PLANTS
from tests.model.schedule import play

FOLDER = Path(__file__).parent
SHIPPED = sorted((FOLDER / "schedules").glob("*.txt"))


@pytest.mark.parametrize("file", SHIPPED, ids=[file.stem for file in SHIPPED])
def test_a_schedule_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schedule", str(file)]) == 0
    assert "no law broken" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("checkout\nprovider one eats the next answer", "provider one eats the next answer"),
        ("provider one: fast", "fast"),
        ("provider two:", "provider two:"),
        ("advance 3 hours", "advance 3 hours"),
        ("expect money", "expect money"),
    ],
)
def test_a_line_that_means_nothing_is_named(text: str, line: str) -> None:
    with pytest.raises(Unreadable, match=line):
        play(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("checkout\nexpect payment is failed", "it is \\['captured'\\]"),
        ("checkout\nin the end nobody is charged", "but 1 were"),
        ("checkout\nworker 2 dies before bytes", "never happened"),
        ("checkout\nat 9h: sweep", "never happened"),
        ("worker 1 goes on", "was not stopped"),
        ("provider one goes on", "has made nothing yet"),
        ("deliver webhook of one", "has nothing to tell"),
    ],
)
def test_what_is_expected_must_be_so_and_what_is_written_must_happen(text: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        play(text)


@pytest.mark.parametrize(
    ("schedule", "mistake"),
    [
        ("lost_answer", "timeout_fails_over"),
        ("killed_between_the_calls", "confirmed_without_a_commit"),
        ("late_success", "late_money_is_kept"),
        ("past_the_key", "keys_last_for_ever"),
        ("payout_between_two_deaths", "timeout_pays_out_again"),
        ("stalled_in_the_window", "margin_is_forgotten"),
        ("two_refunds_and_a_lost_wake", "timeout_refunds_again"),
    ],
)
def test_a_schedule_finds_the_mistake_that_it_is_about(schedule: str, mistake: str) -> None:
    text = (FOLDER / "schedules" / f"{schedule}.txt").read_text(encoding="utf-8")
    with PLANTS[mistake].planted(), pytest.raises(AssertionError, match=r"expected|law|I[37]"):
        play(text)


def test_the_language_is_written_down() -> None:
    told = (FOLDER / "SCHEDULES.md").read_text(encoding="utf-8")

    said = [*MISFORTUNES, *FATES, *ACTS, *VERBS, *NATURES]
    assert [phrase for phrase in said if phrase not in told] == []
    example = told.partition("## An example")[2].split("```")[1]
    play(example)


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.txt"
    file.write_text("checkout\nhope for the best\n", encoding="utf-8")

    assert main(["--schedule", str(file)]) == 2
    assert "hope for the best" in capsys.readouterr().err
