"""Raw bytes to the door, for what no polite client would send; and every answer to them."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

#: Whoever gets no answer by then hangs.
PATIENCE_S = 10.0
#: How long a connection that stays open may still bring an answer nobody asked for.
LISTEN_S = 0.3


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer; header names are in lower case, the last of the same name counts."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body's object."""
        return dict(json.loads(self.body))


def said_raw(url: str, request: bytes) -> list[Heard]:
    """Send bytes and return every answer until the door closes or falls silent.

    Fails when there is no answer at all in `PATIENCE_S`: that is a hang.
    """
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    heard: list[Heard] = []
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as line:
        _send(line, request)
        begun = time.monotonic()
        while (answer := _answer(line)) is not None:
            heard.append(answer)
            line.settimeout(LISTEN_S)
        hung = time.monotonic() - begun >= PATIENCE_S
    assert heard or not hung, f"no answer within {PATIENCE_S} s"
    return heard


def one_raw(url: str, request: bytes) -> Heard:
    """Send bytes that must have exactly one answer."""
    heard = said_raw(url, request)
    assert len(heard) == 1, heard
    return heard[0]


def request(
    method: str, target: str, headers: list[bytes], body: bytes = b"", *, counted: bool = True
) -> bytes:
    """Return a request as bytes; the headers are whole lines, and may be anything."""
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: door", *headers]
    if counted:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def chunked(body: bytes, size: int = 16_384) -> bytes:
    """Return a body in chunks, as a sender writes that does not tell its length."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _send(line: socket.socket, request: bytes) -> None:
    """Send what the door takes; it may refuse in the middle, and its answer tells why."""
    with suppress(BrokenPipeError, ConnectionResetError):
        line.sendall(request)


def _answer(line: socket.socket) -> Heard | None:
    """Read one answer; None: no more of them."""
    answer = HTTPResponse(line)
    try:
        answer.begin()
        body = answer.read()
    except (HTTPException, OSError):  # closed, cut off, or silent
        return None
    names = {name.lower(): value for name, value in answer.getheaders()}
    return Heard(answer.status, names, body)
