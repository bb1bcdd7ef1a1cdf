"""A door for tests: the real guards and error handlers around handlers that do as they are told."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from domain.payment import Mode
from ingress.app import build_app
from ingress.guards import guards
from ops import apikeys
from ops.settings import Secrets, Settings

PEPPER = b"a pepper of thirty-two characters"
MERCHANT = UUID("0198c0de-0000-7000-8000-000000000001")
PAYMENT = "pay_0198c0de7f3a7c519a3d5f0e4b2a6d18"


@dataclass(frozen=True)
class Key:
    """An API key as a store would return it."""

    key_id: str
    secret_mac: bytes
    mode: Mode = Mode.TEST
    merchant_id: UUID = MERCHANT
    scopes: frozenset[str] = frozenset({"payments:read"})
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    merchant_active: bool = True
    rate_limit_per_minute: int = 1_000
    ip_allowlist: tuple[str, ...] = ()
    default_country: str | None = None
    return_url_hosts: tuple[str, ...] = ()


@dataclass
class Book:
    """A key book in memory that counts what it is asked."""

    keys: dict[str, Key] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def __call__(self, key_id: str, /) -> Key | None:
        self.asked.append(key_id)
        if self.error is not None:
            raise self.error
        return self.keys.get(key_id)

    def add(self, **changes: Any) -> str:
        """Make a test key, store it with these changes, and return its text."""
        id_, text = apikeys.new_key(Mode.TEST)
        parsed = apikeys.parse(text)
        assert parsed is not None
        key = Key(id_, apikeys.mac(PEPPER, id_, parsed.secret))
        self.keys[id_] = replace(key, **changes)
        return text


def settings_with(**changes: Any) -> Settings:
    return replace(Settings("", "", Secrets({}, PEPPER, b""), ip_rate_per_minute=1_000), **changes)


@dataclass
class Door:
    """An app behind the guards; `raises` is what its handlers raise."""

    book: Book = field(default_factory=Book)
    settings: Settings = field(default_factory=settings_with)
    raises: Exception | None = None
    scheme: str = "http"

    def __post_init__(self) -> None:
        self.app = build_app(
            versioned=self._routes(),
            public=[Route("/health/live", self._seen)],
            guards=guards(self.settings, self.book, None),
            lifespan=nullcontext,
        )

    def client(self, key: str | None = None, peer: str = "203.0.113.7", **more: Any) -> TestClient:
        """Return a client, which sends an API key if it has one."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return TestClient(
            self.app,
            base_url=f"{self.scheme}://testserver",
            headers=headers,
            client=(peer, 4711),
            **more,
        )

    def _routes(self) -> list[Route]:
        return [
            Route("/payments", self._seen, methods=["GET"]),
            Route("/payments", self._body, methods=["POST"]),
            Route("/payments/{id}", self._seen, methods=["GET"]),
            Route("/webhooks/{provider}", self._body, methods=["POST"]),
        ]

    async def _seen(self, request: Request) -> Response:
        if self.raises is not None:
            raise self.raises
        caller = getattr(request.state, "caller", None)
        return JSONResponse(
            {
                "merchant_id": caller and str(caller.merchant_id),
                "mode": caller and caller.mode,
                "client_ip": request.state.client_ip,
                "request_id": request.state.request_id,
            }
        )

    async def _body(self, request: Request) -> Response:
        if self.raises is not None:
            raise self.raises
        return JSONResponse({"bytes": len(await request.body())})
