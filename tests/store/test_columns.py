"""A column that a migration adds under way disturbs nobody who has read the table before."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from ops.store.direct import Direct
from ops.store.engine import open_engine, session, session_options
from ops.store.transaction import Transaction
from tests.store.conftest import Books

pytestmark = pytest.mark.services
#: More often than the driver waits before it has the server keep a statement.
OFTEN = 10
READ = "SELECT * FROM seen_before"
KEPT = text("SELECT statement FROM pg_prepared_statements")
ADD = "ALTER TABLE seen_before ADD COLUMN more text"


@pytest.fixture
def seen_before(books: Books) -> Iterator[str]:
    books.sql("CREATE TABLE seen_before (id int)")
    books.sql("INSERT INTO seen_before VALUES (1)")
    yield books.url
    books.sql("DROP TABLE seen_before")


def test_a_session_of_the_pool_keeps_what_names_its_columns(books: Books, seen_before: str) -> None:
    engine = open_engine(seen_before, "columns", 1)
    named = "SELECT id FROM seen_before"
    with Transaction(engine) as transaction:
        assert Direct(transaction).rows(named) == [{"id": 1}]

    books.sql(ADD)

    with Transaction(engine) as transaction:
        assert Direct(transaction).rows(named) == [{"id": 1}]
        kept = transaction.connection.execute(KEPT).scalars().all()
    assert kept == [named]
    engine.dispose()


def test_a_session_of_the_pool_reads_on(books: Books, seen_before: str) -> None:
    engine = open_engine(seen_before, "columns", 1)
    for _ in range(OFTEN):
        with engine.begin() as db:
            assert tuple(db.execute(text(READ)).one()) == (1,)

    books.sql(ADD)

    with engine.begin() as db:
        assert tuple(db.execute(text(READ)).one()) == (1, None)
    engine.dispose()


def test_a_session_of_the_door_reads_on(books: Books, seen_before: str) -> None:
    kept = session(session_options("columns"))
    with psycopg.connect(seen_before, autocommit=True, **kept) as db:
        for _ in range(OFTEN):
            assert db.execute(READ).fetchone() == (1,)

        books.sql(ADD)

        assert db.execute(READ).fetchone() == (1, None)
