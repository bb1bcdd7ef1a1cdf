"""The relay: a TCP port before a real server. Each connection has a thread that speaks its protocol."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from ops.harness.proxy.rules import Rules

#: Bytes read at once.
CHUNK = 65_536
#: Connections that may wait to be accepted.
BACKLOG = 128
#: How long a closed relay waits for its threads.
END_S = 5.0


class GoneAway(Exception):
    """One end has left, or is to be left: the connection ends at both."""


class Line:
    """One end of a connection, read by whole parts."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._buffer = bytearray()

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._end.fileno()

    @property
    def waiting(self) -> bool:
        """Whether something was received and not read yet."""
        return bool(self._buffer)

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes. Raises `GoneAway`."""
        while len(self._buffer) < size:
            self._fill()
        return self._taken(size)

    def read_line(self) -> bytes:
        """Return everything up to and with the next CRLF. Raises `GoneAway`."""
        while (found := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        return self._taken(found + 2)

    def read_some(self) -> bytes:
        """Return what is there, at least one byte. Raises `GoneAway`."""
        if not self._buffer:
            self._fill()
        return self._taken(len(self._buffer))

    def send(self, content: bytes) -> None:
        """Send all of it. Raises `GoneAway`."""
        try:
            self._end.sendall(content)
        except OSError:
            raise GoneAway from None

    def _fill(self) -> None:
        try:
            came = self._end.recv(CHUNK)
        except OSError:
            came = b""
        if not came:
            raise GoneAway
        self._buffer += came

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class Talk(Protocol):
    """One conversation between a client and its server."""

    def greet(self) -> None:
        """Carry the first words."""

    def exchange(self) -> None:
        """Carry the client's next word, and the answer if it is to be waited for."""


Speak: TypeAlias = Callable[[Line, Line, Rules], Talk]


class Relay:
    """Passes everything on, but for what the rules say."""

    def __init__(self, speak: Speak, upstream: str) -> None:
        """`upstream` is the URL of the real server; `speak` knows its protocol."""
        self.rules = Rules()
        self._speak = speak
        self._upstream = urlsplit(upstream)
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._refusing = False
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._run(self._accept)

    @property
    def url(self) -> str:
        """The server's URL, with this port in it."""
        host, port = self._listener.getsockname()
        user = self._upstream.netloc.rpartition("@")[0]
        place = f"{user}@{host}:{port}" if user else f"{host}:{port}"
        return urlunsplit(self._upstream._replace(netloc=place))

    def cut(self) -> None:
        """End every connection there is; new ones may come."""
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is not reachable until the block ends."""
        self._refusing = True
        self.cut()
        try:
            yield
        finally:
            self._refusing = False

    def close(self) -> None:
        """End everything."""
        self._closed = True
        with suppress(OSError):  # wakes whoever accepts
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(END_S)

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="relay", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
                continue
            self._run(lambda client=client: self._carry(client))  # type: ignore[misc]

    def _carry(self, client: socket.socket) -> None:
        ends = [client]
        try:
            assert self._upstream.hostname is not None
            assert self._upstream.port is not None
            server = socket.create_connection((self._upstream.hostname, self._upstream.port))
            ends.append(server)
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends.update(ends)
            if not (self._closed or self._refusing):  # it may have been cut before it was listed
                _converse(Line(client), Line(server), self._speak, self.rules)
        except (GoneAway, OSError):
            return
        finally:
            with self._lock:
                self._ends.difference_update(ends)
            for end in ends:
                end.close()


def _converse(client: Line, server: Line, speak: Speak, rules: Rules) -> None:
    """Carry words until an end leaves. Raises `GoneAway`."""
    talk = speak(client, server, rules)
    talk.greet()
    while True:
        if not client.waiting:
            ready, _, _ = select.select([client, server], [], [])
            if server in ready:  # nobody asked: a notice, a published message, or its end
                client.send(server.read_some())
            if client not in ready:
                continue
        talk.exchange()


def hush(client: Line) -> None:
    """Say nothing more until the client leaves. Always ends in `GoneAway`."""
    while True:
        client.read_some()
