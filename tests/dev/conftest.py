"""What the development tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RunPython = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter and write in; pytest's own lie below a private one."""
    folder = Path(tempfile.mkdtemp(prefix="paylink-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run_python() -> Iterator[RunPython]:
    """Start Python on a script text that may import our code; killed at the end at the latest."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, *args: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        python = launcher or (sys.executable,)
        process = subprocess.Popen(
            [*python, "-c", script, *args],
            env=python_env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def python_env() -> dict[str, str]:
    """An environment in which any interpreter of our version finds our code and libraries."""
    path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
