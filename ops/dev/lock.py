"""One holder per folder: an flock'd file that frees itself when its process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.dev import folder as folders
from ops.dev.errors import AlreadyRunning

LOCK_FILE = "lock"


class FolderLock:
    """Held from `take` to `free`, or to the end of this process, however it ends.

    The file stays: deleting a locked file would let two processes hold two files of one name.
    """

    def __init__(self, folder: Path, holder: str) -> None:
        self._folder = folder
        self._holder = holder
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock; again is nothing. Raises AlreadyRunning, which says who has it."""
        if self._file is not None:
            return
        path = folders.prepare(self._folder) / LOCK_FILE
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise AlreadyRunning(
                f"{self._holder} already runs on {self._folder} (pid {pid}): "
                "stop it, or choose another data folder"
            ) from error
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def free(self) -> None:
        """Give the lock back; again is nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def only_one(folder: Path, holder: str = "paylink up") -> Iterator[None]:
    """Be the only `holder` on this folder. Raises AlreadyRunning."""
    lock = FolderLock(folder, holder)
    lock.take()
    try:
        yield
    finally:
        lock.free()
