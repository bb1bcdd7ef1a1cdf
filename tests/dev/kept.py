"""A supervisor at work, and small programs for it to keep up."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.dev.program import Program
from ops.dev.server import EmbeddedServer
from ops.dev.supervisor import Supervisor
from tests.dev.waiting import LIMIT_S, wait_until

#: Ends by the signal, as uvicorn does in the end.
PLAIN = "import signal; signal.pause()"

#: Notes its start and its signals, and ends with 0 on SIGTERM. argv: folder, name.
NOTING = """
import os, signal, sys
folder, name = sys.argv[1:]
def note(what):
    with open(os.path.join(folder, name), "a") as file:
        file.write(f"{what}\\n")
def on_signal(number, frame):
    note(signal.Signals(number).name)
    if number == signal.SIGTERM:
        sys.exit(0)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, on_signal)
note("started")
while True:
    signal.pause()
"""

#: Notes every SIGTERM, and ends after one when a file `go` is in the folder. argv: folder, name.
DRAINING = """
import os, signal, sys, time
folder, name = sys.argv[1:]
asked = False
def note(what):
    with open(os.path.join(folder, name), "a") as file:
        file.write(f"{what}\\n")
def on_term(number, frame):
    global asked
    asked = True
    note("SIGTERM")
signal.signal(signal.SIGTERM, on_term)
note("started")
while not (asked and os.path.exists(os.path.join(folder, 'go'))):
    time.sleep(0.01)
"""

#: A master that passes SIGTERM on to its worker and ends without waiting. The worker is DRAINING.
HASTY = f"""
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
worker = os.fork()
if worker:
    def on_term(number, frame):
        os.kill(worker, number)
        os._exit(0)
    signal.signal(signal.SIGTERM, on_term)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
while worker:
    signal.pause()
{DRAINING}
"""

#: Takes no notice of SIGTERM. argv: folder, name.
STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(os.path.join(*sys.argv[1:]), "a") as file:
    file.write("started\\n")
while True:
    signal.pause()
"""

#: A master with one worker, which it lets go by a word in a pipe and not by a signal. Without its
#: master the worker goes on for ever, as those of dramatiq do. Both note every SIGTERM.
#: argv: folder, name, "obedient" or "deaf".
MASTER = """
import os, signal, sys
folder, name, temper = sys.argv[1:]
ours, theirs = os.pipe()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
worker = os.fork()
who = "master" if worker else "worker"
def note(what):
    with open(os.path.join(folder, name), "a") as file:
        file.write(f"{who} {what}\\n")
def on_term(number, frame):
    note("SIGTERM")
    if worker:
        os.write(theirs, b"x")
        os.waitpid(worker, 0)
        os._exit(0)
    elif temper == "obedient":
        os._exit(0)
signal.signal(signal.SIGTERM, on_term)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
if worker == 0:
    os.close(theirs)
    note(os.getpid())
    if os.read(ours, 1):
        os._exit(0)
while True:
    signal.pause()
"""


def python(script: str, *args: object) -> list[str]:
    """A command line that starts quickly: no site, no environment."""
    return [sys.executable, "-S", "-E", "-c", script, *map(str, args)]


def a_program(
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    ready: Callable[[], bool] | None = None,
    ready_timeout_s: float = LIMIT_S,
    stop_timeout_s: float = LIMIT_S,
) -> Program:
    return Program(
        name,
        argv,
        os.environ if env is None else env,
        ready=ready,
        ready_timeout_s=ready_timeout_s,
        stop_timeout_s=stop_timeout_s,
    )


def a_noting(folder: Path, name: str, script: str = NOTING) -> Program:
    """A program that counts as ready when it takes notes."""
    argv = python(script, folder, name)
    return a_program(name, argv, ready=lambda: "started" in notes(folder, name))


class Kept:
    """A supervisor that runs in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        *programs: Program | Sequence[Program],
        watch: Sequence[EmbeddedServer] = (),
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.said: list[str] = []
        self.times_up = 0
        tell = say or self.said.append
        self.supervisor = Supervisor(programs, tell, folder / "logs", watch, on_up=self._on_up)
        self._result: int | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._thread.start()

    def _run(self) -> None:
        self._result = self.supervisor.run()

    def _on_up(self) -> None:
        self.times_up += 1
        raise BrokenPipeError  # as a banner to a closed terminal would

    def pid(self, name: str) -> int:
        """The process id of a program, once it has one."""
        return wait_until(lambda: self.supervisor.pid(name))

    def new_pid(self, name: str, old: int) -> int:
        """The process id of a program, once it is not the old one."""
        return wait_until(lambda: pid if (pid := self.supervisor.pid(name)) != old else None)

    def has_said(self, *parts: str) -> str:
        """The first line with all these parts, once it was said."""
        return wait_until(
            lambda: next((line for line in self.said if all(part in line for part in parts)), "")
        )

    def ended(self) -> int:
        """What `run` returned, once it has."""
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        assert self._result is not None
        return self._result

    def finish(self) -> int:
        """Stop it and return what `run` returned."""
        self.supervisor.stop()
        return self.ended()


@contextmanager
def kept(
    folder: Path,
    *programs: Program | Sequence[Program],
    watch: Sequence[EmbeddedServer] = (),
    say: Callable[[str], None] | None = None,
) -> Iterator[Kept]:
    """A supervisor at work; whatever the test does, nothing of it is left afterwards."""
    at_work = Kept(folder, *programs, watch=watch, say=say)
    try:
        yield at_work
    finally:
        at_work.finish()


def notes(folder: Path, name: str) -> list[str]:
    """What a noting program wrote so far."""
    file = folder / name
    return file.read_text().splitlines() if file.exists() else []
