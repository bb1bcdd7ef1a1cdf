"""The door's people behind its real guards, on a database of their own, emptied after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine, insert, text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from domain.merchant import Scope
from domain.payment import Mode
from ingress.app import build_app
from ingress.customers import Customers
from ingress.guards import guards
from ingress.merchant import Merchant
from ingress.payment_methods import PaymentMethods
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import DEMO_MERCHANT, Sandbox, seed
from ops.settings import Secrets, Settings
from ops.store import tables
from ops.store.engine import open_engine
from ops.store.merchants import key_values
from ops.store.people import People, people
from ops.store.reads import Reads
from ops.vault import Vault
from tests.emptied import empty

PEPPER = b"p" * 32
VAULT = Vault({"k1": b"k" * 32})
ALL = tuple(Scope)


@dataclass
class Shop:
    """The door, and hands to write what its callers need."""

    engine: Engine
    door: TestClient
    demo: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        """Send one request; returns the answer."""
        headers = {"Authorization": f"Bearer {key or self.demo}"}
        return self.door.request(method, path, json=body, headers=headers)

    def made(self, path: str, body: object) -> dict[str, Any]:
        """Create something that must be accepted."""
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def key(
        self,
        merchant_id: UUID = DEMO_MERCHANT,
        mode: Mode = Mode.TEST,
        scopes: tuple[str, ...] = ALL,
    ) -> str:
        """Give a merchant another key."""
        secret = apikeys.new_key(mode)[1]
        values = key_values(PEPPER, secret, merchant_id, scopes, None)
        with self.engine.begin() as db:
            db.execute(insert(tables.api_keys).values(values))
        return secret

    def stranger(self) -> str:
        """Return the key of another merchant."""
        id_ = uuid_utils.compat.uuid7()
        with self.engine.begin() as db:
            db.execute(insert(tables.merchants).values(id=id_, name="Other"))
        return self.key(id_)

    def sql(self, query: str, **values: object) -> list[dict[str, Any]]:
        with self.engine.begin() as db:
            found = db.execute(text(query), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []


@pytest.fixture(scope="session")
def database(servers: Services) -> Iterator[tuple[str, Engine]]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_people")
    url = servers.database_url.rpartition("/")[0] + "/paylink_people"
    migrate(url)
    # As many as ask at once: who waits too long for one, on busy cores, is answered 503.
    engine = open_engine(url, "tests", 16)
    yield url, engine
    engine.dispose()


@pytest.fixture
def kept(database: tuple[str, Engine]) -> People:
    return people(database[1], VAULT, PEPPER, uuid_utils.compat.uuid7)


@pytest.fixture
def shop(database: tuple[str, Engine], kept: People) -> Iterator[Shop]:
    url, engine = database
    sandbox = Sandbox("one", "http://127.0.0.1:1", "sk", "whsec")
    demo = apikeys.new_key(Mode.TEST)[1]
    seed(engine, VAULT, PEPPER, demo, [sandbox])
    with TestClient(_app(url, kept)) as door:
        yield Shop(engine, door, demo)
    empty(engine)


def _app(url: str, kept: People) -> Starlette:
    pool = AsyncConnectionPool(url, min_size=1, max_size=2, open=False)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        async with pool:
            yield

    settings = Settings("", "", Secrets({}, PEPPER, b""), ip_rate_per_minute=1_000_000)
    return build_app(
        versioned=[
            *Customers(kept).routes(),
            *PaymentMethods(kept, b"fingerprints").routes(),
            *Merchant(kept).routes(),
        ],
        public=[],
        guards=guards(settings, Reads(pool, VAULT).key, None),
        lifespan=living,
    )
