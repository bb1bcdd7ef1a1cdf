"""A migrated database with a merchant and two gateways; its rows are removed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import uuid_utils.compat
from sqlalchemy import Engine, text

from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import DEMO_MERCHANT, Sandbox, seed
from ops.store.engine import open_engine
from ops.store.postgres import PostgresStore
from ops.vault import Vault
from tests.emptied import empty

PEPPER = b"p" * 32
MERCHANT = DEMO_MERCHANT


@dataclass(frozen=True, slots=True)
class Books:
    """The store under test with what it stands on."""

    url: str
    engine: Engine
    vault: Vault
    store: PostgresStore
    key: str

    def new_id(self) -> UUID:
        return uuid_utils.compat.uuid7()

    def sql(self, query: str, **values: object) -> list[dict[str, object]]:
        with self.engine.begin() as db:
            found = db.execute(text(query), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []


@pytest.fixture(scope="session")
def database(servers: Services) -> Iterator[Books]:
    migrate(servers.database_url)
    engine = open_engine(servers.database_url, "tests", 20)
    vault = Vault({"k1": b"k" * 32})
    store = PostgresStore(engine, vault, uuid_utils.compat.uuid7)
    yield Books(servers.database_url, engine, vault, store, apikeys.new_key(Mode.TEST)[1])
    engine.dispose()


@pytest.fixture
def books(database: Books) -> Iterator[Books]:
    sandboxes = [Sandbox(id_, "http://127.0.0.1:1", "sk", "whsec") for id_ in ("one", "two")]
    seed(database.engine, database.vault, PEPPER, database.key, sandboxes)
    yield database
    empty(database.engine)
