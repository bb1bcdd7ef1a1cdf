"""The family: the test's side of the nursery: orders children, hears of them, ends them."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.crash.orders import Order

ROOT = Path(__file__).parents[2]
#: A child is ready within a second, unless the machine has none to spare.
READY_S = 60.0
#: Lines of a log that are shown, without what a resting worker says.
TAIL = 25
NOISE = "Restarting consumer"


class NotHeard(Exception):
    """A child did not say or do something in time."""


class Child:
    """One child, by what was heard of it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._heard: list[str] = []
        self._changed = threading.Condition()

    def hear(self, what: str) -> None:
        """Take a line that the nursery or the child has said."""
        with self._changed:
            self._heard.append(what)
            self._changed.notify_all()

    def has(self, what: str) -> str | None:
        """Return the last thing heard that begins with this word."""
        with self._changed:
            found = [heard for heard in self._heard if heard.split()[0] == what]
        return found[-1] if found else None

    def wait(self, what: str, within_s: float) -> str:
        """Return what was said once it begins with this word. Raises `NotHeard`."""
        until = time.monotonic() + within_s
        with self._changed:
            while (heard := self._found(what)) is None:
                left_s = until - time.monotonic()
                if left_s <= 0 or (what != "ended" and self._found("ended")):
                    raise NotHeard(f"no {what!r} in {within_s:g} s, only {self._heard}")
                self._changed.wait(left_s)
        return heard

    def forget(self, what: str) -> None:
        """Forget what was said with this word, because it is to be said again."""
        with self._changed:
            self._heard = [heard for heard in self._heard if heard.split()[0] != what]

    @property
    def alive(self) -> bool:
        """Whether its end was not heard of."""
        return self.has("ended") is None

    def port(self) -> int:
        """Return where this door listens."""
        return int(self.wait("ready", READY_S).split()[1])

    def exit_code(self, within_s: float) -> int:
        """Wait for its end. Negative: the signal that ended it."""
        return int(self.wait("ended", within_s).split()[1])

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(int(self.wait("pid", READY_S).split()[1]), number)

    def kill(self) -> None:
        """End it now."""
        self.signal(signal.SIGKILL)
        self.exit_code(READY_S)

    def tail(self) -> str:
        """Return the end of its log."""
        with suppress(FileNotFoundError):
            lines = Path(self.order.log).read_text().splitlines()
            return "\n".join([line for line in lines if NOISE not in line][-TAIL:])
        return ""

    def _found(self, what: str) -> str | None:
        return next((heard for heard in self._heard if heard.split()[0] == what), None)


class Family:
    """The nursery's children. Safe for threads."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._said = process.stdin, process.stdout
        self._numbers = itertools.count()
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._listen, name="family", daemon=True)
        self._thread.start()

    def order(self, order: Order) -> Child:
        """Have a child made; what it says comes by and by."""
        child = Child(order)
        with self._lock:
            number = next(self._numbers)
            self._children[number] = child
            self._orders.write(order.to_line(number))
            self._orders.flush()
        return child

    def ready(self, order: Order) -> Child:
        """Have a child made and wait until it is ready. Raises `NotHeard`."""
        child = self.order(order)
        child.wait("ready", READY_S)
        return child

    def _listen(self) -> None:
        for line in self._said:
            heard = json.loads(line)
            with self._lock:
                child = self._children[heard["child"]]
            child.hear(heard["said"])


@contextmanager
def a_family(environ: Mapping[str, str], log: Path) -> Iterator[Family]:
    """Start a nursery; with the block end all its children."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    try:
        yield Family(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)
