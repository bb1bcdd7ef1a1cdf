"""The line to one Xendit account: paths, keys and headers of every request."""

from __future__ import annotations

from base64 import b64encode
from typing import Final, Protocol
from urllib.parse import quote

from domain.attempt import Attempt
from domain.ports import Budget
from workers.gateways import Setup, Unusable
from workers.gateways.wire import Reply, Wire, is_sendable

REQUESTS: Final = "/v3/payment_requests"
PAYMENTS: Final = "/v3/payments"
TOKENS: Final = "/v3/payment_tokens"
REFUNDS: Final = "/refunds"
PAYOUTS: Final = "/v2/payouts"
DISPUTES: Final = "/v1/disputes"


class Traced(Protocol):
    """What a request is made for."""

    @property
    def request_id(self) -> str:
        """The request of ours that it goes back to."""


class Line:
    """Requests as Xendit wants them. Safe for threads."""

    def __init__(self, setup: Setup, api_version: str) -> None:
        """Raises `Unusable`."""
        key = setup.credentials.get("secret_key")
        if not key:
            raise Unusable("the credentials need a secret_key (xnd_development_... or production)")
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        named = b64encode(f"{key}:".encode()).decode()
        headers = {
            "Authorization": f"Basic {named}",
            "Accept": "application/json",
            "api-version": api_version,
        }
        self._wire = Wire(setup.base_url, headers, ca_file=ca_file)

    def get(self, path: str, budget: Budget, made_for: Traced | None = None) -> Reply:
        """Read."""
        return self._wire.send("GET", path, budget, headers=_traced(made_for))

    def post(
        self, path: str, body: bytes, budget: Budget, made_for: Traced, key: str | None = None
    ) -> Reply:
        """Send the bytes as they are; with a key of ours where Xendit knows keys."""
        headers = {"Content-Type": "application/json"} | _traced(made_for)
        if key is not None:
            headers["idempotency-key"] = key
        return self._wire.send("POST", path, budget, headers=headers, body=body)

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()


def at(collection: str, name: str) -> str:
    """Return the path of one object; its name stays one part of it, whatever is in it."""
    return f"{collection}/{quote(name, safe='')}"


def target(attempt: Attempt) -> str:
    """Return the id of the charge that the attempt captures, voids or refunds."""
    assert attempt.target is not None, f"a {attempt.operation} without a charge"
    return attempt.target


def _traced(made_for: Traced | None) -> dict[str, str]:
    """Our request id, so that Xendit's people and ours can talk about one call."""
    id_ = made_for.request_id if made_for else ""
    return {"X-Request-ID": id_} if id_ and is_sendable(id_) else {}
