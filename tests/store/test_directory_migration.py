"""The directory's migration: what was configured before it stays in force, there and back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from domain.payment import Mode
from domain.routing import GatewayRow, Route
from ops.dev.services import Services
from ops.migrate import downgrade, migrate
from ops.store.engine import driver_url
from ops.store.gateways import read_gateways

pytestmark = pytest.mark.services

OLD = """
INSERT INTO gateways (id, provider, mode, base_url, credentials, webhook_scheme, webhook_secrets)
VALUES ('one', 'sandbox', 'test', '', '', '{}', '');
INSERT INTO gateway_routes (gateway_id, country, priority) VALUES ('one', 'DE', 7), ('one', '*', 9);
INSERT INTO gateway_health (gateway_id, forced, forced_until, reason, changed_by)
VALUES ('one', 'down', now() + interval '1 hour', 'maintenance', 'ann')
"""
NEW = """
INSERT INTO gateway_routes (gateway_id, country) VALUES ('one', 'FR');
INSERT INTO gateway_routes (gateway_id, country, currency, max_amount) VALUES ('one', 'DE', 'EUR', 5);
INSERT INTO gateways (id, provider, mode, base_url, credentials, webhook_scheme, webhook_secrets)
VALUES ('two', 'sandbox', 'test', '', '', '{}', '');
INSERT INTO gateway_health (gateway_id, state) VALUES ('two', 'down')
"""


@pytest.fixture
def url(servers: Services) -> Iterator[str]:
    """A database of its own."""
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_migrated")
        yield servers.database_url.rpartition("/")[0] + "/paylink_migrated"
        db.execute("DROP DATABASE paylink_migrated WITH (FORCE)")


def execute(engine: Engine, statements: str) -> None:
    with engine.begin() as db:
        for statement in statements.split(";\n"):
            db.execute(text(statement))


def test_gateways_routes_and_holds_of_before_are_in_force_after_it_and_back(url: str) -> None:
    engine = create_engine(driver_url(url), poolclass=NullPool)
    migrate(url, "0003")
    execute(engine, OLD)

    migrate(url, "0004")

    with engine.connect() as db:
        (row,) = read_gateways(db)
    routes = (Route("DE", priority=7), Route(priority=9))
    assert row == GatewayRow("one", "sandbox", Mode.TEST, routes, forced="down")

    execute(engine, NEW)
    downgrade(url, "0003")

    with engine.connect() as db:
        kept = db.execute(text("SELECT country, priority FROM gateway_routes ORDER BY 1")).all()
        held = db.execute(text("SELECT gateway_id, forced FROM gateway_health")).all()
    assert [tuple(one) for one in kept] == [("*", 9), ("DE", 7), ("FR", 100)]
    assert [tuple(one) for one in held] == [("one", "down")]
