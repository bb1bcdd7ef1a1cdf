"""The line to the Core API: paths, keys and headers of every request, and reading one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import quote

from domain.attempt import Attempt
from domain.outcome import NotFound, Unknown
from domain.ports import Budget
from workers.gateways.midtrans.answers import ABSENT, FOUND, Went, strange, went
from workers.gateways.midtrans.shapes import Transaction
from workers.gateways.reading import failed
from workers.gateways.wire import (
    Answer,
    NeverSent,
    Reply,
    Unanswered,
    Unreadable,
    Wire,
    is_sendable,
)

CHARGE: Final = "/v2/charge"
CAPTURE: Final = "/v2/capture"
#: Nobody's order: what a probe asks for.
NOBODY: Final = "probe"


@dataclass(frozen=True, slots=True)
class Line:
    """Requests as Midtrans wants them. Safe for threads."""

    wire: Wire

    def post(self, path: str, attempt: Attempt, budget: Budget) -> Reply:
        """Send the stored bytes under the attempt's key.

        The key is 33 characters, and no other call of ours ever has it: Midtrans drops one that is
        too long without a word, and answers one that it knows whatever the path and the body are.
        """
        headers = {"Idempotency-Key": attempt.key()}
        return self._send(path, attempt.request, headers, budget, attempt)

    def change(self, path: str, attempt: Attempt, budget: Budget) -> Reply:
        """Cancel or expire. Twice is once, and a key would only bring an old answer back."""
        return self._send(path, b"{}", {}, budget, attempt)

    def transaction(self, name: str, budget: Budget) -> Transaction | NotFound | Unknown:
        """Read a transaction by its order_id, or by Midtrans' own id. Nothing that goes wrong while
        reading says anything about money."""
        reply = self.wire.send("GET", f"{at(name)}/status", budget, headers={})
        match reply:
            case Answer():
                told = went(reply)
            case NeverSent() | Unanswered() | Unreadable():
                return Unknown(failed(reply))
            case _:
                assert_never(reply)
        if isinstance(told, Unknown):
            return told
        if told.code == ABSENT:
            return NotFound()
        if told.code not in FOUND:
            return Unknown(f"{told.code} refused the look-up")
        return told.transaction or strange(reply)

    def answers(self, budget: Budget) -> bool:
        """Whether Midtrans answers as documented: that there is no such order, or with a refusal."""
        reply = self.wire.send("GET", f"{at(NOBODY)}/status", budget, headers={})
        return isinstance(reply, Answer) and isinstance(went(reply), Went)

    def _send(
        self, path: str, body: bytes, headers: dict[str, str], budget: Budget, made_for: Attempt
    ) -> Reply:
        sent = {"Content-Type": "application/json"} | headers | _traced(made_for)
        return self.wire.send("POST", path, budget, headers=sent, body=body)


def at(name: str) -> str:
    """Return the path of one transaction; its name stays one part of it, whatever is in it."""
    return f"/v2/{quote(name, safe='')}"


def target(attempt: Attempt) -> str:
    """Return Midtrans' id of the charge that the attempt captures, voids or refunds."""
    assert attempt.target is not None, f"a {attempt.operation} without a charge"
    return attempt.target


def _traced(made_for: Attempt) -> dict[str, str]:
    """Our request id, so that Midtrans' people and ours can talk about one call."""
    id_ = made_for.request_id
    return {"X-Request-ID": id_} if id_ and is_sendable(id_) else {}
