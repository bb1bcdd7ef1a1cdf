"""Connections whose every wait ends with the exchange they serve, and that know what has left."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

#: Connecting, TLS included: a provider in another continent needs a tenth of it.
CONNECT_S: Final = 2.0
#: Addresses of one name that are tried; together they share `CONNECT_S`.
ADDRESSES: Final = 4
#: A handshake for which no time is left gets this, because zero would mean not to wait at all.
MOMENT_S: Final = 0.001


class TooLate(Exception):
    """The first byte may no longer leave."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer: how long it may take, and whether a byte of it may have left.

    `send_by` and `deadline` are seconds on `clock`.
    """

    send_by: float
    deadline: float
    clock: Callable[[], float]
    started: bool = False

    def departs(self) -> float:
        """Note that bytes leave now; return how long that may take (seconds).

        Raises `TooLate` where it would be the first byte, and `TimeoutError` past the deadline.
        """
        left_s = self.left_s()
        if not self.started and self.clock() >= self.send_by:
            raise TooLate("the time to send was over before the first byte left")
        self.started = True
        return left_s

    def left_s(self) -> float:
        """Return what is left until the deadline (seconds). Raises `TimeoutError` past it."""
        left_s = self.deadline - self.clock()
        if left_s <= 0:
            raise TimeoutError("the deadline has passed")
        return left_s


class PlainSocket(socket.socket):
    """Waits no longer than its exchange, however few bytes at a time the peer sends."""

    exchange: Exchange

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        self.settimeout(self.exchange.departs())
        super().sendall(data, flags)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(self.exchange.left_s())
        return super().recv_into(buffer, nbytes, flags)


class TlsSocket(ssl.SSLSocket):
    """The same under TLS; the handshake comes before and is not counted as sending."""

    exchange: Exchange

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        self.settimeout(self.exchange.departs())
        return super().send(data, flags)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(self.exchange.left_s())
        return super().recv_into(buffer, nbytes, flags)


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return what verifies a provider: TLS 1.2 at least, its certificate, its name.

    `ca_file` (PEM) replaces the system's authorities, for providers with their own.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsSocket
    return context


class Connection(HTTPConnection):
    """One connection that serves one exchange after another."""

    exchange: Exchange

    def serve(self, exchange: Exchange) -> None:
        """Begin another exchange."""
        self.exchange = exchange
        if self.sock is not None:
            assert isinstance(self.sock, PlainSocket | TlsSocket)
            self.sock.exchange = exchange

    def connect(self) -> None:
        super().connect()
        self.serve(self.exchange)

    def _new_conn(self) -> socket.socket:
        return _dialled(self.host, self.port, self.exchange)


class TlsConnection(Connection, HTTPSConnection):
    """The same with TLS; what `tls_context` returns belongs into `ssl_context`."""


def _dialled(host: str, port: int, exchange: Exchange) -> PlainSocket:
    """Connect to the first address that answers; what is left of the time is the handshake's.

    Each address gets its share, so that one that swallows everything does not hide a good one.
    """
    until = min(exchange.clock() + CONNECT_S, exchange.send_by, exchange.deadline)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:ADDRESSES]
    error: OSError = TimeoutError("no time was left to connect")
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        left_s = until - exchange.clock()
        if left_s <= 0:
            break
        plain = PlainSocket(family, kind, protocol)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(left_s / (len(found) - tried))
            plain.connect(address)
            plain.settimeout(max(until - exchange.clock(), MOMENT_S))
        except OSError as failed:
            error = failed
            plain.close()
        else:
            return plain
    raise error
