"""The door behind a database that loses, refuses and goes: one payment, one answer, never a guess."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from ops.dev.services import Services
from ops.harness.proxy.postgres import PostgresTalk
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import STARTUP, Loss, Rule, SqlError
from ops.store.accept import MAX_TRIES
from tests.faults.door import Door, a_door
from tests.store.conftest import Books

pytestmark = pytest.mark.services

#: What writes checkouts: everything that belongs to them, and it commits by itself.
ACCEPTING = "INSERT INTO idempotency_keys"
#: Every kind of statement that accepting sends.
KINDS = ("^SELECT clock_timestamp", ACCEPTING)
#: A merchant's request is answered within this, whatever the database does (seconds): waiting for
#: a connection twice, and a busy machine.
BOUND_S = 10.0


@pytest.fixture(scope="module")
def served(database: Books, servers: Services) -> Iterator[tuple[Door, Relay]]:
    relay = Relay(PostgresTalk, database.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.store.accept.TIME_KNOWN_S", 0.0)  # each batch asks for the time
        with a_door(database, relay.url, servers.redis_url, patch) as door:
            yield door, relay
    relay.close()


@pytest.fixture
def sql(served: tuple[Door, Relay]) -> Iterator[Relay]:
    yield served[1]
    served[1].rules.disarm()


@pytest.fixture
def door(books: Books, served: tuple[Door, Relay], servers: Services) -> Door:
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()  # it remembers answers to keys of other tests
    served[0].stubbornly("warm")  # gateways, keys and the directory are read, statements prepared
    return served[0]


@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.REPLY])
def test_whichever_statement_is_lost_the_key_has_one_answer(
    door: Door, sql: Relay, loss: Loss
) -> None:
    for place, kind in enumerate(KINDS):
        key = f"lost-{place}"
        sql.rules.arm(Rule(kind, loss))
        statuses, body = door.stubbornly(key)
        assert len(sql.rules.struck) == 1, kind
        sql.rules.disarm()
        # Nobody repeats a statement that was lost; only what was written is found again.
        written = kind == ACCEPTING and loss is Loss.REPLY
        assert statuses == ([202] if written else [503, 202]), kind
        door.accepted_once(key, body)


def test_a_batch_whose_answer_is_lost_is_read_again_before_anybody_is_told(
    door: Door, sql: Relay
) -> None:
    sql.rules.arm(Rule(ACCEPTING, Loss.REPLY))
    answer = door.checkout("once")

    assert len(sql.rules.struck) == 1
    assert answer.status == 202
    assert "Idempotent-Replayed" not in answer.headers
    door.accepted_once("once", answer.data)


def test_everybody_in_a_batch_hears_what_was_written(door: Door, sql: Relay) -> None:
    sql.rules.arm(Rule(ACCEPTING, Loss.REPLY, times=1_000))
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda n: door.checkout(f"crowd-{n}"), range(32)))
    struck = sql.rules.struck
    sql.rules.disarm()

    assert struck
    assert [answer.status for answer in answers] == [202] * 32
    assert len({json.loads(answer.data)["id"] for answer in answers}) == 32
    for n, answer in enumerate(answers):
        door.accepted_once(f"crowd-{n}", answer.data)


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57014", "53100", "57P01", "08006"])
def test_whichever_statement_is_refused_the_key_has_one_answer(
    door: Door, sql: Relay, state: str
) -> None:
    again = state in ("40001", "40P01", "55P03")  # by the door itself
    for place, kind in enumerate(KINDS):
        key = f"{state}-{place}"
        sql.rules.arm(Rule(kind, SqlError(state)))
        statuses, body = door.stubbornly(key)
        assert len(sql.rules.struck) == 1, kind
        sql.rules.disarm()
        assert statuses == ([202] if again else [503, 202]), kind
        door.accepted_once(key, body)


def test_tries_of_a_checkout_that_is_undone_are_bounded(door: Door, sql: Relay) -> None:
    sql.rules.arm(Rule("INSERT INTO payments", SqlError("40P01"), times=1_000))
    assert door.checkout("bounded").status == 503
    assert len(sql.rules.struck) == 1 + MAX_TRIES  # the batch, then the checkout alone
    sql.rules.disarm()

    _, body = door.stubbornly("bounded")
    door.accepted_once("bounded", body)


def test_what_cannot_be_recorded_is_not_accepted(door: Door, sql: Relay, books: Books) -> None:
    sql.rules.arm(Rule(ACCEPTING, SqlError("53100"), times=1_000))
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda n: door.checkout(f"full-{n}"), range(16)))

    assert {answer.status for answer in answers} == {503}
    assert {int(answer.headers["Retry-After"]) >= 1 for answer in answers} == {True}
    # One statement per batch: no batch is tried row by row where no row is to blame.
    assert len(sql.rules.struck) <= len(answers)
    assert books.sql("SELECT 1 AS found FROM idempotency_keys WHERE key LIKE 'full-%'") == []
    sql.rules.disarm()
    _, body = door.stubbornly("full-0")
    door.accepted_once("full-0", body)


@pytest.mark.parametrize("fault", ["too many connections", "away"])
def test_without_a_connection_the_answer_is_a_503_in_time(
    door: Door, sql: Relay, fault: str
) -> None:
    began = time.monotonic()
    if fault == "away":
        with sql.away():
            assert door.checkout("late").status == 503
    else:
        sql.rules.arm(Rule(STARTUP, SqlError("53300"), times=1_000))
        sql.cut()
        assert door.checkout("late").status == 503
        sql.rules.disarm()
    assert time.monotonic() - began < BOUND_S

    _, body = door.stubbornly("late")
    door.accepted_once("late", body)


def test_dead_connections_are_replaced_at_once(door: Door, sql: Relay) -> None:
    with ThreadPoolExecutor(8) as crowd:  # the pool grows
        assert {a.status for a in crowd.map(lambda n: door.checkout(f"w{n}"), range(32))} == {202}
    sql.cut()
    statuses, body = door.stubbornly("after")

    assert len(statuses) <= 2  # a busy machine may need longer than a request may wait
    door.accepted_once("after", body)


def test_a_request_about_a_payment_is_carried_out_once_when_its_commit_is_lost(
    door: Door, sql: Relay, books: Books
) -> None:
    id_ = json.loads(door.checkout("bought").data)["id"]
    for loss in (Loss.REQUEST, Loss.REPLY):
        sql.rules.arm(Rule("^COMMIT", loss, within=ACCEPTING))
        lost = door.ask(f"/v1/payments/{id_}/cancel", {}, f"cancel-{loss}")
        assert (lost.status, len(sql.rules.struck)) == (503, 1)
        sql.rules.disarm()
        told = door.ask(f"/v1/payments/{id_}/cancel", {}, f"cancel-{loss}")
        again = door.ask(f"/v1/payments/{id_}/cancel", {}, f"cancel-{loss}")
        assert told.status == 200
        assert (again.status, again.data) == (told.status, told.data)

    moves = books.sql(
        "SELECT count(*) AS n FROM outbox_events WHERE aggregate_id = :id AND type LIKE :type",
        id=id_,
        type="%cancelled",
    )
    assert moves == [{"n": 1}]


@pytest.mark.parametrize(
    "fault",
    [Loss.REQUEST, Loss.REPLY, SqlError("40P01"), SqlError("57P01"), SqlError("53100")],
    ids=lambda fault: str(getattr(fault, "sqlstate", fault)),
)
def test_a_webhook_that_may_not_be_stored_is_asked_for_again_and_stored_once(
    door: Door, sql: Relay, books: Books, fault: Loss | SqlError
) -> None:
    assert door.webhook("evt_first").status == 200  # accounts are read
    sql.rules.arm(Rule("INSERT INTO webhook_events", fault))  # a transaction of its own
    lost = door.webhook("evt_lost")
    assert (lost.status, len(sql.rules.struck)) == (503, 1)
    sql.rules.disarm()

    answers = [door.webhook("evt_lost") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].json()["duplicate"]
    stored = "SELECT count(*) AS n FROM webhook_events WHERE dedupe_key = 'evt_lost'"
    assert books.sql(stored) == [{"n": 1}]
