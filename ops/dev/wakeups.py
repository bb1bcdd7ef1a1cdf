"""Waiting in one thread for the end of processes, and for a word from signal handlers."""

from __future__ import annotations

import os
import selectors
import socket
from contextlib import suppress

DRAIN_BYTES = 4096


class Wakeups:
    """What ends a wait early. It says that something happened, not what: look at the state.

    One thread is the point. When a process with several threads is killed, the kernel sends the
    parent-death signal of a child again for each of them, and dramatiq takes the second one as an
    order to drop its work.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)
        self._selector.register(self._inside, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the wait; from a signal handler or any thread, also when all is closed already."""
        with suppress(OSError):  # full: it will wake anyway
            self._outside.send(b"!")

    def watch(self, pid: int) -> bool:
        """Let the end of a child end the wait, once; False where the kernel has no such thing."""
        if not hasattr(os, "pidfd_open"):
            return False
        try:
            self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ)
        except OSError:  # an old kernel, a sandbox, or the child is gone already
            return False
        return True

    def wait(self, at_most_s: float | None) -> None:
        """Return when something happened or the time is over."""
        for key, _ in self._selector.select(at_most_s):
            if key.fileobj is self._inside:
                self._inside.recv(DRAIN_BYTES)
            else:
                self._selector.unregister(key.fileobj)
                os.close(key.fd)

    def close(self) -> None:
        """Give every descriptor back."""
        for key in list(self._selector.get_map().values()):
            if key.fileobj is not self._inside:
                os.close(key.fd)
        self._selector.close()
        self._inside.close()
        self._outside.close()
