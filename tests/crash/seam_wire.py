"""The seam of the wire: adapters whose calls cross a relay that can break at every byte that counts."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from domain.attempt import Attempt
from domain.outcome import Lookup, Outcome
from domain.ports import Budget
from tests.crash.cells import When
from tests.crash.failpoint import ELSEWHERE, MAKE, MOVE, Failpoint, Step, Struck
from workers.gateways import Adapter, Build, Setup
from workers.gateways.registry import Find

T = TypeVar("T")

PIECE = 64 * 1024
#: Closing with this sends a reset instead of an end: the peer loses the connection.
RESET = struct.pack("ii", 1, 0)


def watched_find(find: Find, failpoint: Failpoint) -> Find:
    """Return what finds the same adapters, but on a relay of this process and watched."""

    def found(provider: str) -> Build:
        build = find(provider)

        def built(setup: Setup) -> Adapter:
            relayed = replace(setup, base_url=relay(setup.base_url, failpoint))
            return cast("Adapter", WatchedAdapter(build(relayed), failpoint))

        return built

    return found


class WatchedAdapter:
    """Says before the first byte of a call may leave, and once its answer is read."""

    def __init__(self, adapter: Adapter, failpoint: Failpoint) -> None:
        self._adapter = adapter
        self._failpoint = failpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._call(attempt, lambda: self._adapter.charge(attempt, budget))

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._call(attempt, lambda: self._adapter.capture(attempt, budget))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._call(attempt, lambda: self._adapter.void(attempt, budget))

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._call(attempt, lambda: self._adapter.refund(attempt, budget))

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        return self._call(attempt, lambda: self._adapter.payout(attempt, budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        return self._call(None, lambda: self._adapter.lookup(attempt, budget))

    def _call(self, attempt: Attempt | None, call: Callable[[], T]) -> T:
        if not self._failpoint.here:
            return call()
        step = MOVE if attempt is None else self._step(attempt)
        self._failpoint.reach(step.sent, When.BEFORE)
        self._failpoint.calling = step
        try:
            found = call()
        finally:
            self._failpoint.calling = None
        self._failpoint.reach(step.read, When.AFTER)
        return found

    def _step(self, attempt: Attempt) -> Step:
        split = self._adapter.declaration.promises[attempt.operation].split
        return MAKE if split and not attempt.confirming else MOVE


def relay(base_url: str, failpoint: Failpoint) -> str:
    """Return the address of a relay in this process that passes everything on to `base_url`."""
    upstream = urlsplit(base_url)
    assert upstream.hostname is not None
    assert upstream.port is not None
    listening = socket.create_server(("127.0.0.1", 0))
    there = (upstream.hostname, upstream.port)

    def accept() -> None:
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_pass_on, args=(client, there, failpoint), daemon=True).start()

    threading.Thread(target=accept, name="relay", daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}{upstream.path}"


def _pass_on(client: socket.socket, there: tuple[str, int], failpoint: Failpoint) -> None:
    with client, suppress(OSError):
        while request := _message(client):
            try:
                if not _exchanged(client, there, request, failpoint):
                    return
            except Struck:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return


def _exchanged(
    client: socket.socket, there: tuple[str, int], request: bytes, failpoint: Failpoint
) -> bool:
    """Pass one request and its answer on. False: the connection ended instead."""
    step = failpoint.calling or ELSEWHERE
    failpoint.reach(step.sent, When.AFTER)
    # Opened only now: a provider closes what says nothing while the bytes are held back here, and
    # then the first copy would never arrive late.
    with socket.create_connection(there) as server:
        server.sendall(request)
        failpoint.reach(step.done, When.BEFORE)
        answer = _message(server)
        if not answer:
            return False
        failpoint.reach(step.done, When.AFTER)
    half = len(answer) // 2
    client.sendall(answer[:half])
    failpoint.reach(step.read, When.BEFORE)
    client.sendall(answer[half:])
    return True


def _message(peer: socket.socket) -> bytes:
    """Read one HTTP message; nothing: the peer has closed."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = peer.recv(PIECE)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return received + _rest(peer, body, lambda body: body.endswith(b"0\r\n\r\n"))
    length = int(fields.get(b"content-length", b"0"))
    return received + _rest(peer, body, lambda body: len(body) >= length)


def _rest(peer: socket.socket, body: bytes, whole: Callable[[bytes], bool]) -> bytes:
    begun = len(body)
    while not whole(body):
        piece = peer.recv(PIECE)
        if not piece:
            break
        body += piece
    return body[begun:]
