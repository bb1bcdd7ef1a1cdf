"""The line to one account at the sandbox provider: paths, keys and headers of every request."""

from __future__ import annotations

from typing import Final, Protocol
from urllib.parse import quote

from domain.attempt import Attempt
from domain.ports import Budget
from workers.gateways import Setup, Unusable
from workers.gateways.wire import Reply, Wire, is_sendable

PAYMENTS: Final = "/v1/payments"
REFUNDS: Final = "/v1/refunds"
PAYOUTS: Final = "/v1/payouts"
METHODS: Final = "/v1/payment_methods"


class Traced(Protocol):
    """What a request is made for."""

    @property
    def request_id(self) -> str:
        """The request of ours that it goes back to."""


class Line:
    """Requests as the provider wants them. Safe for threads."""

    def __init__(self, setup: Setup) -> None:
        """Raises `Unusable`."""
        key = setup.credentials.get("secret_key")
        if not key:
            raise Unusable("the credentials need a secret_key")
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._wire = Wire(setup.base_url, headers, ca_file=ca_file)

    def get(self, path: str, budget: Budget, made_for: Traced | None = None) -> Reply:
        """Read."""
        return self._wire.send("GET", path, budget, headers=_traced(made_for))

    def post(self, path: str, key: str, body: bytes, budget: Budget, made_for: Traced) -> Reply:
        """Send the bytes as they are, under a key of ours."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return self._wire.send("POST", path, budget, headers=headers | _traced(made_for), body=body)

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()


def at(collection: str, name: str) -> str:
    """Return the path of one object; its name stays one part of it, whatever is in it."""
    return f"{collection}/{quote(name, safe='')}"


def target(attempt: Attempt) -> str:
    """Return the path of the charge that the attempt captures, voids or refunds."""
    assert attempt.target is not None, f"a {attempt.operation} without a charge"
    return at(PAYMENTS, attempt.target)


def _traced(made_for: Traced | None) -> dict[str, str]:
    """Our request id, so that the provider's people and ours can talk about one call."""
    id_ = made_for.request_id if made_for else ""
    return {"X-Request-ID": id_} if id_ and is_sendable(id_) else {}
