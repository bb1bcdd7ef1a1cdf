"""The stores behind fault proxies, and a shop that works on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.dev.services import Services
from ops.harness.proxy.postgres import PostgresTalk
from ops.harness.proxy.redis import RedisTalk
from ops.harness.proxy.relay import Relay
from tests.faults.shop import Shop
from tests.store.conftest import Books, books, database

__all__ = ["books", "database"]


@pytest.fixture
def sql(books: Books) -> Iterator[Relay]:
    """PostgreSQL, through a proxy."""
    relay = Relay(PostgresTalk, books.url)
    yield relay
    relay.close()


@pytest.fixture
def cache(servers: Services) -> Iterator[Relay]:
    """Redis, through a proxy."""
    relay = Relay(RedisTalk, servers.redis_url)
    yield relay
    relay.close()


@pytest.fixture
def shop(books: Books, sql: Relay) -> Iterator[Shop]:
    """Flows whose books are behind the proxy."""
    shop = Shop(books, sql.url)
    yield shop
    shop.close()
