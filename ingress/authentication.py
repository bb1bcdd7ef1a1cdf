"""Authentication: whose request it is, told by an API key; nobody else gets behind this guard."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import Forbidden, RateLimited, Unauthorized
from domain.payment import Mode
from ingress import problems
from ingress.clients import is_within
from ingress.keybook import KeyBook, StoredKey
from ingress.limits import Limits
from ingress.paths import needs_key
from ops import apikeys

_BEARER: Final = "bearer "
#: One text for a key that is unknown, wrong, expired or revoked: guessing must teach nothing.
_WRONG: Final = "the API key is not valid"


@dataclass(frozen=True, slots=True)
class Caller:
    """The merchant behind a request, in one mode."""

    merchant_id: UUID
    mode: Mode
    key_id: str
    scopes: frozenset[str]
    rate_limit_per_minute: int
    #: What the merchant has settled for every payment (see `ingress.keybook.StoredKey`).
    default_country: str | None = None
    return_url_hosts: tuple[str, ...] = ()

    def require(self, scope: str) -> None:
        """Raise `Forbidden` unless the key has this scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this API key does not have the scope {scope}", fix="use a key that has it"
            )


class Authentication:
    """Puts the `Caller` into `state["caller"]`, or answers 401 or 403 itself."""

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyBook,
        pepper: bytes,
        limits: Limits,
        ip_rate_per_minute: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Refused requests count against `ip_rate_per_minute` of the address they come from."""
        self._app = app
        self._keys = keys
        self._pepper = pepper
        self._limits = limits
        self._ip_rate = ip_rate_per_minute
        self._now = now
        #: Compared with where there is nothing to compare with, so that both take the same time.
        self._nothing = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or not."""
        if scope["type"] == "http" and needs_key(scope):
            try:
                scope["state"]["caller"] = await self._caller(scope)
            except (Unauthorized, Forbidden) as refusal:
                await (await self._refused(scope, refusal))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        given = apikeys.parse(_credential(scope))
        if given is None:
            raise Unauthorized(_WRONG, fix="send a key as pl_test_... or pl_live_..., unchanged")
        stored = await self._keys(given.id)
        asked = apikeys.mac(self._pepper, given.id, given.secret)
        right = hmac.compare_digest(asked, stored.secret_mac if stored else self._nothing)
        if stored is None or not right or not self._is_current(stored, given.mode):
            raise Unauthorized(_WRONG)
        if not stored.merchant_active:
            raise Forbidden("this merchant is not active")
        if stored.ip_allowlist and not is_within(scope["state"]["client_ip"], stored.ip_allowlist):
            raise Forbidden("this API key may not be used from this address")
        return Caller(
            stored.merchant_id,
            stored.mode,
            stored.key_id,
            stored.scopes,
            stored.rate_limit_per_minute,
            stored.default_country,
            stored.return_url_hosts,
        )

    def _is_current(self, stored: StoredKey, mode: Mode) -> bool:
        if stored.revoked_at is not None or stored.mode is not mode:
            return False
        return stored.expires_at is None or self._now() < stored.expires_at

    async def _refused(self, scope: Scope, refusal: Unauthorized | Forbidden) -> ASGIApp:
        allowance = await self._limits.refused(scope["state"]["client_ip"], self._ip_rate)
        if allowance.allowed:
            return problems.respond(scope, refusal)
        return problems.respond(scope, RateLimited(allowance.retry_after_s))


def _credential(scope: Scope) -> str:
    """Return the one key that the request carries. Raises `Unauthorized`: none, or two."""
    found: set[str] = set()
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        if name == b"x-api-key":
            found.add(text.strip())
        elif name == b"authorization":
            if not text.lower().startswith(_BEARER):
                raise Unauthorized(
                    "this kind of authorization is not known", fix="send Authorization: Bearer"
                )
            found.add(text[len(_BEARER) :].strip())
    if not found:
        raise Unauthorized(
            "an API key is needed", fix="send Authorization: Bearer <key>, or X-Api-Key: <key>"
        )
    if len(found) > 1:
        raise Unauthorized("two different API keys were sent", fix="send one of them")
    return found.pop()
