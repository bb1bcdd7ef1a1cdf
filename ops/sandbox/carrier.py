"""Posts one webhook over a kept-alive connection and returns the status; follows nothing."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools

#: Connect, send and the answer's head together; the provider does not wait longer.
ANSWER_WITHIN_S = 5.0
#: Connections kept for the next webhook.
IDLE_CONNECTIONS = 32
#: What we read of an answer; its body means nothing to us.
ANSWER_LIMIT = 64 * 1024


class DeliveryError(Exception):
    """No answer came: no connection, a reset, nonsense, or too late."""


class _Reading:
    """Callbacks of the response parser."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""
        self.complete = False
        self.keep_alive = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        # An interim answer (1xx) is followed by the real one on the same parser.
        if self.status is not None and self.status >= 200:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()


class _Link:
    """One connection to the receiver."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.used = False
        self.reusable = False

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send; return status and body. ConnectionError if the peer went before any answer."""
        self.reusable = False
        self._writer.write(request)
        reading, seen = _Reading(), 0
        while not reading.complete and seen < ANSWER_LIMIT:
            data = await self._reader.read(16 * 1024)
            if not data:
                break
            seen += len(data)
            reading.feed(data)
        if reading.status is None:
            raise ConnectionResetError("closed without an answer")
        self.used = True
        self.reusable = reading.complete and reading.keep_alive
        return reading.status, reading.body

    def close(self) -> None:
        self._writer.close()


class Carrier:
    """Posts to one URL."""

    def __init__(self, url: str, within_s: float = ANSWER_WITHIN_S) -> None:
        self._within_s = within_s
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
        self._idle: list[_Link] = []

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Return the receiver's HTTP status. DeliveryError if there is none in time."""
        status, _ = await self.ask(body, headers)
        return status

    async def ask(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the receiver's HTTP status and body. DeliveryError if there is none in time."""
        head = self._head + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body
        try:
            async with asyncio.timeout(self._within_s):
                return await self._post(request)
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            raise DeliveryError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().close()

    async def _post(self, request: bytes) -> tuple[int, bytes]:
        if self._idle:
            # It may have been closed while idle. A webhook may arrive twice, so send it again.
            with contextlib.suppress(OSError):
                return await self._exchange(self._idle.pop(), request)
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return await self._exchange(_Link(reader, writer), request)

    async def _exchange(self, link: _Link, request: bytes) -> tuple[int, bytes]:
        try:
            return await link.exchange(request)
        finally:
            if link.reusable and len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(link)
            else:
                link.close()
