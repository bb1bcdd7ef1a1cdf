"""The signals that ask this process to stop, handed to a function instead of killing us."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C; `kill`, init systems and containers; a closed terminal.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals(act: Callable[[str], None]) -> Iterator[None]:
    """Call `act` with the signal's name while the block runs; nothing outside the main thread.

    `act` runs between two instructions of the main thread: it may set a flag or put something
    into a `SimpleQueue`, and take no lock.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        act(signal.Signals(number).name)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        if not (number == signal.SIGHUP and handler is signal.SIG_IGN):  # nohup stays in force
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
