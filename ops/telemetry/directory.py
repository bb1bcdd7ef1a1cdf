"""The folder in which a program's processes share their metrics; chosen before metrics are imported."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def own_directory(program: str) -> Iterator[str]:
    """Give this program (and the processes it forks) a folder of its own until the block ends.

    A folder named by the environment is used, and kept.
    """
    if given := os.environ.get(VARIABLE):
        yield given
        return
    folder = tempfile.mkdtemp(prefix=f"paylink-{program}-metrics-")
    os.environ[VARIABLE] = folder
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
