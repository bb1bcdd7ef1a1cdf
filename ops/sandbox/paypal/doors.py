"""Who may come in: client credentials for a token, and the token for everything else."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from ops.sandbox.paypal import problems
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.calls import Call

TOKEN = "/v1/oauth2/token"  # noqa: S105  # a path
#: More tokens at once than any client needs; the oldest is forgotten.
TOKEN_LIMIT = 1_000

#: What `PayPal-Mock-Response` can ask for besides issues of 422: the family of the error.
MOCKED = {
    "INTERNAL_SERVER_ERROR": "INTERNAL_SERVER_ERROR",
    "SERVICE_UNAVAILABLE": "SERVICE_UNAVAILABLE",
    "RATE_LIMIT_REACHED": "RATE_LIMIT_REACHED",
    "PERMISSION_DENIED": "NOT_AUTHORIZED",
    "MISSING_REQUIRED_PARAMETER": "INVALID_REQUEST",
    "INVALID_PARAMETER_SYNTAX": "INVALID_REQUEST",
    "INVALID_RESOURCE_ID": "RESOURCE_NOT_FOUND",
}
#: These have no details.
BARE = frozenset({"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMIT_REACHED"})


class Tokens:
    """The access tokens in force. A restart forgets them all."""

    def __init__(self, client_id: str, secret: str, life_s: float) -> None:
        self._basic = f"{client_id}:{secret}".encode()
        self._life_s = life_s
        self._ends: dict[str, float] = {}
        self.given = 0  #: so far

    def give(self, call: Call) -> Answer:
        """POST /v1/oauth2/token."""
        if not hmac.compare_digest(_basic(call.headers.get("authorization", "")), self._basic):
            return problems.oauth(401, "invalid_client", "Client Authentication failed")
        form = dict(parse_qsl(call.body.decode("latin-1")))
        if form.get("grant_type") != "client_credentials":
            said = "Grant Type is not supported"
            return problems.oauth(400, "unsupported_grant_type", said)
        token = f"A21AA{secrets.token_urlsafe(60)}"
        self._ends[token] = time.time() + self._life_s
        self.given += 1
        while len(self._ends) > TOKEN_LIMIT:
            self._ends.pop(next(iter(self._ends)))
        return json_answer(
            200,
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": int(self._life_s),
                "nonce": secrets.token_hex(16),
            },
        )

    def admits(self, call: Call) -> Answer | None:
        """Return the 401 for a request without a token that is in force."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            return problems.problem("AUTHENTICATION_FAILURE")
        if self._ends.get(token, 0.0) <= time.time():
            return problems.oauth(401, "invalid_token", "The token has expired or is unknown")
        return None

    def revoke(self) -> int:
        """Let every token end now; return how many there were."""
        ended = len(self._ends)
        self._ends.clear()
        return ended


def mocked(headers: Mapping[str, str]) -> Answer | None:
    """Return what the header `PayPal-Mock-Response` asks for; nothing is executed then."""
    wanted = headers.get("paypal-mock-response")
    if wanted is None:
        return None
    try:
        found = json.loads(wanted)
    except ValueError:
        found = None
    code = found.get("mock_application_codes") if isinstance(found, dict) else None
    if not isinstance(code, str) or not code:
        return problems.syntax("INVALID_PARAMETER_SYNTAX", "PayPal-Mock-Response").answer
    name = MOCKED.get(code, "UNPROCESSABLE_ENTITY")
    if name in BARE:
        return problems.problem(name)
    return problems.problem(name, {"issue": code, "description": problems.SAID.get(code, code)})


def _basic(header: str) -> bytes:
    kind, _, text = header.partition(" ")
    if kind != "Basic":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
