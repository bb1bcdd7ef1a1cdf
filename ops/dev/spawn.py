"""Starting a program that logs to a file and cannot outlive us."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

#: A log above this is set aside when its program starts; one older copy is kept.
LOG_LIMIT_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 4096
TAIL_LINES = 15
PR_SET_PDEATHSIG = 1


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    last_signal: signal.Signals,
    cwd: Path | None = None,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, output appended to `log`, nothing to read.

    `env` is its whole environment. When the *thread* that called this ends, the kernel sends
    `last_signal` (Linux), so call it from a thread that lives as long as the program should. If
    we are killed, it is sent once more for every further thread of ours.
    `user` switches user and group; only root can. Raises OSError when it cannot be started.
    """
    with open_log(log) as output:
        return subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            user=user,
            group=user,
            extra_groups=None if user is None else (),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal must reach us alone
            preexec_fn=_die_with_us(last_signal),  # noqa: PLW1509 - it does one system call
        )


def open_log(log: Path) -> BinaryIO:
    """Open for appending, mode 0600, after setting an overgrown one aside as `<name>.log.1`."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def tail(log: Path, since: int = 0) -> str:
    """The last lines of a log, only what was written after byte `since`."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def _die_with_us(last_signal: signal.Signals) -> Callable[[], None] | None:
    """What runs in the child between fork and exec.

    Everything is looked up before the fork: a forked copy of a threaded program may do little
    more than a system call.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != parent:  # we died before the kernel was told
            os._exit(1)

    return in_child
