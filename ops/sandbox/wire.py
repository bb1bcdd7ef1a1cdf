"""HTTP/1.1 on a raw connection: faults drop, drip and hang where a framework would tidy up."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TypeAlias, cast

import httptools

from ops.sandbox.replies import Answer, ApiError, Dripped, Dropped, Reply

#: The largest request body; the contract's 413.
BODY_LIMIT = 64 * 1024
#: Request line and headers of an honest client stay far below this.
HEAD_LIMIT = 32 * 1024
#: Requests a client may send ahead before we stop reading from it.
PIPELINE_LIMIT = 16
#: An idle kept-alive connection is closed after this; longer than common client pools keep theirs.
IDLE_S = 75.0
#: A request must be complete this long after its first byte.
REQUEST_S = 30.0
#: A client that does not read its answer for this long is dropped.
WRITE_S = 30.0
#: After an early refusal we read and discard this long, so that the refusal is not lost to a reset.
LINGER_S = 2.0


@dataclass(frozen=True, slots=True)
class Request:
    """One complete request. Header names are lower case; `left` is set when the client went."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    left: asyncio.Event
    keep_alive: bool

    async def client_leaves(self, within_ms: int) -> None:
        """Return when the client has gone or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_ms / 1000):
                await self.left.wait()


Handler: TypeAlias = Callable[[Request], Awaitable[Reply]]


def _refusal(status: int, code: str, message: str) -> Answer:
    return ApiError(status, "invalid_request", code, message).answer


@dataclass(frozen=True, slots=True)
class Manners:
    """How one server treats what it will not read."""

    body_limit: int = BODY_LIMIT  #: bytes
    #: The answer to it, from status, code and message.
    refusal: Callable[[int, str, str], Answer] = _refusal


class Connection(asyncio.Protocol):
    """One client connection: parses, calls the handler one request at a time, writes replies."""

    def __init__(
        self, handler: Handler, open_ones: "set[Connection]", limit: int, manners: Manners
    ) -> None:
        self._handler = handler
        self._manners = manners
        self._open_ones = open_ones
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._ready: deque[Request | Answer] = deque()  # an Answer refuses what could not be read
        self._task: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._timer: asyncio.TimerHandle | None = None
        self._deaf = False  # input is discarded: refused, or closing
        self._last = False  # close after the current answer
        self._chunk_bytes = 0
        self._in_head = False
        self._head_bytes = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so
        self._open_ones.add(self)
        if len(self._open_ones) > self._limit:
            self._transport.abort()
            return
        self._arm(IDLE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)
        self._left.set()
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()

    def eof_received(self) -> bool:
        """Note that the client has finished sending; it may still be waiting for its answer."""
        self._left.set()
        self._last = True
        return self._task is not None

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._chunk_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = self._last = True  # what follows is not HTTP: answer this one and close
        except httptools.HttpParserError as error:
            self._refuse(400, f"This is not HTTP/1.1: {error}.")
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._refuse(431, "The request head is too large.")

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, bytearray()
        self._in_head = True
        self._head_bytes = -self._chunk_bytes  # the rest of this chunk belongs to its forerunner
        if self._task is None:
            self._arm(REQUEST_S)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_head = False
        length = self._headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._manners.body_limit:
            self._refuse_body()
        elif self._headers.get("expect", "").lower() == "100-continue" and self._task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._deaf:
            return
        self._body += body
        if len(self._body) > self._manners.body_limit:
            self._refuse_body()

    def on_message_complete(self) -> None:
        if self._deaf:
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        self._ready.append(
            Request(
                method=self._parser.get_method().decode("ascii"),
                path=path,
                query=query,
                headers=self._headers,
                body=bytes(self._body),
                left=self._left,
                keep_alive=(
                    self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
                ),
            )
        )
        if len(self._ready) >= PIPELINE_LIMIT:
            self._transport.pause_reading()
        self._start()

    def finish(self, *, hurry: bool = False) -> None:
        """Close at once when idle, else after the current answer; `hurry` ends its waits."""
        self._last = True
        if hurry:
            self._left.set()
        if self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Close now, whatever is going on."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def _refuse_body(self) -> None:
        self._refuse(413, f"A body may have {self._manners.body_limit} bytes.", "body_too_large")

    def _refuse(self, status: int, message: str, code: str = "invalid_request") -> None:
        if self._deaf:
            return
        self._deaf = True
        self._ready.append(self._manners.refusal(status, code, message))
        self._start()

    def _start(self) -> None:
        if self._task is None:
            self._arm(None)
            self._task = self._loop.create_task(self._answer_all())
            self._task.add_done_callback(self._answered)

    async def _answer_all(self) -> None:
        while self._ready:
            asked = self._ready.popleft()
            if isinstance(asked, Answer):
                await self._send(asked, head_only=False, close=True)
                self._linger()
                return
            reply = await self._handler(asked)
            close = self._last or not asked.keep_alive
            match reply:
                case Dropped():
                    self._transport.abort()
                    return
                case Dripped():
                    await self._drip(reply, asked)
                case Answer():
                    await self._send(reply, head_only=asked.method == "HEAD", close=close)
            if close or self._last or self._transport.is_closing():
                self._deaf = True
                self._transport.close()
                return
            self._transport.resume_reading()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._transport.abort()
            self._loop.call_exception_handler({"message": "a request failed", "exception": error})
        elif self._ready and not self._transport.is_closing():
            self._start()  # it came in between the task's last look and this callback
        elif self._last:
            self._transport.close()
        elif not self._deaf:
            self._arm(IDLE_S)

    async def _send(self, answer: Answer, *, head_only: bool, close: bool) -> None:
        self._transport.write(_encoded(answer, head_only=head_only, close=close))
        if not self._writable.is_set():
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._writable.wait()
            except TimeoutError:
                self._transport.abort()

    async def _drip(self, reply: Dripped, asked: Request) -> None:
        self._last = True
        for byte in _encoded(reply.answer, head_only=False, close=True):
            self._transport.write(bytes((byte,)))
            await asked.client_leaves(reply.every_ms)
            if self._transport.is_closing() or asked.left.is_set():
                return

    def _linger(self) -> None:
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        self._arm(LINGER_S)

    def _arm(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = (
            None if seconds is None else self._loop.call_later(seconds, self._transport.abort)
        )


def _encoded(answer: Answer, *, head_only: bool, close: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Date: {_date(int(time.time()))}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    if close:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if head_only else head + answer.body


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
