"""The supervisor as a process: signals from a terminal, and what is left when it is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.dev.conftest import RunPython
from tests.dev.kept import DRAINING, NOTING, STUBBORN, a_program, kept, notes, python
from tests.dev.waiting import assert_gone, is_gone, wait_until

SUPERVISE = """
import os, signal, sys
from pathlib import Path
from tests.dev.kept import a_program, python
from ops.dev.supervisor import Supervisor
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have it ignored
folder, script = Path(sys.argv[1]), sys.argv[2]
programs = [
    a_program(name, python(script, folder, name),
              ready=lambda name=name: (folder / name).exists())
    for name in ("one", "two")
]
def say(line):
    print(line, flush=True)
    if line == "everything is up":
        print("pids", supervisor.pid("one"), supervisor.pid("two"), flush=True)
supervisor = Supervisor(programs, say, folder / "logs")
result = supervisor.run()
print("handlers", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
sys.exit(result)
"""


def up(run_python: RunPython, folder: Path, script: str = NOTING) -> tuple[int, list[int]]:
    """Start a supervisor of two programs; its process id and theirs."""
    process = run_python(SUPERVISE, str(folder), script)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pids"):
            return process.pid, [int(word) for word in line.split()[1:]]
    raise AssertionError("the supervisor ended before everything was up")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_terminal_group_ends_everything_once(
    tmp_path: Path, run_python: RunPython, number: signal.Signals
) -> None:
    process = run_python(SUPERVISE, str(tmp_path), NOTING)
    assert process.stdout is not None
    wait_until(lambda: "started" in notes(tmp_path, "two"))
    for line in process.stdout:
        if line.startswith("pids"):
            break

    os.killpg(process.pid, number)  # as the terminal does on Ctrl-C
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert output.splitlines() == [
        f"{number.name}: stopping",
        "two ended with exit code 0",
        "one ended with exit code 0",
        "handlers True",
    ]
    assert notes(tmp_path, "one") == notes(tmp_path, "two") == ["started", "SIGTERM"]


def test_a_second_signal_says_what_is_waited_for(tmp_path: Path, run_python: RunPython) -> None:
    process = run_python(SUPERVISE, str(tmp_path), DRAINING)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pids"):
            os.kill(process.pid, signal.SIGINT)
            wait_until(lambda: "SIGTERM" in notes(tmp_path, "two"))
            os.kill(process.pid, signal.SIGINT)
        if line.startswith("stopping already: two has "):
            break
    (tmp_path / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert notes(tmp_path, "one") == notes(tmp_path, "two") == ["started", "SIGTERM"]


def test_the_programs_of_a_killed_supervisor_end(tmp_path: Path, run_python: RunPython) -> None:
    supervisor, programs = up(run_python, tmp_path)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: all(is_gone(pid) for pid in programs))
    assert notes(tmp_path, "one") == notes(tmp_path, "two") == ["started", "SIGTERM"]


def test_what_survived_a_killed_supervisor_is_found_and_ended_by_the_next(
    tmp_path: Path, run_python: RunPython
) -> None:
    supervisor, (one, two) = up(run_python, tmp_path, STUBBORN)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: is_gone(supervisor))
    assert not is_gone(one)

    argv = python(NOTING, tmp_path, "next")
    with kept(
        tmp_path,
        [a_program(name, argv, stop_timeout_s=0.3) for name in ("one", "two")],
    ) as at_work:
        at_work.has_said(f"one left processes behind, waiting for them: pid {one}")
        at_work.has_said("everything is up")
        assert_gone(one)
        assert_gone(two)


def test_what_still_drains_after_a_kill_is_waited_for_and_not_told_again(
    tmp_path: Path, run_python: RunPython
) -> None:
    supervisor, (one, _) = up(run_python, tmp_path, DRAINING)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: "SIGTERM" in notes(tmp_path, "one"))

    with kept(tmp_path, a_program("one", python(NOTING, tmp_path, "next"))) as at_work:
        at_work.has_said(f"one left processes behind, waiting for them: pid {one}")
        (tmp_path / "go").touch()
        at_work.has_said("everything is up")
        assert_gone(one)
    assert notes(tmp_path, "one") == ["started", "SIGTERM"]
