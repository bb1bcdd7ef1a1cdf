"""The migrations hold what the tables of the code say, and keep what was known before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from ops.dev.services import Services
from ops.migrate import downgrade, migrate
from ops.store import tables
from ops.store.engine import driver_url
from tests.store.conftest import Books

pytestmark = pytest.mark.services

CONSTRAINTS: LiteralString = """
SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
   AND contype <> 't' AND conrelid::regclass::text <> 'alembic_version'
"""
INDEXES: LiteralString = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


#: A hold and a sale as the version before wrote them.
OLD = """
INSERT INTO merchants (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'm');
INSERT INTO gateways (id, provider, mode, base_url, credentials, webhook_scheme, webhook_secrets)
VALUES ('one', 'sandbox', 'test', '', '', '{}', '');
INSERT INTO payments (id, merchant_id, mode, amount, currency, method_type, details, status,
       amount_authorized, amount_captured, next_command, request_id, created_at, expires_at)
SELECT gen_random_uuid(), m.id, 'test', 1000, 'USD', 'card', '', status, 1000, paid, 'x', '', now(),
       now()
  FROM merchants m, (VALUES ('authorized', 0), ('captured', 1000)) AS was(status, paid);
INSERT INTO payment_attempts (id, payment_id, merchant_id, mode, operation, number, gateway_id,
       adapter_version, amount, currency, state, request, send_before, deadline_at,
       key_window_ends, created_at, request_id)
SELECT gen_random_uuid(), id, merchant_id, mode, 'charge', 1, 'one', 1, amount, currency, status,
       '', now(), now(), now(), now(), '' FROM payments;
INSERT INTO transactions (id, payment_id, attempt_id, type, amount, currency, gateway_id,
       provider_id)
SELECT gen_random_uuid(), payment_id, id,
       CASE state WHEN 'captured' THEN 'sale' ELSE 'authorization' END, amount, currency, 'one', 'x'
  FROM payment_attempts
"""
FOUND = """
SELECT a.state, a.held, a.captured, a.captures, t.total, p.kind, p.confirmed
  FROM payment_attempts a JOIN transactions t ON t.attempt_id = a.id
  JOIN payments p ON p.id = a.payment_id ORDER BY a.state
"""


@pytest.fixture
def url(servers: Services) -> Iterator[str]:
    """A database of its own."""
    with psycopg.connect(servers.database_url, autocommit=True) as db:
        db.execute("CREATE DATABASE paylink_life")
        yield servers.database_url.rpartition("/")[0] + "/paylink_life"
        db.execute("DROP DATABASE paylink_life WITH (FORCE)")


def told(url: str, query: str) -> set[str]:
    with psycopg.connect(url) as db:
        return {row[0] for row in db.execute(query)}


@pytest.mark.parametrize("query", [CONSTRAINTS, INDEXES], ids=["constraints", "indexes"])
def test_the_migrations_build_every_check_key_and_index_of_the_code(
    books: Books, url: str, query: LiteralString
) -> None:
    engine = create_engine(driver_url(url), poolclass=NullPool)
    tables.metadata.create_all(engine)

    theirs, ours = told(books.url, query), told(url, query)

    assert len(ours) > 50
    assert (theirs - ours, ours - theirs) == (set(), set())


def test_what_was_known_of_an_attempts_money_before_there_were_columns_is_kept(url: str) -> None:
    migrate(url, "0004")
    with psycopg.connect(url) as db:
        db.execute(OLD)

    migrate(url, "0006")
    downgrade(url, "0004")  # and back once more: nothing of it is lost on the way
    migrate(url, "0006")

    with psycopg.connect(url) as db:
        assert db.execute(FOUND).fetchall() == [
            ("authorized", True, 0, True, 1000, "checkout", True),
            ("captured", False, 1000, True, 1000, "checkout", True),
        ]
