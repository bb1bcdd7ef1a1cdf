"""One server program on a loopback port of its own: started, waited for, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar

from ops.dev import folder as folders
from ops.dev import proc
from ops.dev.errors import ServerFailed
from ops.dev.lock import FolderLock
from ops.dev.ports import is_free, remembered_port
from ops.dev.spawn import spawn, tail

#: Recovery after a crash replays the log first; on a busy machine that takes its time.
START_LIMIT_S = 60.0
#: A clean stop writes everything out; past this the kill is safe, and recovery does the rest.
STOP_LIMIT_S = 30.0
#: What a killed server leaves behind notices within milliseconds.
LEFTOVER_LIMIT_S = 10.0
PROBE_EVERY_S = 0.05
#: Somebody may take the port between our choice and the server's own bind.
PORT_TRIES = 3
#: All a server needs of our environment: no PGDATA, no secret.
KEPT_ENV = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


class EmbeddedServer(ABC):
    """The part that PostgreSQL and Redis share.

    The folder is the data folder of the whole installation; the server owns `<folder>/<name>` and
    logs to `<folder>/logs/<name>.log`. Port and password are kept there, so the URL survives a
    restart. Every method may be called from any thread, but the server ends with the thread that
    started it.
    """

    name: ClassVar[str]
    #: The signal that asks for a clean and quick end.
    last_signal: ClassVar[signal.Signals]
    #: What /proc calls the server program.
    programs: ClassVar[frozenset[str]]

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder.absolute()
        self.home = self.folder / self.name
        self.log = self.folder / "logs" / f"{self.name}.log"
        self._say = say
        self._turn = threading.RLock()
        self._lock = FolderLock(self.home, self.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._port = 0
        self._password = ""
        self._log_start = 0

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The last server process, living or not."""
        return self._process

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, password included; known once the server was begun."""

    def begin(self) -> None:
        """Start the server without waiting for its answer; nothing when it runs.

        Raises DevError.
        """
        with self._turn:
            if self._running() is not None:
                return
            folders.prepare(self.folder)
            self._lock.take()
            try:
                self._end_leftovers()
                self._prepare()
                self._port = remembered_port(self.home / "port", self.name, self._say)
                self._launch()
            except BaseException:
                self._lock.free()
                raise

    def start(self) -> str:
        """Start the server, wait until it truly answers, return its URL. Raises DevError."""
        with self._turn:
            for left in reversed(range(PORT_TRIES)):
                self.begin()
                try:
                    self._await_answer()
                except ServerFailed:
                    port_was_lost = self._running() is None and not is_free(self._port)
                    if not (left and port_was_lost):
                        self.stop()
                        raise
                else:
                    break
            return self.url

    def stop(self) -> None:
        """End the server cleanly and free its folder; nothing when it does not run."""
        with self._turn:
            self._wanted = False
            if process := self._running():
                process.send_signal(self.last_signal)
                try:
                    process.wait(STOP_LIMIT_S)
                except subprocess.TimeoutExpired:
                    self._say(f"{self.name} did not stop in {STOP_LIMIT_S:.0f} s: killed")
                    process.kill()
                    process.wait()
            self._lock.free()

    def restart(self) -> str:
        """Stop and start, on the same port when nobody took it meanwhile. Raises DevError."""
        with self._turn:
            self.stop()
            return self.start()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL), and wait until every part of it is gone."""
        with self._turn:
            if process := self._running():
                process.kill()
                process.wait()
            self._end_leftovers()

    def revive(self) -> subprocess.Popen[bytes] | None:
        """For a supervisor: the living process, a new one if it died; None while it is stopped.

        The port stays: the programs around have it in their settings. Raises DevError.
        """
        if not self._turn.acquire(blocking=False):
            return None  # somebody is stopping or starting it just now
        try:
            if not self._wanted:
                return None
            if self._running() is None:
                self._end_leftovers()
                self._prepare()
                self._launch()
            return self._process
        finally:
            self._turn.release()

    def answers(self) -> bool:
        """Whether it answers now; within seconds."""
        return self._complaint() is None

    @abstractmethod
    def _prepare(self) -> None:
        """Make files and password ready; `home` exists."""

    @abstractmethod
    def _argv(self) -> Sequence[str]:
        """The command line for `_port`."""

    @abstractmethod
    def _complaint(self) -> str | None:
        """Ask the server something: None when it answered, else why it did not yet."""

    @abstractmethod
    def _data(self) -> Path:
        """The folder in which the running server works."""

    @property
    def _user(self) -> int | None:
        """The user to switch to, None to stay who we are."""
        return None

    def _running(self) -> subprocess.Popen[bytes] | None:
        return self._process if self._process and self._process.poll() is None else None

    def _launch(self) -> None:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._spawn(self._argv())
        self._wanted = True

    def _spawn(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in KEPT_ENV if name in os.environ}
        return spawn(
            argv,
            log=self.log,
            env={**kept, "LC_ALL": "C"},
            last_signal=self.last_signal,
            cwd=self.home,
            user=self._user,
        )

    def _await_answer(self) -> None:
        assert self._process is not None
        until = monotonic() + START_LIMIT_S
        while True:
            try:
                code = self._process.wait(PROBE_EVERY_S)
            except subprocess.TimeoutExpired:
                complaint = self._complaint()
            else:
                raise self._failed(f"ended with exit code {code}")
            if complaint is None:
                return
            if monotonic() > until:
                raise self._failed(f"did not answer in {START_LIMIT_S:.0f} s ({complaint})")

    def _failed(self, how: str) -> ServerFailed:
        return ServerFailed(
            f"{self.name} {how}; {self.log} says:\n{tail(self.log, self._log_start)}"
        )

    def _end_leftovers(self) -> None:
        """End what a killed run left in our data. We hold the lock: nobody else's is among them."""
        for last, how in ((self.last_signal, "stopping"), (signal.SIGKILL, "killing")):
            pids = self._leftovers()
            if not pids:
                return
            if not self._wanted:
                listed = ", ".join(map(str, pids))
                self._say(f"{how} {self.name} of an earlier run on {self.home} (pid {listed})")
            for pid in pids:
                if proc.parent(pid) not in pids:  # its own children it stops itself
                    proc.send(pid, last)
            until = monotonic() + LEFTOVER_LIMIT_S
            while self._leftovers() and monotonic() < until:
                sleep(PROBE_EVERY_S)
        if pids := self._leftovers():
            raise ServerFailed(
                f"{self.name} of an earlier run does not end (pid {pids[0]}): kill it"
            )

    def _leftovers(self) -> tuple[int, ...]:
        return proc.working_in(self._data(), self.programs)
