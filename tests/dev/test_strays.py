"""A master and its workers: who is told to end, how often, and what happens to orphans."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.dev.kept import HASTY, MASTER, a_noting, a_program, kept, notes, python
from tests.dev.waiting import assert_gone, wait_until


def test_the_stop_signal_is_sent_once_and_to_the_main_process_only(tmp_path: Path) -> None:
    argv = python(MASTER, tmp_path, "master", "obedient")
    with kept(tmp_path, a_program("master", argv)) as at_work:
        wait_until(lambda: notes(tmp_path, "master"))
        at_work.supervisor.stop()
        at_work.supervisor.stop()
        assert at_work.ended() == 0
    (worker, *signals) = notes(tmp_path, "master")
    assert worker.startswith("worker ")
    assert signals == ["master SIGTERM"]


def test_workers_of_a_killed_master_are_ended_before_it_starts_again(tmp_path: Path) -> None:
    argv = python(MASTER, tmp_path, "master", "obedient")
    with kept(tmp_path, a_program("master", argv)) as at_work:
        worker = int(wait_until(lambda: notes(tmp_path, "master"))[0].split()[1])
        old = at_work.pid("master")
        os.kill(old, signal.SIGKILL)

        at_work.has_said(f"master left processes behind, waiting for them: pid {worker}")
        at_work.new_pid("master", old)
        assert_gone(worker)
        assert notes(tmp_path, "master")[1] == "worker SIGTERM"
        assert at_work.finish() == 0


def test_workers_that_were_told_to_end_are_waited_for_and_not_told_again(tmp_path: Path) -> None:
    with kept(tmp_path, a_noting(tmp_path, "hasty", HASTY)) as at_work:
        at_work.has_said("everything is up")
        at_work.supervisor.stop()
        at_work.has_said("hasty ended with exit code 0")
        at_work.has_said("hasty left processes behind, waiting for them")
        assert notes(tmp_path, "hasty") == ["started", "SIGTERM"]
        (tmp_path / "go").touch()
        assert at_work.ended() == 0
    assert notes(tmp_path, "hasty") == ["started", "SIGTERM"]


def test_a_worker_that_outlives_its_master_is_killed_after_the_limit(tmp_path: Path) -> None:
    argv = python(MASTER, tmp_path, "master", "deaf")
    with kept(tmp_path, a_program("master", argv, stop_timeout_s=0.3)) as at_work:
        worker = int(wait_until(lambda: notes(tmp_path, "master"))[0].split()[1])
        old = at_work.pid("master")
        os.kill(old, signal.SIGKILL)

        at_work.has_said("master: killing what is left of it")
        at_work.new_pid("master", old)
        assert_gone(worker)
        assert notes(tmp_path, "master")[1] == "worker SIGTERM"
