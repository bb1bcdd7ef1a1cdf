"""The failpoint: where the one boundary of a cell strikes, in the process that is to suffer it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dramatiq.middleware import MiddlewareError

from domain.commands import Command
from tests.crash.cells import Boundary, Cell, How, When

KILLED = 137
#: A process notices a SIGTERM within milliseconds; it goes on at the boundary only then.
NOTICE_S = 3.0
#: Passing a request on takes milliseconds; a relay that nobody listens to any more ends.
PASS_ON_S = 5.0


class Struck(MiddlewareError):
    """The exception of a cell. Dramatiq lets only its own kind through from what surrounds a run."""


@dataclass(frozen=True, slots=True)
class Step:
    """The boundaries of one call to a provider. None: no cell strikes there."""

    sent: Boundary | None
    done: Boundary | None
    read: Boundary | None


MAKE = Step(Boundary.M8, Boundary.M9, Boundary.M10)
MOVE = Step(Boundary.B8, Boundary.B9, Boundary.B10)
#: A call in another run than the cell's.
ELSEWHERE = Step(None, None, None)


class Failpoint:
    """Strikes once, at its cell's boundary. Shared by the threads of a process; made by its first."""

    def __init__(self, cell: Cell, command: Command | None, report: Callable[[str], None]) -> None:
        """`command`: the runs in which a worker may be struck; None: the process is the door.
        `report` is told "struck" just before it happens."""
        self._cell = cell
        self._command = command
        self._report = report
        self._once = threading.Lock()
        self._here = threading.local()
        self._continued = threading.Event()
        signal.signal(signal.SIGCONT, lambda *_: self._continued.set())
        #: Whether this process has noticed that it is to stop.
        self.told: Callable[[], bool] = lambda: True
        #: The call to the provider that is under way in such a run.
        self.calling: Step | None = None
        self.struck = False
        self._by = threading.current_thread()

    def enter(self, command: Command) -> None:
        """A run of this command begins on this thread."""
        self._here.command = command

    def leave(self) -> None:
        """It is over."""
        self._here.command = None

    @property
    def here(self) -> bool:
        """Whether this thread is where the cell may strike."""
        return self._command is None or self._command is getattr(self._here, "command", None)

    def means(self, command: str) -> bool:
        """Whether the cell strikes in runs of this command."""
        return self._command is not None and self._command.value == command

    def reach(self, boundary: Boundary | None, when: When) -> None:
        """Come to a boundary. Raises `Struck` where the cell says so."""
        if (boundary, when) != (self._cell.boundary, self._cell.when):
            return
        if not self._once.acquire(blocking=False):
            return
        self._by = threading.current_thread()
        self.struck = True
        self._report("struck")
        match self._cell.how:
            case How.KILL:
                os._exit(KILLED)
            case How.TERM:
                os.kill(os.getpid(), signal.SIGTERM)
                self._wait_until_told()
            case How.RAISE:
                raise Struck(self._cell.id)
            case How.HANG:
                os.kill(
                    os.getpid(), signal.SIGSTOP
                )  # the whole process, until somebody continues it

    def over(self) -> None:
        """Whatever was struck has come to its end in this process."""
        if not self.struck:
            return
        if self._by is not threading.current_thread():
            self._by.join(PASS_ON_S)  # a relay still passes on what it held back
        self._report("over")

    def _wait_until_told(self) -> None:
        until, pause = time.monotonic() + NOTICE_S, threading.Event()
        while not self.told():
            assert time.monotonic() < until, "the signal was not noticed"
            pause.wait(0.005)  # signals are handled between two steps of the main thread
