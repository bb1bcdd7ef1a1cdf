"""One holder per folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.dev.errors import AlreadyRunning, FolderUnusable
from ops.dev.lock import FolderLock, only_one
from tests.dev.conftest import RunPython

HOLD = """
import sys, signal
from pathlib import Path
from ops.dev.lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def test_a_second_holder_is_told_who_has_the_folder(tmp_path: Path, run_python: RunPython) -> None:
    holder = run_python(HOLD, str(tmp_path))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(AlreadyRunning, match=rf"paylink up .*{re.escape(str(tmp_path))}.*pid "):
        FolderLock(tmp_path, "paylink up").take()
    second = run_python(HOLD, str(tmp_path))
    output, _ = second.communicate(timeout=30)
    assert second.returncode != 0
    assert f"pid {holder.pid}" in output


def test_the_lock_of_a_killed_holder_frees_itself(tmp_path: Path, run_python: RunPython) -> None:
    holder = run_python(HOLD, str(tmp_path))
    assert holder.stdout is not None
    holder.stdout.readline()

    holder.kill()
    holder.wait()

    with only_one(tmp_path):
        pass


def test_two_locks_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning):
        FolderLock(tmp_path, "another").take()
    FolderLock(tmp_path, "another").take()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("")
    with pytest.raises(FolderUnusable, match=rf"{re.escape(str(in_the_way))}.*another data folder"):
        FolderLock(in_the_way, "anyone").take()
