"""A server of raw sockets: each connection follows a script, and everything received is kept."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

#: A script that waits longer than this for its client is stuck.
PATIENCE_S = 20.0


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return an HTTP/1.1 answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Peer:
    """The server's end of one connection."""

    socket: socket.socket
    server: RawServer

    def request(self) -> bytes:
        """Read one whole request, head and body; empty when the client has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (piece := self.socket.recv(65536)):
                return b""
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(body) < length:
            if not (piece := self.socket.recv(65536)):
                return b""
            body += piece
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return head + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, every_s: float) -> None:
        """Send one byte at a time until the client goes."""
        for byte in data:
            self.send(bytes((byte,)))
            if self.server.stopping.wait(every_s):
                return

    def until_gone(self) -> None:
        """Say nothing until the client leaves."""
        while self.socket.recv(65536):
            pass

    def tls(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self.socket = context.wrap_socket(self.socket, server_side=True)


Script: TypeAlias = Callable[[Peer], None]


def answering(*answers: bytes) -> Script:
    """Answer one request after the other on the same connection, then hang up."""

    def script(peer: Peer) -> None:
        for answer in answers:
            if not peer.request():
                return
            peer.send(answer)

    return script


@dataclass
class RawServer:
    """Connection n follows script n; when they run out, the last one again."""

    scripts: tuple[Script, ...]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.changed = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it is so, at most `PATIENCE_S`."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), f"still waiting: {what}"

    def close(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            thread = threading.Thread(target=self._follow, args=(script, connection), daemon=True)
            self._threads.append(thread)
            with self.changed:
                self.connections += 1
                self.changed.notify_all()
            thread.start()

    def _follow(self, script: Script, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        peer = Peer(connection, self)
        with contextlib.suppress(OSError):  # a client that leaves is part of many scripts
            script(peer)
        peer.socket.close()
        with self.changed:
            self.ended += 1
            self.changed.notify_all()


@contextmanager
def serving(*scripts: Script) -> Iterator[RawServer]:
    """Run a server for the length of a test."""
    server = RawServer(scripts)
    try:
        yield server
    finally:
        server.close()
