"""Sessions of ours: durable whatever the default is, on a primary only, never silent for long."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Loss, Rule, SqlError
from ops.leader import LEADER_LOCK, Leader
from ops.presence import Presence
from ops.store.engine import KEEPALIVE_S, SILENCE_S, open_engine, session, session_options
from tests.store.conftest import Books
from tests.workers.circuit_rig import until

pytestmark = pytest.mark.services


@contextmanager
def by_default(books: Books, setting: str, value: str) -> Iterator[None]:
    """Sessions that begin in this block find the database with another default."""
    name = books.url.rpartition("/")[2]
    with psycopg.connect(books.url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
        try:
            yield
        finally:
            db.execute(f"ALTER DATABASE {name} RESET {setting}")


def test_what_is_committed_is_on_the_disk_whatever_the_default_is(books: Books) -> None:
    shown = "SHOW synchronous_commit"
    with by_default(books, "synchronous_commit", "off"):
        with psycopg.connect(books.url) as theirs:
            assert theirs.execute(shown).fetchone() == ("off",)
        engine = open_engine(books.url, "faults", 1)
        with engine.connect() as db:
            assert db.execute(text(shown)).scalar_one() == "on"
        engine.dispose()


def test_a_server_that_takes_no_writes_is_none_of_ours(books: Books) -> None:
    engine = open_engine(books.url, "faults", 1)
    with by_default(books, "default_transaction_read_only", "on"):
        with pytest.raises(OperationalError, match="session is read-only"), engine.connect():
            raise AssertionError("connected to a server that is read-only")
        assert not Leader(books.url, "faults").leads()
    with engine.connect() as db:
        assert db.execute(text("SHOW transaction_read_only")).scalar_one() == "off"
    engine.dispose()


def test_a_session_gives_up_a_server_that_has_fallen_silent(books: Books) -> None:
    with psycopg.connect(books.url, **session(session_options("faults"))) as db:
        ours = socket.socket(fileno=db.fileno())
        try:
            seen = {
                name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            }
        finally:
            ours.detach()

    assert seen["TCP_USER_TIMEOUT"] == SILENCE_S * 1_000
    assert seen["TCP_KEEPIDLE"] == KEEPALIVE_S
    assert seen["TCP_KEEPIDLE"] + seen["TCP_KEEPINTVL"] * seen["TCP_KEEPCNT"] == SILENCE_S


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda sql: sql.cut(), id="the session is cut"),
        pytest.param(
            lambda sql: sql.rules.arm(Rule("^SELECT 1$", Loss.REPLY)), id="a reply is lost"
        ),
        pytest.param(
            lambda sql: sql.rules.arm(
                Rule("^SELECT 1$", SqlError("57P01")),
                Rule("pg_advisory_lock", SqlError("55P03")),
            ),
            id="shut down and not at once let in again",
        ),
    ],
)
def test_a_living_process_is_present_again(
    books: Books, sql: Relay, fault: Callable[[Relay], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.presence.CHECK_S", 0.05)
    presence = Presence(sql.url, "faults")
    first = _holder(books, presence.owner)
    assert first is not None

    fault(sql)
    until(lambda: _holder(books, presence.owner) not in (None, first), "another session")
    presence.close()
    until(lambda: _holder(books, presence.owner) is None, "the end")


def test_a_leader_that_lost_its_session_leads_again_and_never_beside_another(
    books: Books, sql: Relay
) -> None:
    one, other = Leader(sql.url, "faults"), Leader(books.url, "faults")
    assert one.leads()
    assert not other.leads()

    sql.rules.arm(Rule("^SELECT 1$", Loss.REPLY))
    assert not one.leads()
    until(lambda: _holder(books, LEADER_LOCK) is None, "the server to notice")
    with sql.away():
        assert not one.leads()
        assert other.leads()
    assert not one.leads()
    other.resign()
    until(one.leads, "the other one's end")
    one.resign()


def _holder(books: Books, lock: int) -> object:
    """Return the process of the session that holds an advisory lock; None: nobody does."""
    found = books.sql(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND (classid::bigint << 32) | objid::bigint = :lock",
        lock=lock,
    )
    return found[0]["pid"] if found else None
