"""A program to keep up, and the state of one that is kept."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.dev.server import EmbeddedServer
from ops.dev.spawn import spawn
from ops.dev.strays import Strays

READY_TIMEOUT_S = 60.0
#: Longer than the drain limit of our own programs, which is 25 s.
STOP_TIMEOUT_S = 30.0
#: In the environment of every process of a program: how its strays are found, also by a later run.
MARK = "PAYLINK_PROGRAM"
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
#: Up for this long, the next death counts as the first one again.
STEADY_AFTER_S = 30.0
#: How often a server that was stopped on purpose is asked whether it is wanted again.
ASK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, how to see that it is ready, and how to end it."""

    name: str
    argv: Sequence[str]
    #: Its whole environment.
    env: Mapping[str, str] = field(repr=False)
    #: True once it does its work; False or an OSError is "not yet". It must return within a
    #: second or so: we wait for nothing else meanwhile. None: running is enough.
    ready: Callable[[], bool] | None = None
    ready_timeout_s: float = READY_TIMEOUT_S
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = STOP_TIMEOUT_S


@dataclass(slots=True)
class Child:
    """One thing that is kept up. Moved by the supervisor's thread alone; times are monotonic."""

    name: str
    log: Path
    #: Starts it; None when it is not wanted at the moment.
    launch: Callable[[], subprocess.Popen[bytes] | None]
    #: Asks it once whether it is ready.
    probe: Callable[[], bool] | None
    #: None for a server, which somebody else starts, waits for and ends.
    program: Program | None = None
    #: None where they are somebody else's concern.
    strays: Strays | None = None
    process: subprocess.Popen[bytes] | None = None
    #: Its end wakes the supervisor; otherwise that has to look.
    watched: bool = False
    ready: bool = False
    #: It was not ready in time, and is not yet.
    late: bool = False
    started_at: float = 0.0
    delay_s: float = FIRST_DELAY_S
    #: When to start it (again).
    due_at: float | None = None
    #: Until when it should be ready.
    ready_by: float | None = None
    #: It was asked to end, and is killed then.
    kill_at: float | None = None

    @property
    def stop_timeout_s(self) -> float:
        """How long it may take to end."""
        return self.program.stop_timeout_s if self.program else STOP_TIMEOUT_S

    def strays_gone(self, *, told: bool = False) -> bool:
        """Whether nothing is left of its last life, see `Strays.gone`."""
        return self.strays is None or self.strays.gone(told=told)

    def next_delay_s(self, now: float) -> float:
        """How long to wait after this death; doubles while it keeps dying young."""
        if now - self.started_at >= STEADY_AFTER_S:
            self.delay_s = FIRST_DELAY_S
        delay_s = self.delay_s
        self.delay_s = min(delay_s * 2, LONGEST_DELAY_S)
        return delay_s

    def looks_ready(self) -> bool:
        """Ask its readiness once."""
        try:
            return self.probe is None or self.probe()
        except OSError:
            return False

    def next_times(self) -> tuple[float, ...]:
        """When something is to be done about it, unless something happens first."""
        return tuple(
            time for time in (self.due_at, self.ready_by, self.kill_at) if time is not None
        )


def child_of(program: Program, logs: Path, say: Callable[[str], None]) -> Child:
    """The program, not started yet, logging to `<logs>/<name>.log`."""
    log = logs.absolute() / f"{program.name}.log"

    def launch() -> subprocess.Popen[bytes]:
        env = {**program.env, MARK: str(log)}
        # If we are killed it is asked to end, once, as we would.
        return spawn(program.argv, log=log, env=env, last_signal=program.stop_signal)

    strays = Strays(program.name, f"{MARK}={log}", program.stop_signal, program.stop_timeout_s, say)
    return Child(program.name, log, launch, program.ready, program, strays)


def child_of_server(server: EmbeddedServer) -> Child:
    """A server that runs already: watched, and started again on its port when it dies."""
    return Child(
        server.name,
        server.log,
        server.revive,
        probe=server.answers,
        process=server.process,
        ready=True,
    )


def how_it_ended(code: int) -> str:
    """An exit code as `Popen` gives it, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = next((one.name for one in signal.Signals if one == -code), f"signal {-code}")
    return f"was ended by {name}"
