"""Rules: which command meets which fault. Values, armed by a test, struck in order."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Loss(StrEnum):
    """What gets lost. Losing anything cuts the connection, but for `SILENCE`."""

    #: It never reaches the server.
    REQUEST = "drop_request"
    #: The server has done it, and nobody hears of it.
    REPLY = "drop_reply"
    #: The same, but the connection stays open and says nothing more: only the client's own time
    #: limit ends it.
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Delay:
    """The server has done it; the reply comes this much later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SqlError:
    """PostgreSQL refuses it. In a transaction that one is aborted; a refused COMMIT is undone."""

    sqlstate: str

    @property
    def fatal(self) -> bool:
        """Whether the server ends the session with it."""
        return self.sqlstate.startswith("08") or self.sqlstate in _FATAL


@dataclass(frozen=True, slots=True)
class RespError:
    """Redis refuses it: the error's line, such as `READONLY You can't write`."""

    text: str


Then: TypeAlias = Loss | Delay | SqlError | RespError

#: Too many connections; a server that is being stopped, has crashed, or is starting.
_FATAL = frozenset({"53300", "57P01", "57P02", "57P03"})

#: What a new connection of PostgreSQL asks for first: a rule may name it like a statement.
STARTUP = "STARTUP"


@dataclass(frozen=True, slots=True)
class Rule:
    """From the `nth` command on that `on` finds, `times` of them meet the fault.

    `on` is a regular expression, searched without regard to case: in a statement's text with single
    blanks, or in a Redis command with all its arguments. `within` is searched in the statements of
    its transaction so far: it tells one COMMIT from another.
    """

    on: str
    then: Then
    nth: int = 1
    times: int = 1
    within: str = ""

    def finds(self, command: str, before: str) -> bool:
        """Whether the rule is about this command, after what its transaction has said before."""
        return all(
            re.search(pattern, text, re.IGNORECASE)
            for pattern, text in ((self.on, command), (self.within, before))
        )


@dataclass(slots=True)
class _Armed:
    rule: Rule
    seen: int = 0


class Rules:
    """The rules in force. Safe for threads: every connection asks here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._struck: list[str] = []

    def arm(self, *rules: Rule) -> None:
        """Put rules in force; they count from now on."""
        with self._lock:
            self._armed += [_Armed(rule) for rule in rules]

    def disarm(self) -> None:
        """Take every rule back, and forget what was struck."""
        with self._lock:
            self._armed.clear()
            self._struck.clear()

    @property
    def struck(self) -> list[str]:
        """The commands that met a fault, in order."""
        with self._lock:
            return list(self._struck)

    def meet(self, command: str, before: str = "") -> Then | None:
        """Return what happens to this command; every rule that finds it counts it."""
        found: Then | None = None
        with self._lock:
            for armed in self._armed:
                rule = armed.rule
                if not rule.finds(command, before):
                    continue
                armed.seen += 1
                if found is None and rule.nth <= armed.seen < rule.nth + rule.times:
                    found = rule.then
            if found is not None:
                self._struck.append(command)
        return found
