"""What is left of a program whose main process is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from ops.dev import proc


@dataclass(slots=True)
class Strays:
    """The processes that carry a program's mark while it has no main process.

    A killed dramatiq master leaves workers that go on for ever. Each is asked to end once and is
    killed after the stop timeout; until then the program is not started again, so a port or a
    lock of theirs is free by then.
    """

    name: str
    #: `NAME=value` in the environment of all of them; a later run finds them by it too.
    mark: str
    stop_signal: signal.Signals
    stop_timeout_s: float
    say: Callable[[str], None]
    #: How many had to be killed.
    killed: int = 0
    _kill_at: float | None = None

    def gone(self, *, told: bool = False) -> bool:
        """Whether nothing is left; else see to its end and be asked again soon.

        `told`: their main process passed the stop signal on before it ended. A main process of an
        earlier run got the signal when that run died, and does the same.
        """
        pids = proc.marked(self.mark)
        if not pids:
            self._kill_at = None
        elif self._kill_at is None:
            self._kill_at = monotonic() + self.stop_timeout_s
            listed = ", ".join(map(str, pids))
            self.say(f"{self.name} left processes behind, waiting for them: pid {listed}")
            if not told and not any(proc.leads_session(pid) for pid in pids):
                self._send(pids, self.stop_signal)
        elif monotonic() >= self._kill_at:
            self.say(f"{self.name}: killing what is left of it")
            self._kill_at = monotonic() + self.stop_timeout_s
            self.killed += len(pids)
            self._send(pids, signal.SIGKILL)
        return not pids

    @staticmethod
    def _send(pids: tuple[int, ...], number: signal.Signals) -> None:
        for pid in pids:
            proc.send(pid, number)
