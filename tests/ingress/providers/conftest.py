"""The whole door on a real database and a real Redis, with gateways of ours and of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
import redis
from sqlalchemy import Engine, create_engine, insert, text
from starlette.testclient import TestClient

from domain.payment import Mode
from domain.routing import Route
from ingress.main import app
from ops import apikeys, breakers
from ops.dev.services import Services
from ops.migrate import migrate
from ops.providers import PROVIDERS
from ops.store import tables
from ops.store.engine import driver_url
from ops.store.gateways import Account, write_account
from ops.vault import Vault

KEY = b"k" * 32
PEPPER = "p" * 32
OURS, THEIRS = UUID(int=1), UUID(int=2)
#: Of Redis's 16 databases one that nobody else uses.
REDIS_DATABASE = 11

ONE = Account(
    id="one",
    provider="sandbox",
    mode=Mode.TEST,
    base_url="http://127.0.0.1:1",
    credentials={"secret_key": "sk_never_shown"},
    webhook_secrets=["wh_never_shown"],
    scheme=PROVIDERS["sandbox"].scheme,
    routes=(Route("DE", "EUR", "card"), Route("*", "EUR", "wallet", merchant_id=OURS)),
)
GATEWAYS = (
    ONE,
    replace(ONE, id="theirs", routes=(Route(merchant_id=THEIRS),)),
    replace(ONE, id="unused", routes=()),
    replace(ONE, id="live", mode=Mode.LIVE, routes=(Route(),)),
)


@dataclass(frozen=True, slots=True)
class Door:
    """The door, and what stands behind it."""

    client: TestClient
    engine: Engine
    redis: redis.Redis

    def key(self, *scopes: str, mode: Mode = Mode.TEST) -> dict[str, str]:
        """Return the headers of a new key of ours."""
        id_, key = apikeys.new_key(mode)
        parsed = apikeys.parse(key)
        assert parsed is not None
        mac = apikeys.mac(PEPPER.encode(), id_, parsed.secret)
        values = {"id": id_, "merchant_id": OURS, "mode": mode.value, "secret_mac": mac}
        with self.engine.begin() as db:
            db.execute(insert(tables.api_keys).values(values | {"scopes": list(scopes)}))
        return {"Authorization": f"Bearer {key}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        return self.client.get(path, headers=headers or self.key("payments:read"))

    def post(self, path: str, body: object, *scopes: str) -> httpx2.Response:
        return self.client.post(path, json=body, headers=self.key(*scopes))

    def sql(self, query: str, **values: object) -> list[dict[str, Any]]:
        with self.engine.begin() as db:
            found = db.execute(text(query), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    def open_breaker(self, gateway: str, operation: str = "charge") -> None:
        fields: dict[Any, Any] = {
            breakers.EPOCH: 1,
            breakers.OPEN_UNTIL: int(time.time() * 1000) + 60_000,
        }
        self.redis.hset(breakers.circuit_key(gateway, operation), mapping=fields)


@pytest.fixture(scope="session")
def database(servers: Services) -> Iterator[Engine]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_providers")
    url = servers.database_url.rpartition("/")[0] + "/paylink_providers"
    migrate(url)
    engine = create_engine(driver_url(url))
    with engine.begin() as db:
        for id_ in (OURS, THEIRS):
            values = {"id": id_, "name": "m", "rate_limit_per_minute": 100_000}
            db.execute(insert(tables.merchants).values(values))
    yield engine
    engine.dispose()


@pytest.fixture
def door(database: Engine, servers: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    redis_url = servers.redis_url.rpartition("/")[0] + f"/{REDIS_DATABASE}"
    monkeypatch.setenv(
        "DATABASE_URL", database.url.set(drivername="postgresql").render_as_string(False)
    )
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ENCRYPTION_KEY", f"k1:{KEY.hex()}")
    monkeypatch.setenv("API_KEY_PEPPER", PEPPER)
    with database.begin() as db:
        for account in GATEWAYS:
            write_account(db, Vault({"k1": KEY}), account)
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    with TestClient(app()) as http:
        yield Door(http, database, client)
    client.close()
    with database.begin() as db:
        db.execute(text("DELETE FROM gateway_health"))
        db.execute(text("UPDATE currencies SET is_active = true"))
        db.execute(text("UPDATE merchants SET default_country = NULL"))


def listed(answer: httpx2.Response) -> dict[str, dict[str, Any]]:
    """Return the answered providers by id."""
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["data"]}
