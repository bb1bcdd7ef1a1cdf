"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

#: Generous: the machine is shared, and a passing test never waits this long.
LIMIT_S = 30.0
EVERY_S = 0.02

T = TypeVar("T")


def wait_until(condition: Callable[[], T | None], within_s: float = LIMIT_S) -> T:
    """The first true value of the condition; fails when there is none in time."""
    until = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {within_s} s"
        time.sleep(EVERY_S)
    return value


def is_gone(pid: int) -> bool:
    """Whether the process ended; a zombie that nobody collected yet counts as ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def assert_gone(pid: int) -> None:
    """Fail unless the process has ended, or is past its last instruction and about to vanish."""
    wait_until(lambda: is_gone(pid), within_s=1.0)
