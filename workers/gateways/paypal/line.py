"""The line to one account at PayPal: its access token, paths, keys and headers of every request."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from domain.attempt import Attempt
from domain.outcome import NotCharged
from domain.ports import Budget
from workers.gateways import Setup, Unusable
from workers.gateways.paypal.answers import refused
from workers.gateways.paypal.tokens import Tokens
from workers.gateways.wire import Answer, NeverSent, Reply, Wire

ORDERS: Final = "/v2/checkout/orders"
AUTHORIZATIONS: Final = "/v2/payments/authorizations"
CAPTURES: Final = "/v2/payments/captures"
REFUNDS: Final = "/v2/payments/refunds"
PAYOUTS: Final = "/v1/payments/payouts"
DISPUTES: Final = "/v1/customer/disputes"


class Line:
    """Requests as PayPal wants them. Safe for threads."""

    def __init__(self, setup: Setup) -> None:
        """Raises `Unusable`."""
        credentials = setup.credentials
        missing = [name for name in ("client_id", "client_secret") if not credentials.get(name)]
        if missing:
            raise Unusable("the credentials need " + " and ".join(missing))
        ca_file = setup.settings.get("ca_file")
        if not isinstance(ca_file, str | None):
            raise Unusable("ca_file is the path of a PEM file")
        self._wire = Wire(setup.base_url, {"Accept": "application/json"}, ca_file=ca_file)
        self._tokens = Tokens(self._wire, credentials["client_id"], credentials["client_secret"])

    def get(self, path: str, budget: Budget) -> Reply:
        """Read."""
        return self._send("GET", path, budget, {}, None)

    def post(self, path: str, key: str | None, body: bytes, budget: Budget) -> Reply:
        """Send the bytes as they are, under a key of ours where PayPal takes one."""
        named = {"PayPal-Request-Id": key} if key else {}
        return self._send("POST", path, budget, named, body)

    def patch(self, path: str, body: bytes, budget: Budget) -> Reply:
        """Change an object; to do it twice is to do it once."""
        return self._send("PATCH", path, budget, {}, body)

    def close(self) -> None:
        """Let go of idle connections."""
        self._wire.close()

    def _send(
        self, method: str, path: str, budget: Budget, headers: dict[str, str], body: bytes | None
    ) -> Reply:
        """A token that PayPal no longer knows is renewed once: its own 401 is documented as not
        executed. Anybody else's proves nothing, and is not sent after; nor is a request that was
        answered ever called unsent, whatever comes of its repetition."""
        # Without it, an answer shows nothing of the money.
        headers = headers | {"Prefer": "return=representation"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        token = self._tokens.get(budget)
        if not isinstance(token, str):
            return token
        reply = self._sent(method, path, budget, headers, body, token)
        if not isinstance(reply, Answer) or reply.status != 401:
            return reply
        renewed = self._tokens.get(budget, instead_of=token)
        harmless = method == "GET" or isinstance(refused(reply), NotCharged)
        if not isinstance(renewed, str) or not harmless:
            return reply
        again = self._sent(method, path, budget, headers, body, renewed)
        return reply if isinstance(again, NeverSent) else again

    def _sent(
        self,
        method: str,
        path: str,
        budget: Budget,
        headers: dict[str, str],
        body: bytes | None,
        token: str,
    ) -> Reply:
        shown = headers | {"Authorization": f"Bearer {token}"}
        return self._wire.send(method, path, budget, headers=shown, body=body)


def at(collection: str, name: str) -> str:
    """Return the path of one object; its name stays one part of it, whatever is in it."""
    return f"{collection}/{quote(name, safe='')}"


def target(attempt: Attempt) -> str:
    """Return the id of the order that the attempt captures, voids or refunds."""
    assert attempt.target is not None, f"a {attempt.operation} without a charge"
    return attempt.target
