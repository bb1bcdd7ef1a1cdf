"""What is decided later: written down, so that a restart does not forget it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ops.sandbox.stage import lines
from ops.sandbox.stage.lines import Line


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is due at a time (seconds since the epoch)."""

    id: str
    what: str
    object: str
    at_s: float


@dataclass
class Timers:
    """Calls `fire` for each timer once, and for those of an earlier process."""

    fire: Callable[[Timer], None]
    _open: dict[str, Timer] = field(default_factory=dict)
    _closed: bool = False

    def replay(self, line: Line) -> None:
        """Learn from one ledger line at start."""
        if line.kind == lines.TIMER:
            timer = line.holds(Timer)
            self._open[timer.id] = timer
        elif line.kind == lines.TIMER_DONE:
            self._open.pop(line.holds(str), None)

    def start(self) -> None:
        """Set what was left over."""
        for timer in self._open.values():
            self.set(timer)
        self._open.clear()

    def set(self, timer: Timer) -> None:
        """Fire when it is due."""
        delay_s = max(0.0, timer.at_s - time.time())
        asyncio.get_running_loop().call_later(delay_s, self._due, timer)

    def close(self) -> None:
        """Fire no more; what is due meanwhile is done by the next process."""
        self._closed = True

    def _due(self, timer: Timer) -> None:
        if not self._closed:
            self.fire(timer)
