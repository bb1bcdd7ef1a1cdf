"""Every statement of a payment's way to its money meets every fault; the money moves once."""

from __future__ import annotations

from itertools import count

import pytest

from domain.flows.learn import MAX_TRIES
from domain.ports import Refused
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import STARTUP, Loss, Rule, SqlError
from tests.faults.shop import Shop

pytestmark = pytest.mark.services

#: More statements than a payment's whole way has.
MOST = 80
#: Every kind of statement on that way, and which of them.
CLAIM = ("UPDATE payments SET lease_token", 1)
ATTEMPT = ("INSERT INTO payment_attempts", 1)
ATTEMPT_COMMIT = ("^COMMIT", 2)
BEFORE = (
    CLAIM,
    ("FROM gateways", 1),
    ("^COMMIT", 1),
    ATTEMPT,
    ("INSERT INTO fraud_checks", 1),
    ATTEMPT_COMMIT,
)
#: The fraud decision, where it is written alone.
ALONE = (("FOR UPDATE$", 1), ("UPDATE payments SET status", 1), ("INSERT INTO fraud_checks", 1))
ANSWER = (
    ("FOR UPDATE$", 1),
    ("FROM payment_attempts WHERE payment_id", 1),
    ("INSERT INTO attempt_facts", 1),
    ("^COMMIT", 3),
)

#: The database or the network ended the transaction: it may be run again.
INTERRUPTED = {
    "serialization failure": "40001",
    "deadlock": "40P01",
    "shut down": "57P01",
    "connection failure": "08006",
}
REFUSED = {"lock timeout": "55P03", "statement timeout": "57014", "disk full": "53100"}


def test_a_payment_is_charged_once_whichever_reply_is_lost(shop: Shop, sql: Relay) -> None:
    shop.finish(shop.a_payment())  # what only a new connection says
    for nth in count(1):
        assert nth < MOST
        payment_id = shop.a_payment()
        sql.rules.arm(Rule("^(?!STARTUP).", Loss.REPLY, nth))
        shop.finish(payment_id)
        struck = sql.rules.struck
        sql.rules.disarm()
        shop.paid_once(payment_id)
        if not struck:
            return


def test_a_payment_waits_while_there_are_too_many_connections(shop: Shop, sql: Relay) -> None:
    shop.finish(shop.a_payment())
    payment_id = shop.a_payment()
    sql.rules.arm(Rule(STARTUP, SqlError("53300"), times=1_000))
    sql.cut()
    assert shop.work(payment_id) == 1
    assert len(shop.crashes) == 1

    sql.rules.disarm()
    shop.finish(payment_id)
    shop.paid_once(payment_id)


@pytest.mark.parametrize(
    "fault",
    [Loss.REQUEST, *map(SqlError, (*INTERRUPTED.values(), *REFUSED.values()))],
    ids=["request lost", *INTERRUPTED, *REFUSED],
)
def test_a_payment_is_charged_once_whichever_statement_fails(
    shop: Shop, sql: Relay, fault: Loss | SqlError
) -> None:
    for on, nth in (*BEFORE, *ANSWER):
        payment_id = shop.a_payment()
        sql.rules.arm(Rule(on, fault, nth))
        shop.finish(payment_id)
        assert sql.rules.struck, (on, nth)
        sql.rules.disarm()
        shop.paid_once(payment_id)


@pytest.mark.parametrize("fault", [Loss.REQUEST, SqlError("40P01")], ids=["lost", "deadlock"])
def test_a_decision_that_is_written_alone_meets_them_too(
    shop: Shop, sql: Relay, fault: Loss | SqlError
) -> None:
    for on, nth in ALONE:
        payment_id = shop.a_payment()
        shop.refuse(Refused("bulkhead_full", 0.0))
        sql.rules.arm(Rule(on, fault, nth))
        shop.work(payment_id)
        assert sql.rules.struck, (on, nth)
        sql.rules.disarm()
        shop.refuse(None)
        shop.finish(payment_id)
        shop.paid_once(payment_id)


@pytest.mark.parametrize("state", INTERRUPTED.values(), ids=INTERRUPTED)
def test_an_answer_is_not_given_up_for_a_transaction_that_may_be_run_again(
    shop: Shop, sql: Relay, state: str
) -> None:
    for on, nth in ANSWER:
        payment_id = shop.a_payment()
        sql.rules.arm(Rule(on, SqlError(state), nth))
        shop.work(payment_id)
        assert sql.rules.struck, (on, nth)
        sql.rules.disarm()
        shop.paid_once(payment_id)
    assert shop.crashes == []


def test_an_answer_whose_commit_was_not_answered_is_stored_twice_and_counts_once(
    shop: Shop,
    sql: Relay,
) -> None:
    payment_id = shop.a_payment()
    sql.rules.arm(Rule("^COMMIT", Loss.REPLY, 3))
    shop.work(payment_id)

    assert shop.crashes == []
    shop.paid_once(payment_id)
    facts = shop.books.sql("SELECT count(*) AS n FROM attempt_facts")
    told = shop.books.sql("SELECT count(*) AS n FROM outbox_events WHERE type = 'payment.captured'")
    assert (facts, told) == ([{"n": 2}], [{"n": 1}])


def test_tries_to_store_an_answer_are_bounded_and_the_attempt_is_resolved(
    shop: Shop, sql: Relay
) -> None:
    payment_id = shop.a_payment()
    sql.rules.arm(Rule("INSERT INTO attempt_facts", SqlError("40P01"), times=1_000))
    shop.work(payment_id)

    assert len(sql.rules.struck) == MAX_TRIES
    assert len(shop.crashes) == 1
    assert [one["state"] for one in shop.attempts(payment_id)] == ["sending"]
    sql.rules.disarm()
    shop.finish(payment_id)
    shop.paid_once(payment_id)


@pytest.mark.parametrize("statement", [ATTEMPT[0], "^COMMIT"], ids=["the row", "the commit"])
def test_without_room_for_an_attempt_nothing_is_sent(
    shop: Shop, sql: Relay, statement: str
) -> None:
    payment_id = shop.a_payment()
    first = 1 if statement == ATTEMPT[0] else 2  # claim, then attempt
    sql.rules.arm(Rule(statement, SqlError("53100"), first, times=1_000))
    for _ in range(3):
        shop.work(payment_id)
        shop.later(payment_id)

    assert len(shop.crashes) == 3
    assert shop.till.asked[payment_id] == []
    assert shop.attempts(payment_id) == []
    sql.rules.disarm()
    shop.finish(payment_id)
    shop.paid_once(payment_id)


@pytest.mark.parametrize("state", REFUSED.values(), ids=REFUSED)
def test_an_answer_that_cannot_be_stored_leaves_the_attempt_sending(
    shop: Shop, sql: Relay, state: str
) -> None:
    payment_id = shop.a_payment()
    sql.rules.arm(Rule("INSERT INTO attempt_facts", SqlError(state), times=1_000))
    shop.work(payment_id)

    assert len(shop.till.asked[payment_id]) == 1
    assert [one["state"] for one in shop.attempts(payment_id)] == ["sending"]
    for _ in range(3):  # nobody sends it again while it cannot be stored
        shop.later(payment_id)
        shop.work(payment_id)
    assert len(shop.till.asked[payment_id]) == 1
    assert [one["state"] for one in shop.attempts(payment_id)] == ["sending"]

    sql.rules.disarm()
    shop.finish(payment_id)
    shop.paid_once(payment_id)
