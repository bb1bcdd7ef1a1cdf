"""The proxy itself: it changes nothing unasked, and a fault happens where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import redis

from ops.dev.services import Services
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import STARTUP, Delay, Loss, RespError, Rule, Rules, SqlError, Then
from tests.store.conftest import Books
from tests.workers.circuit_rig import until

pytestmark = pytest.mark.services


@pytest.fixture
def db(sql: Relay, books: Books) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    books.sql("CREATE TABLE IF NOT EXISTS proxied (n int)")
    with psycopg.connect(sql.url) as connection:
        yield connection
    books.sql("DROP TABLE proxied")


def test_rules_count_from_their_own_arming() -> None:
    rules = Rules()
    rules.arm(Rule("insert", Loss.REPLY, nth=2, times=2))
    met = [rules.meet(text) for text in ("INSERT 1", "SELECT", "INSERT 2", "insert 3", "INSERT 4")]

    assert met == [None, None, Loss.REPLY, Loss.REPLY, None]
    assert rules.struck == ["INSERT 2", "insert 3"]
    rules.disarm()
    assert rules.meet("INSERT 2") is None


def test_statements_results_and_many_rows_pass_unchanged(
    db: psycopg.Connection[tuple[object, ...]],
) -> None:
    text = "SELECT n, repeat('x', 1000) FROM generate_series(1, %s) AS n"
    assert len(db.execute(text, (5_000,)).fetchall()) == 5_000
    for n in range(10):  # prepared by the client from the sixth on
        assert db.execute("SELECT %s::int + 1", (n,)).fetchone() == (n + 1,)
    with db.cursor() as cursor:  # pipelined
        cursor.executemany("INSERT INTO proxied VALUES (%s)", [(n,) for n in range(500)])
    assert db.execute("SELECT count(*) FROM proxied").fetchone() == (500,)
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.execute("SELECT 1 / 0")


@pytest.mark.parametrize(("loss", "written"), [(Loss.REQUEST, 0), (Loss.REPLY, 1)])
def test_a_lost_commit_is_committed_or_not(
    db: psycopg.Connection[tuple[object, ...]],
    sql: Relay,
    books: Books,
    loss: Loss,
    written: int,
) -> None:
    sql.rules.arm(Rule("^COMMIT", loss))
    db.execute("INSERT INTO proxied VALUES (1)")
    with pytest.raises(psycopg.OperationalError):
        db.commit()

    until(lambda: _sessions(books) == 0, "the server to notice")
    assert books.sql("SELECT count(*) AS n FROM proxied") == [{"n": written}]


@pytest.mark.parametrize("on", ["INSERT", "^COMMIT"])
def test_a_refused_statement_leaves_nothing_and_the_session_goes_on(
    db: psycopg.Connection[tuple[object, ...]], sql: Relay, on: str
) -> None:
    sql.rules.arm(Rule(on, SqlError("40001")))
    with pytest.raises(psycopg.errors.SerializationFailure):
        _write(db)
    if on == "INSERT":
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            db.execute("SELECT 1")
    db.rollback()

    assert db.execute("SELECT count(*) FROM proxied").fetchone() == (0,)


def test_a_server_may_refuse_a_session_or_be_away(sql: Relay) -> None:
    sql.rules.arm(Rule(STARTUP, SqlError("53300")))
    with pytest.raises(psycopg.OperationalError, match="said by the proxy"):
        psycopg.connect(sql.url)
    with sql.away(), pytest.raises(psycopg.OperationalError):
        psycopg.connect(sql.url)
    with psycopg.connect(sql.url) as back:
        assert back.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("then", "error"),
    [
        (Loss.REQUEST, redis.ConnectionError),
        (Loss.REPLY, redis.ConnectionError),
        (Loss.SILENCE, redis.TimeoutError),
        (Delay(0.3), redis.TimeoutError),
        (RespError("READONLY no"), redis.ReadOnlyError),
    ],
    ids=["request", "reply", "silence", "delay", "refusal"],
)
def test_a_redis_command_meets_its_fault_and_the_others_do_not(
    cache: Relay, servers: Services, then: Then, error: type[Exception]
) -> None:
    with (
        redis.Redis.from_url(cache.url, socket_timeout=0.1, retry=None) as client,
        redis.Redis.from_url(servers.redis_url) as behind,
    ):
        behind.delete("counted")
        cache.rules.arm(Rule("^INCRBY counted", then, nth=2))
        client.incr("counted")
        with pytest.raises(error):
            client.incr("counted")
        done = 1 if then is Loss.REQUEST or isinstance(then, RespError) else 2
        until(lambda: int(behind.get("counted") or 0) == done, "what the server made of it")
        assert client.incr("counted") == done + 1


def test_pipelines_scripts_and_subscriptions_pass_unchanged(cache: Relay) -> None:
    with redis.Redis.from_url(cache.url) as client:
        pipe = client.pipeline(transaction=True)
        for n in range(100):
            pipe.set(f"proxied:{n}", "x" * n)
        assert pipe.execute() == [True] * 100
        assert client.register_script("return {1, 'two', {3}}")() == [1, b"two", [3]]
        listening = client.pubsub()
        listening.subscribe("proxied")
        until(lambda: client.publish("proxied", "hello") == 1, "the subscription")
        said: list[object] = []
        until(lambda: _heard(listening, said), "the message")
        listening.close()


def _write(db: psycopg.Connection[tuple[object, ...]]) -> None:
    db.execute("INSERT INTO proxied VALUES (1)")
    db.commit()


def _heard(listening: redis.client.PubSub, said: list[object]) -> bool:
    message = listening.get_message(timeout=0.05)
    said.append(message and message["data"])
    return b"hello" in said


def _sessions(books: Books) -> int:
    (row,) = books.sql(
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE query LIKE '%proxied%' AND pid <> pg_backend_pid()"
    )
    return int(str(row["n"]))
