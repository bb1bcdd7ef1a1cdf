"""HTTP for adapters: one exchange under a deadline, and exactly how far it came."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, RemoteDisconnected
from typing import Final, TypeAlias

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_random
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from domain.ports import Budget
from workers.gateways import Unusable
from workers.gateways.paced import (
    Connection,
    Exchange,
    TlsConnection,
    TooLate,
    tls_context,
)

#: The largest answer that is read; a payment is about 1 KiB.
BODY_LIMIT: Final = 1024 * 1024
PIECE: Final = 64 * 1024
#: Idle connections kept per gateway: as many as its calls may run at once by default.
IDLE_LIMIT: Final = 32
#: Common servers hang up after 5 s of silence; a connection that might just be closing is not used.
IDLE_S: Final = 4.0
#: Tries of one call (only where sending twice is harmless), and the pause between them in seconds.
TRIES: Final = 2
PAUSE_S: Final = (0.02, 0.1)
#: Longer causes say no more.
CAUSE_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Not one byte of the request has left: no connection, or the time to send was over."""

    cause: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; no answer began before the end of the connection or the time."""

    cause: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer began and cannot be used: cut, too large, too slow, not HTTP."""

    status: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer as far as HTTP tells: a body without a stated length may be cut unnoticed.

    So nothing may be concluded from a status alone. Header names are lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Reply: TypeAlias = NeverSent | Unanswered | Unreadable | Answer


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


class Wire:
    """HTTP/1.1 to one provider account over kept-alive connections. Safe for threads.

    Redirects are answers like any other. A name is resolved by the system, in its own time: only
    `send_by` bounds what follows it.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`headers` go with every request. Raises `Unusable` for what could never be sent."""
        self._origin = _Origin.read(base_url)
        self._headers = dict(headers)
        if not all(is_sendable(value) for value in self._headers.values()):
            raise Unusable("a header value has characters that HTTP cannot carry")
        try:
            self._tls = tls_context(ca_file) if self._origin.secure else None
        except OSError as error:  # ssl.SSLError is one
            raise Unusable(f"the certificates in {ca_file} cannot be read: {error}") from error
        self._clock = clock
        self._idle: deque[tuple[Connection, float]] = deque()
        self._closed = threading.Event()

    def send(
        self,
        method: str,
        path: str,
        budget: Budget,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        """Make one call, which ends by `budget.deadline`; `path` is quoted already.

        Tried a second time at once if nothing had been sent, and for a GET, which moves no money:
        for the same reason it is bound by the deadline alone.
        """
        reads = method == "GET"
        send_by = budget.deadline if reads else min(budget.send_by, budget.deadline)

        target = self._origin.path + path
        request = _Request(method, target, self._headers | dict(headers), body)

        def once() -> Reply:
            return self._once(request, Exchange(send_by, budget.deadline, self._clock))

        def worth_another(reply: Reply) -> bool:
            harmless = isinstance(reply, NeverSent) or (reads and not isinstance(reply, Answer))
            return harmless and self._clock() < send_by

        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            retry=retry_if_result(worth_another),
            wait=wait_random(*PAUSE_S),
            retry_error_callback=_last,
        )
        return tries(once)

    def close(self) -> None:
        """Close idle connections now, and those in use as soon as their exchange is over."""
        self._closed.set()
        while kept := self._kept():
            kept[0].close()

    def _once(self, request: _Request, exchange: Exchange) -> Reply:
        connection = self._connection(exchange)
        reusable = False
        try:
            reply = _exchanged(connection, exchange, request)
            reusable = isinstance(reply, Answer) and not connection.is_closed
            return reply
        finally:
            if reusable:
                self._keep(connection)
            else:
                connection.close()

    def _connection(self, exchange: Exchange) -> Connection:
        """Take the idle connection used last, if it is fit, else an unconnected one.

        A connection that has something to read between exchanges was closed by the server, or
        carries bytes that are the answer to nothing: both make it unfit.
        """
        while kept := self._kept():
            connection, since = kept
            if self._clock() - since < IDLE_S and connection.is_connected:
                connection.serve(exchange)
                return connection
            connection.close()
        host, port = self._origin.host, self._origin.port
        new: Connection = (
            Connection(host, port)
            if self._tls is None
            else TlsConnection(host, port, ssl_context=self._tls)
        )
        new.serve(exchange)
        return new

    def _kept(self) -> tuple[Connection, float] | None:
        with contextlib.suppress(IndexError):  # another thread may be faster than any check
            return self._idle.pop()
        return None

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) >= IDLE_LIMIT:
            connection.close()
            return
        self._idle.append((connection, self._clock()))
        if self._closed.is_set():  # asked afterwards, so that neither thread can miss the other
            self.close()


def _exchanged(connection: Connection, exchange: Exchange, request: _Request) -> Reply:
    """Send and read. What was thrown, and when, becomes the phase in which it ended."""
    status: int | None = None
    try:
        if connection.is_closed:
            connection.connect()
        connection.request(
            request.method,
            request.target,
            request.body,
            request.headers,
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        status = response.status
        if status < 200:  # the real answer is still to come, and would be taken for the next one's
            return Unreadable(status, "an interim answer that nobody asked for")
        content = _read(response)
    except (TooLate, OSError, HTTPException, HTTPError) as error:
        cause = _told(error)
        if not exchange.started:
            return NeverSent(cause)
        silent = isinstance(error, OSError | RemoteDisconnected)
        return Unanswered(cause) if status is None and silent else Unreadable(status, cause)
    if content is None:
        return Unreadable(status, f"more than {BODY_LIMIT} bytes")
    lower = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status, lower, content)


def _read(response: BaseHTTPResponse) -> bytes | None:
    """Read the body in pieces; None: it is too large, and the rest is not read."""
    content = bytearray()
    while piece := response.read(PIECE):
        content += piece
        if len(content) > BODY_LIMIT:
            return None
    return bytes(content)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:CAUSE_LIMIT]


def _last(state: RetryCallState) -> Reply:
    assert state.outcome is not None
    reply: Reply = state.outcome.result()
    return reply


def is_sendable(value: str) -> bool:
    """Whether a header can carry it as it is."""
    return value.isascii() and value.isprintable() and value == value.strip()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a provider is; `path` goes before every path and does not end in a slash."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, base_url: str) -> _Origin:
        try:
            url = parse_url(base_url)
            host = (url.host or "").strip("[]")
            host.encode("idna")
        except (LocationParseError, UnicodeError) as error:
            raise Unusable(f"the base URL cannot be read: {error}") from error
        if url.scheme not in ("http", "https") or not host or url.auth or url.query or url.fragment:
            raise Unusable("the base URL is http(s)://host[:port][/path] and nothing more")
        secure = url.scheme == "https"
        return cls(secure, host, url.port or (443 if secure else 80), (url.path or "").rstrip("/"))
