"""Statements said to the driver itself: kept once, refused as any other, written together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from time import monotonic

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from domain.attempt import State
from domain.books import Interrupted
from domain.payment import Status
from ops.store.direct import Direct
from ops.store.engine import open_engine
from ops.store.postgres import Known, PostgresStore
from ops.store.transaction import Transaction
from ops.store.work.session import StaleWrite
from tests.store.books import a_charge, a_payment
from tests.store.conftest import Books

pytestmark = pytest.mark.services

_KEPT = text("SELECT count(*) FROM pg_prepared_statements")
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'direct'"
_LIVING = "SELECT 1 AS n FROM pg_stat_activity WHERE application_name = 'direct'"


def end_sessions(books: Books) -> None:
    """End the sessions of the engine under test, and wait until they are gone."""
    books.sql(_END)
    until, pause = monotonic() + 10, Event()
    while books.sql(_LIVING):
        assert monotonic() < until, "a session lives on"
        pause.wait(0.01)


def test_a_statement_is_kept_once_whatever_its_values(books: Books) -> None:
    engine = open_engine(books.url, "direct", 1)
    said = "SELECT $1::bigint AS n, $2::timestamptz AS at, $3::jsonb AS told"
    at = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    with Transaction(engine) as transaction:
        direct = Direct(transaction)
        for n in (1, 2**20, -(2**40)):
            assert direct.row(said, (n, at, {"a": [n]})) == {"n": n, "at": at, "told": {"a": [n]}}
        assert transaction.connection.execute(_KEPT).scalar_one() == 1
    engine.dispose()


def test_what_the_database_refuses_is_told_without_its_values(books: Books) -> None:
    secret = "sk_nobody_may_read"
    with pytest.raises(IntegrityError) as refused, Transaction(books.engine) as transaction:
        Direct(transaction).run("INSERT INTO merchants (id, name) VALUES (NULL, $1)", (secret,))
    assert refused.value.params is None
    assert secret not in repr(refused.value.statement)


@pytest.mark.parametrize("through_sqlalchemy", [False, True])
def test_an_error_that_was_swallowed_inside_is_no_commit(
    books: Books, through_sqlalchemy: bool
) -> None:
    def swallow() -> None:
        with Transaction(books.engine) as one:
            if through_sqlalchemy:
                one.connection.execute(text("SELECT 1"))
            with suppress(IntegrityError):
                Direct(one).run("INSERT INTO merchants (id, name) VALUES (NULL, $1)", ("none",))

    with pytest.raises(InternalError, match="nothing is written"):
        swallow()
    with Transaction(books.engine) as another:
        assert Direct(another).row("SELECT 1 AS n", ()) == {"n": 1}


def test_both_ways_to_say_a_statement_are_one_transaction_which_is_undone(books: Books) -> None:
    a_payment(books)
    named = text("SELECT count(*) FROM merchants WHERE name = 'undone'")

    def undone() -> None:
        with Transaction(books.engine) as transaction:
            touched = Direct(transaction).run("UPDATE merchants SET name = $1", ("undone",))
            assert touched == transaction.connection.execute(named).scalar_one() > 0
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    with Transaction(books.engine) as transaction:
        assert transaction.connection.execute(named).scalar_one() == 0


def test_statements_that_the_server_has_forgotten_are_kept_anew(books: Books) -> None:
    engine = open_engine(books.url, "direct", 1)
    store = PostgresStore(engine, books.vault, books.new_id)
    id_ = a_payment(books)
    with store.begin() as work:
        work.payment(id_)
    with engine.begin() as db:
        db.execute(text("DEALLOCATE ALL"))

    def asked() -> None:
        with store.begin() as work:
            work.payment(id_)

    with pytest.raises(Interrupted):
        asked()
    asked()
    engine.dispose()


def test_a_session_that_ends_before_its_commit_interrupts(books: Books) -> None:
    engine = open_engine(books.url, "direct", 1)
    store = PostgresStore(engine, books.vault, books.new_id)
    id_ = a_payment(books)

    def cut_off() -> None:
        with store.begin() as work:
            work.payment(id_)
            end_sessions(books)

    with pytest.raises(Interrupted):
        cut_off()
    with store.begin() as work:
        assert work.payment(id_).id == id_
    engine.dispose()


def test_a_session_that_ended_while_idle_is_replaced_before_anybody_notices(books: Books) -> None:
    engine = open_engine(books.url, "direct", 1)
    store = PostgresStore(engine, books.vault, books.new_id)
    id_ = a_payment(books)
    with store.begin() as work:
        work.payment(id_)

    end_sessions(books)

    with store.begin() as work:
        assert work.payment(id_).id == id_
    engine.dispose()


def test_a_session_that_ends_under_way_interrupts_and_the_next_one_works(books: Books) -> None:
    engine = open_engine(books.url, "direct", 1)
    store = PostgresStore(engine, books.vault, books.new_id)
    id_ = a_payment(books)

    def cut_off() -> None:
        with store.begin() as work:
            work.payment(id_)
            end_sessions(books)
            work.payment(id_)

    with pytest.raises(Interrupted) as cut:
        cut_off()
    assert isinstance(cut.value, OperationalError)

    with store.begin() as work:
        assert work.payment(id_).id == id_
    engine.dispose()


def test_a_row_that_is_written_twice_is_as_it_was_written_last(books: Books) -> None:
    id_ = a_payment(books, Status.PROCESSING)
    attempt_id = a_charge(books, id_, state=State.SENDING)

    with books.store.begin() as work:
        payment = work.lock_payment(id_)
        (attempt,) = work.attempts(id_)
        for cause in ("first", "last"):
            payment = work.save_payment(replace(payment, risk_level=cause))
            work.save_attempt(replace(attempt, cause=cause))
        read = work.attempt(attempt_id)
        assert read is not None
        assert read.cause == "last"

    with books.store.begin() as work:
        assert work.payment(id_) == payment
    assert (payment.risk_level, payment.version) == ("last", 3)


def test_a_version_that_is_not_there_undoes_everything(books: Books) -> None:
    id_ = a_payment(books, Status.PROCESSING)
    a_charge(books, id_, state=State.SENDING)
    with books.store.begin() as work:
        before = work.payment(id_), work.attempts(id_)

    def stale() -> None:
        with books.store.begin() as work:
            payment = work.lock_payment(id_)
            (attempt,) = work.attempts(id_)
            work.save_attempt(replace(attempt, cause="never"))
            work.save_payment(replace(payment, version=7))

    with pytest.raises(StaleWrite):
        stale()

    with books.store.begin() as work:
        assert (work.payment(id_), work.attempts(id_)) == before


def test_the_gateways_stay_as_they_were_read_for_as_long_as_is_said(books: Books) -> None:
    now = [0.0]
    known = Known(1.0, clock=lambda: now[0])
    with books.engine.connect() as db:
        first = known.gateways(lambda: db)
        books.sql("UPDATE gateways SET is_active = false WHERE id = 'one'")
        now[0] = 0.99
        assert known.gateways(lambda: db) is first
        now[0] = 1.0
        assert [row.active for row in known.gateways(lambda: db)] == [False, True]
