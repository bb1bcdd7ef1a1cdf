"""PostgreSQL's protocol, as far as the rules need it: messages, statement texts, ends of replies.

A client's words up to its next Sync or simple Query are one unit: carried over together, answered up to
ReadyForQuery. COPY is not spoken here.
"""

from __future__ import annotations

import struct
import threading
from typing import assert_never

from ops.harness.proxy.relay import GoneAway, Line, hush
from ops.harness.proxy.rules import STARTUP, Delay, Loss, RespError, Rules, SqlError, Then

#: First words that ask for encryption: answered with "no".
_ENCRYPTION = frozenset({80877103, 80877104})
#: Requests of the server during the log-in that the client has to answer.
_ASKS = frozenset({3, 5, 10, 11})
_READY = b"Z"


class PostgresTalk:
    """One session."""

    def __init__(self, client: Line, server: Line, rules: Rules) -> None:
        self._client = client
        self._server = server
        self._rules = rules
        self._names: dict[bytes, str] = {}
        self._held = bytearray()
        self._texts: list[str] = []
        self._in_transaction = False
        #: What the transaction has said so far.
        self._said = ""

    def greet(self) -> None:
        """Carry the log-in."""
        while True:
            size = self._client.read(4)
            rest = self._client.read(struct.unpack("!i", size)[0] - 4)
            code = struct.unpack("!i", rest[:4])[0]
            if code not in _ENCRYPTION:
                break
            self._client.send(b"N")
        then = self._rules.meet(STARTUP)
        if isinstance(then, SqlError):
            self._client.send(_error(then, "FATAL"))
        if then is not None and not isinstance(then, Delay):
            raise GoneAway
        self._server.send(size + rest)
        while True:
            kind, message = _message(self._server)
            self._client.send(message)
            if kind == _READY:
                return
            if kind == b"R" and struct.unpack("!i", message[5:9])[0] in _ASKS:
                self._server.send(_message(self._client)[1])

    def exchange(self) -> None:
        """Hold the client's next message; at the end of a unit carry it over and back."""
        kind, message = _message(self._client)
        self._held += message
        if kind == b"Q":
            self._texts.append(_text(message[5:-1]))
        elif kind == b"P":
            name, text, _ = message[5:].split(b"\0", 2)
            self._names[name] = _text(text)
        elif kind == b"B":
            _, name, _ = message[5:].split(b"\0", 2)
            self._texts.append(self._names.get(name, ""))
        if kind in b"QS":
            self._unit()
        elif kind in b"HX":  # it may be answered before its unit ends, or is the last word
            self._server.send(bytes(self._held))
            self._held.clear()

    def _unit(self) -> None:
        unit, texts = bytes(self._held), self._texts
        self._held.clear()
        self._texts = []
        met = [self._rules.meet(text, self._said) for text in texts]
        self._judge(next((then for then in met if then is not None), None), unit, texts)
        self._said = f"{self._said} {' '.join(texts)}" if self._in_transaction else ""

    def _judge(self, then: Then | None, unit: bytes, texts: list[str]) -> None:
        match then:
            case None:
                self._client.send(self._asked(unit))
            case Delay(seconds=seconds):
                reply = self._asked(unit)
                threading.Event().wait(seconds)
                self._client.send(reply)
            case Loss.REQUEST:
                raise GoneAway
            case Loss.REPLY:
                self._asked(unit)
                raise GoneAway
            case Loss.SILENCE:
                self._asked(unit)
                hush(self._client)
            case SqlError():
                self._refuse(then, texts)
            case RespError():
                raise AssertionError("a Redis error among PostgreSQL's rules")
            case _:
                assert_never(then)

    def _refuse(self, error: SqlError, texts: list[str]) -> None:
        if error.fatal:
            self._client.send(_error(error, "FATAL"))
            raise GoneAway
        if self._in_transaction:
            # The server's own transaction ends as the client believes: undone, or aborted by what
            # is no statement.
            commits = any(text.upper() == "COMMIT" for text in texts)
            self._asked(_query("ROLLBACK" if commits else "refused by the proxy"))
            self._client.send(_error(error) + (_ready(b"I") if commits else _ready(b"E")))
        else:
            self._client.send(_error(error) + _ready(b"I"))

    def _asked(self, unit: bytes) -> bytes:
        """Return the server's whole reply to a unit."""
        self._server.send(unit)
        reply = bytearray()
        while True:
            kind, message = _message(self._server)
            reply += message
            if kind == _READY:
                self._in_transaction = message[5:6] != b"I"
                return bytes(reply)


def _message(line: Line) -> tuple[bytes, bytes]:
    head = line.read(5)
    return head[:1], head + line.read(struct.unpack("!i", head[1:])[0] - 4)


def _text(raw: bytes) -> str:
    return " ".join(raw.decode(errors="replace").split())


def _framed(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


def _query(text: str) -> bytes:
    return _framed(b"Q", text.encode() + b"\0")


def _ready(status: bytes) -> bytes:
    return _framed(_READY, status)


def _error(error: SqlError, severity: str = "ERROR") -> bytes:
    fields = {"S": severity, "V": severity, "C": error.sqlstate, "M": "said by the proxy"}
    content = b"".join(f"{name}{value}\0".encode() for name, value in fields.items())
    return _framed(b"E", content + b"\0")
