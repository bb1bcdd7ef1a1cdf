"""The whole door on a database of its own, emptied after each test, and payments with a history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uuid_utils.compat
from sqlalchemy import insert
from starlette.testclient import TestClient

from domain.facts import Movement, Transaction
from domain.ids import Kind, public
from domain.merchant import Scope
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from ingress.main import app
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import DEMO_MERCHANT, Sandbox, seed
from ops.settings import Settings
from ops.store import tables
from ops.store.engine import open_engine
from ops.store.merchants import key_values
from ops.store.postgres import PostgresStore
from ops.vault import Vault
from tests.emptied import empty
from tests.store.conftest import Books


@dataclass
class Shop:
    """The door, its books, and hands to write what it is to show."""

    books: Books
    door: TestClient
    pepper: bytes = field(repr=False)

    def get(self, path: str, *, key: str | None = None, **headers: str) -> Any:
        """Ask for something; returns the answer."""
        sent = {"Authorization": f"Bearer {key or self.books.key}", **headers}
        return self.door.get(path, headers=sent)

    def shown(self, path: str, **more: Any) -> dict[str, Any]:
        """Return what is shown; it must be there."""
        answer = self.get(path, **more)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def refused(self, path: str) -> list[str]:
        """Return the parameters that are named as wrong."""
        answer = self.get(path)
        assert answer.status_code == 422, answer.text
        return [error["field"] for error in answer.json()["errors"]]

    def walk(self, path: str) -> list[str]:
        """Return the ids of every page, one after the other."""
        seen: list[str] = []
        mark = "&" if "?" in path else "?"
        page = self.shown(path)
        while True:
            seen += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                return seen
            page = self.shown(f"{path}{mark}cursor={page['next_cursor']}")

    def key(
        self,
        merchant_id: UUID = DEMO_MERCHANT,
        mode: Mode = Mode.TEST,
        scopes: tuple[Scope, ...] = (Scope.READ,),
    ) -> str:
        """Give a merchant another key."""
        secret = apikeys.new_key(mode)[1]
        values = key_values(self.pepper, secret, merchant_id, scopes, None)
        with self.books.engine.begin() as db:
            db.execute(insert(tables.api_keys).values(values))
        return secret

    def stranger(self) -> str:
        """Return the key of another merchant."""
        id_ = uuid_utils.compat.uuid7()
        with self.books.engine.begin() as db:
            db.execute(insert(tables.merchants).values(id=id_, name="Other"))
        return self.key(id_)

    def moved(self, payment: UUID, charge: UUID, minor: int, **more: Any) -> None:
        """Write a sale as a flow does."""
        values: dict[str, Any] = {"gateway_id": "one", "provider_id": "ch_1", "total": minor}
        money = Money(minor, CURRENCIES["USD"])
        with self.books.store.begin() as work:
            work.add_transaction(
                Transaction(payment, charge, Movement.SALE, money, **(values | more))
            )


def pay(id_: UUID) -> str:
    """Return a payment's public id."""
    return public(Kind.PAYMENT, id_)


def public_of(kind: Kind, row: Mapping[str, object]) -> str:
    """Return the public id of a row."""
    return public(kind, UUID(str(row["id"])))


@pytest.fixture(scope="session")
def opened(servers: Services) -> Iterator[Shop]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_reading")
    url = servers.database_url.rpartition("/")[0] + "/paylink_reading"
    migrate(url)
    environ = {
        "APP_ENV": "test",
        "DATABASE_URL": url,
        "REDIS_URL": servers.redis_url,
        "LOG_LEVEL": "ERROR",
    }
    settings = Settings.from_env(environ)
    engine, vault = open_engine(url, "tests", 4), Vault(settings.secrets.keyring)
    store = PostgresStore(engine, vault, uuid_utils.compat.uuid7)
    books = Books(url, engine, vault, store, apikeys.new_key(Mode.TEST)[1])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        with TestClient(app()) as door:
            yield Shop(books, door, settings.secrets.pepper)
    engine.dispose()


@pytest.fixture
def shop(opened: Shop) -> Iterator[Shop]:
    books = opened.books
    sandboxes = [Sandbox(id_, "http://127.0.0.1:1", "sk", "whsec") for id_ in ("one", "two")]
    seed(books.engine, books.vault, opened.pepper, books.key, sandboxes)
    yield opened
    empty(books.engine)
