"""Bring programs up in order, keep them up, take them down in reverse."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeAlias, assert_never

from ops.dev.errors import DevError
from ops.dev.program import ASK_AGAIN_S, Child, Program, child_of, child_of_server, how_it_ended
from ops.dev.server import EmbeddedServer
from ops.dev.signals import stop_signals
from ops.dev.spawn import tail
from ops.dev.wakeups import Wakeups

READY_EVERY_S = 0.1
STRAYS_EVERY_S = 0.2
#: How soon the end of a child is noticed where the kernel does not tell.
LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class _StopAsked:
    why: str


@dataclass(frozen=True, slots=True)
class _RestartAsked:
    name: str


_Request: TypeAlias = _StopAsked | _RestartAsked


class Supervisor:
    """Keeps a list of programs up until SIGINT, SIGTERM, SIGHUP or `stop()`.

    A program in the list is started when the one before it is ready; the programs of an inner
    list start together. A program that dies is started again, for ever, after 0.5 s doubling to
    10 s. At the end each gets its stop signal once, in its main process only: dramatiq passes it
    on, and takes a second one as an order to drop its work. `watch` are servers that run already
    and outlive us: they are revived, never stopped. `on_up` is called once, in the thread of
    `run`, when everything is ready for the first time.
    """

    def __init__(
        self,
        programs: Sequence[Program | Sequence[Program]],
        say: Callable[[str], None],
        logs: Path,
        watch: Sequence[EmbeddedServer] = (),
        on_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._say: Callable[[str], None] | None = say
        self._on_up = on_up
        self._groups = [
            [
                child_of(one, logs, self._tell)
                for one in ([entry] if isinstance(entry, Program) else entry)
            ]
            for entry in programs
        ]
        self._servers = [child_of_server(server) for server in watch]
        everyone = [child for group in self._groups for child in group]
        self._programs = {child.name: child for child in everyone}
        if len(self._programs) < len(everyone):
            raise ValueError("two programs share a name, and so a log")
        self._everyone = [*self._servers, *everyone]
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._wakeups = Wakeups()
        self._stopping = False
        self._clean = True

    def run(self) -> int:
        """Do it all in this thread; 0 when everything came up and ended cleanly, else 1.

        In the main thread the stop signals are ours meanwhile. Programs end with the thread that
        runs this.
        """
        with (
            closing(self._wakeups),
            stop_signals(lambda name: self._ask(_StopAsked(name))),
        ):
            try:
                for child in self._servers:
                    self._watch(child)
                self._bring_up()
                while not self._stopping:
                    self._turn()
            finally:
                self._stopping = True
                self._take_down()
        return 0 if self._clean else 1

    def stop(self) -> None:
        """Ask `run` to take everything down; from any thread."""
        self._ask(_StopAsked("asked"))

    def restart(self, name: str) -> None:
        """Ask `run` to end a program cleanly and start it again at once; from any thread."""
        if name not in self._programs:
            raise KeyError(name)
        self._ask(_RestartAsked(name))

    def pid(self, name: str) -> int | None:
        """The main process of a program, None while it is down."""
        process = self._programs[name].process
        return process.pid if process else None

    def alive(self) -> frozenset[str]:
        """The programs that are running and ready."""
        return frozenset(
            name for name, child in self._programs.items() if child.process and child.ready
        )

    def _bring_up(self) -> None:
        for group in self._groups:
            now = monotonic()
            for child in group:
                assert child.program is not None
                child.due_at = now
                child.ready_by = now + child.program.ready_timeout_s
            while not self._stopping and not all(child.ready for child in group):
                self._turn()
                for late in (child for child in group if child.late):
                    self._tell(f"giving up; the end of {late.log}:\n{tail(late.log)}")
                    self._clean = False
                    self._stopping = True
            if self._stopping:
                return
        self._tell("everything is up")
        with suppress(OSError):  # what it prints may have no reader any more, see `_tell`
            self._on_up()

    def _take_down(self) -> None:
        killed = self._strays_killed()
        for child in self._everyone:
            child.due_at = child.ready_by = None
        for group in reversed(self._groups):
            for child in group:
                if child.process:
                    self._ask_to_end(child)
            while any(child.process for child in group):
                self._turn()
            while [child for child in group if not child.strays_gone()]:
                self._turn(STRAYS_EVERY_S)
        self._clean = self._clean and self._strays_killed() == killed

    def _ask(self, request: _Request) -> None:
        self._requests.put(request)  # a SimpleQueue, because signal handlers interrupt anything
        self._wakeups.wake()

    def _turn(self, at_most_s: float | None = None) -> None:
        """Wait until something happens or is due, then do all of it."""
        self._wakeups.wait(self._wait_s(at_most_s))
        with suppress(queue.Empty):
            while True:
                self._answer(self._requests.get_nowait())
        for child in self._everyone:
            if child.process and (code := child.process.poll()) is not None:
                self._on_end(child, code)
        self._do_what_is_due()

    def _answer(self, request: _Request) -> None:
        match request:
            case _StopAsked(why):
                self._on_stop(why)
            case _RestartAsked(name):
                self._on_restart(self._programs[name])
            case _:
                assert_never(request)

    def _wait_s(self, at_most_s: float | None) -> float | None:
        now = monotonic()
        waits = [time - now for child in self._everyone for time in child.next_times()]
        if at_most_s is not None:
            waits.append(at_most_s)
        if any(child.process and not child.ready for child in self._everyone):
            waits.append(READY_EVERY_S)
        if any(child.process and not child.watched for child in self._everyone):
            waits.append(LOOK_EVERY_S)
        return max(min(waits), 0.0) if waits else None

    def _do_what_is_due(self) -> None:
        for child in self._everyone:
            now = monotonic()
            if child.due_at is not None and now >= child.due_at and not self._stopping:
                self._start(child)
            if child.process and not child.ready and child.kill_at is None:
                self._look_whether_ready(child)
            if child.ready_by is not None and now >= child.ready_by:
                child.late = True
                child.ready_by = None
                self._tell(f"{child.name} is not ready in time, see {child.log}")
            if child.process and child.kill_at is not None and now >= child.kill_at:
                self._kill(child, child.process)

    def _start(self, child: Child) -> None:
        child.due_at = None
        if not child.strays_gone():
            child.due_at = monotonic() + STRAYS_EVERY_S
            return
        child.started_at = monotonic()
        try:
            child.process = child.launch()
        except (DevError, OSError) as error:
            delay_s = child.next_delay_s(monotonic())
            child.due_at = monotonic() + delay_s
            self._tell(f"{child.name} cannot start, next try in {delay_s:g} s: {error}")
            return
        if child.process is None:
            child.due_at = monotonic() + ASK_AGAIN_S
            return
        if child.ready_by is None and child.program:
            child.ready_by = child.started_at + child.program.ready_timeout_s
        self._watch(child)

    def _watch(self, child: Child) -> None:
        child.watched = child.process is not None and self._wakeups.watch(child.process.pid)

    def _look_whether_ready(self, child: Child) -> None:
        if child.process and child.looks_ready():
            child.ready = True
            child.late = False
            child.ready_by = None
            took_s = monotonic() - child.started_at
            self._tell(f"{child.name} is up (pid {child.process.pid}, {took_s:.1f} s)")

    def _on_end(self, child: Child, code: int) -> None:
        now = monotonic()
        asked = child.kill_at is not None
        child.process = child.kill_at = None
        child.ready = False
        child.strays_gone(told=asked)
        if self._stopping:
            # Some programs, uvicorn among them, finish and then end by the signal they were sent.
            by_signal = asked and child.program and code == -child.program.stop_signal
            self._clean = self._clean and (code == 0 or bool(by_signal) or child.program is None)
            self._tell(f"{child.name} {how_it_ended(code)}")
        elif asked:
            child.due_at = now
        else:
            delay_s = child.next_delay_s(now)
            child.due_at = now + delay_s
            self._tell(
                f"{child.name} {how_it_ended(code)}: starting it again in {delay_s:g} s, see {child.log}"
            )

    def _on_stop(self, why: str) -> None:
        if not self._stopping:
            self._stopping = True
            self._tell(f"{why}: stopping")
            return
        for child in self._everyone:
            if child.kill_at is not None:
                left_s = max(child.kill_at - monotonic(), 0)
                self._tell(f"stopping already: {child.name} has {left_s:.0f} s left")

    def _on_restart(self, child: Child) -> None:
        if self._stopping or child.kill_at is not None:
            return
        if child.process:
            self._ask_to_end(child)
        elif child.due_at is not None:
            child.due_at = monotonic()

    def _ask_to_end(self, child: Child) -> None:
        if child.process and child.kill_at is None:
            assert child.program is not None
            child.kill_at = monotonic() + child.stop_timeout_s
            child.process.send_signal(child.program.stop_signal)

    def _kill(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        child.kill_at = monotonic() + child.stop_timeout_s  # not once per turn
        self._clean = self._clean and not self._stopping
        self._tell(f"{child.name} did not end in {child.stop_timeout_s:g} s: killing it")
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # its session is its own

    def _strays_killed(self) -> int:
        return sum(child.strays.killed for child in self._programs.values() if child.strays)

    def _tell(self, text: str) -> None:
        if self._say is None:
            return
        try:
            self._say(text)
        except OSError:  # the terminal is gone: that must not keep programs alive
            self._say = None
