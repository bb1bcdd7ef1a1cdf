"""The line to one account at a bank: every request signed, every answer proven to be the bank's."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol, TypeAlias, assert_never

from domain.outcome import Unknown
from domain.ports import Budget
from workers.gateways import Setup, Unusable
from workers.gateways.reading import failed, retry_after_s
from workers.gateways.soapbank.envelopes import Faulted, Said, answer, fault
from workers.gateways.soapbank.requests import NAMESPACE, STATUS
from workers.gateways.wire import Answer, NeverSent, Unanswered, Unreadable, Wire, is_sendable

#: The bank's one endpoint, below the base URL.
PATH: Final = "/soapbank"
#: How far the clocks of two sides may be apart, in seconds.
TOLERANCE_S: Final = 300
#: Digits of a time in seconds, for the next thirty thousand years.
TIME_DIGITS: Final = 12
#: The one fault that comes unsigned: the bank does not know whose secret it would be signed with.
UNSIGNED: Final = "Client.AUTH"

KEY_ID: Final = "X-Bank-Key-Id"
TIMESTAMP: Final = "X-Bank-Timestamp"
SIGNATURE: Final = "X-Bank-Signature"

#: `Unknown`: no answer, one that is not documented, or one that is not proven to be the bank's.
Heard: TypeAlias = Said | Faulted | NeverSent | Unknown


class Traced(Protocol):
    """What a request is made for."""

    @property
    def request_id(self) -> str:
        """The request of ours that it goes back to."""


class Line:
    """Requests as the bank wants them. Safe for threads."""

    def __init__(self, setup: Setup) -> None:
        """Raises `Unusable`."""
        key_id, secret = (setup.credentials.get(name) for name in ("key_id", "secret"))
        if not key_id or not secret:
            raise Unusable("the credentials need a key_id and a secret")
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        path = setup.settings.get("path", PATH)
        if not (isinstance(path, str) and path.startswith("/") and is_sendable(path)):
            raise Unusable("path is the endpoint's path below the base URL and begins with a slash")
        self._path = path
        self._secret = secret.encode()
        headers = {KEY_ID: key_id, "Content-Type": "text/xml; charset=utf-8"}
        self._wire = Wire(setup.base_url, headers, ca_file=ca_file)

    def post(
        self, operation: str, body: bytes, budget: Budget, made_for: Traced | None = None
    ) -> Heard:
        """Send the bytes as they are, signed now, and return what is proven to be the answer."""
        now = str(int(time.time()))
        headers = {
            "SOAPAction": f'"{NAMESPACE}#{operation}"',
            TIMESTAMP: now,
            SIGNATURE: self._mac(now, body).hex(),
        }
        reply = self._wire.send(
            "POST", self._path, budget, headers=headers | _traced(made_for), body=body
        )
        match reply:
            case NeverSent():
                return reply
            case Unanswered() | Unreadable():
                return Unknown(failed(reply))
            case Answer():
                return self._heard(reply, operation)
            case _:
                assert_never(reply)

    def ask(self, body: bytes, budget: Budget, made_for: Traced | None = None) -> Heard:
        """Look something up: that moves no money, so it may be begun until the deadline."""
        return self.post(STATUS, body, Budget(budget.deadline, budget.deadline), made_for)

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()

    def _heard(self, reply: Answer, operation: str) -> Heard:
        status, size = reply.status, len(reply.body)
        proven = self._is_proven(reply.headers, reply.body)
        if status == 500 and (found := fault(reply.body)):
            unsigned = SIGNATURE.lower() not in reply.headers and found.code == UNSIGNED
            if proven or unsigned:
                return replace(found, retry_after_s=retry_after_s(reply))
        if not proven:
            return Unknown(f"an answer that is not proven to be the bank's: {status}, {size} bytes")
        said = answer(reply.body, operation) if status == 200 else None
        return said or Unknown(f"an answer that is not documented: {status}, {size} bytes")

    def _is_proven(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the bank has signed it, and now: an old answer may be one to another question."""
        at = headers.get(TIMESTAMP.lower(), "")
        if not (at.isascii() and at.isdigit() and len(at) <= TIME_DIGITS):
            return False
        if abs(time.time() - int(at)) > TOLERANCE_S:
            return False
        shown = headers.get(SIGNATURE.lower(), "").encode("latin-1", "replace")
        return hmac.compare_digest(self._mac(at, body).hex().encode(), shown)

    def _mac(self, at: str, body: bytes) -> bytes:
        return hmac.digest(self._secret, at.encode() + b"." + body, hashlib.sha256)


def _traced(made_for: Traced | None) -> dict[str, str]:
    """Our request id, so that the bank's people and ours can talk about one call."""
    id_ = made_for.request_id if made_for else ""
    return {"X-Request-ID": id_} if id_ and is_sendable(id_) else {}
