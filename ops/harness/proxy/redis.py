"""Redis's protocol, as far as the rules need it: whole commands and whole replies, one by one."""

from __future__ import annotations

import threading
from typing import assert_never

from ops.harness.proxy.relay import GoneAway, Line, hush
from ops.harness.proxy.rules import Delay, Loss, RespError, Rules, SqlError, Then

#: Answered by as many messages as there are channels, now and later: nothing is waited for.
_SUBSCRIBING = frozenset({b"SUBSCRIBE", b"PSUBSCRIBE", b"UNSUBSCRIBE", b"PUNSUBSCRIBE"})
#: A command's text holds so much of each argument.
_KEPT = 200
_PUSH = b">"
#: Elements per counted item of an aggregate.
_AGGREGATES = {b"*": 1, b"~": 1, _PUSH: 1, b"%": 2, b"|": 2}
_BULKS = frozenset({b"$", b"=", b"!"})


class RedisTalk:
    """One connection."""

    def __init__(self, client: Line, server: Line, rules: Rules) -> None:
        self._client = client
        self._server = server
        self._rules = rules

    def greet(self) -> None:
        """Nothing comes first."""

    def exchange(self) -> None:
        """Carry one command over, and its reply back."""
        raw, words = _command(self._client)
        text = " ".join(word[:_KEPT].decode(errors="replace") for word in words)
        then = self._rules.meet(text)
        if words[0].upper() in _SUBSCRIBING:
            if then is not None:
                raise GoneAway
            self._server.send(raw)
            return
        self._judge(then, raw)

    def _judge(self, then: Then | None, raw: bytes) -> None:
        match then:
            case None:
                self._client.send(self._asked(raw))
            case Delay(seconds=seconds):
                reply = self._asked(raw)
                threading.Event().wait(seconds)
                self._client.send(reply)
            case Loss.REQUEST:
                raise GoneAway
            case Loss.REPLY:
                self._asked(raw)
                raise GoneAway
            case Loss.SILENCE:
                self._asked(raw)
                hush(self._client)
            case RespError(text=said):
                self._client.send(f"-{said}\r\n".encode())
            case SqlError():
                raise AssertionError("an SQL error among Redis's rules")
            case _:
                assert_never(then)

    def _asked(self, raw: bytes) -> bytes:
        """Return the server's reply; what it says unasked meanwhile goes to the client at once."""
        self._server.send(raw)
        while (reply := _reply(self._server)).startswith(_PUSH):
            self._client.send(reply)
        return reply


def _command(line: Line) -> tuple[bytes, list[bytes]]:
    head = line.read_line()
    assert head.startswith(b"*"), "clients send arrays"
    raw, words = bytearray(head), []
    for _ in range(int(head[1:])):
        size = line.read_line()
        word = line.read(int(size[1:]) + 2)
        raw += size + word
        words.append(word[:-2])
    return bytes(raw), words


def _reply(line: Line) -> bytes:
    head = line.read_line()
    kind = head[:1]
    if kind in _BULKS:
        size = int(head[1:])
        return head if size < 0 else head + line.read(size + 2)
    if kind not in _AGGREGATES:
        return head
    parts = max(0, int(head[1:])) * _AGGREGATES[kind]
    reply = head + b"".join(_reply(line) for _ in range(parts))
    return reply + _reply(line) if kind == b"|" else reply
