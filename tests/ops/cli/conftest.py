"""One database for all tests of the commands; its rows are removed after each."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import redis

from domain.payment import Mode
from ops import apikeys
from ops.dev.services import Services
from ops.migrate import migrate
from ops.seed import Sandbox, seed
from ops.store.engine import open_engine
from ops.vault import Vault
from tests.emptied import empty
from tests.ops.cli.stage import AUDIT_KEY, KEY, Stage

#: Of Redis's 16 databases one that nobody else uses.
REDIS_DATABASE = 9
PEPPER = "p" * 32


@pytest.fixture(scope="session")
def built(servers: Services) -> Iterator[Stage]:
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_cli")
    url = servers.database_url.rpartition("/")[0] + "/paylink_cli"
    migrate(url)
    engine = open_engine(url, "cli", 5)
    environ = {
        "DATABASE_URL": url,
        "REDIS_URL": servers.redis_url.rpartition("/")[0] + f"/{REDIS_DATABASE}",
        "ENCRYPTION_KEY": f"k1:{KEY.hex()}",
        "API_KEY_PEPPER": PEPPER,
        "AUDIT_KEY": AUDIT_KEY,
    }
    yield Stage(engine, environ)
    engine.dispose()


@pytest.fixture
def stage(built: Stage) -> Iterator[Stage]:
    sandboxes = [Sandbox(id_, "http://127.0.0.1:1", "sk", "whsec") for id_ in ("one", "two")]
    key = apikeys.new_key(Mode.TEST)[1]
    seed(built.engine, Vault({"k1": KEY}), PEPPER.encode(), key, sandboxes)
    yield built
    empty(built.engine)
    client = redis.Redis.from_url(built.environ["REDIS_URL"])
    client.flushdb()
    client.close()
