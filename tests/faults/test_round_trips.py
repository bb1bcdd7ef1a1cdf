"""What a payment's way from claim to capture says to the stores, counted on the wire: no more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from domain.breaker import Policy as Breaker
from domain.flows.pay import pay
from domain.outcome import NotCharged
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Delay, Rule
from ops.queue.client import connect
from ops.store.postgres import PostgresStore
from tests.faults.shop import Shop
from tests.scripted import Scripted
from tests.store.conftest import Books
from workers.bulkhead import Bulkhead, of_new_money
from workers.caller import Caller
from workers.circuit import RedisCircuit
from workers.telling import call_readers
from workers.velocity import RedisVelocity

pytestmark = pytest.mark.services

#: Three transactions: the claim; what was decided, with the attempt; what the provider answered.
WAY = (
    "BEGIN",
    "UPDATE payments SET lease_token",
    "COMMIT",
    "BEGIN",
    "WITH begun AS.*INSERT INTO payment_attempts",
    "outbox_events.*audit_logs.*fraud_checks",
    "COMMIT",
    "BEGIN",
    "FROM payments WHERE id =.*FOR UPDATE",
    "FROM payment_attempts WHERE payment_id",
    "audit_logs.*UPDATE payment_attempts.*transactions.*UPDATE payments.*attempt_facts",
    "COMMIT",
)
#: The windows, a slot, the slot back; and whoever waits for the payment is called.
ASIDE = ("EVALSHA", "EVALSHA", "EVALSHA", "PUBLISH")
EVERYTHING = Rule("", Delay(0.0), times=10_000)


class Instant(Scripted):
    """A provider that has no complaints of its own."""

    def at_fault(self, refusal: NotCharged) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to close."""


class One:
    """One adapter for every gateway."""

    def __init__(self, adapter: Instant) -> None:
        self._adapter = adapter

    def get(self, gateway_id: str) -> Instant:
        return self._adapter


def test_a_payment_takes_twelve_trips_to_the_books_and_four_to_redis(
    books: Books, shop: Shop, sql: Relay, cache: Relay
) -> None:
    client = connect(cache.url, connect_s=5, socket_s=5)
    circuit = RedisCircuit(client, Breaker(), on_change=lambda *_: None)
    store = PostgresStore(
        shop.engine, books.vault, books.new_id, call_readers(client), fresh_s=3_600
    )
    runtime = replace(
        shop.runtime,
        store=store,
        velocity=RedisVelocity(client, b"key", 5.0),
        gateways=Caller(
            One(Instant("one", shop.till.take)), Bulkhead(circuit, of_new_money(2)), hold_s=60
        ),
    )
    pay(shop.a_payment(), runtime)  # the gateways are read, statements and scripts are known
    payment_id = shop.a_payment()
    for relay in (sql, cache):
        relay.rules.arm(EVERYTHING)

    pay(payment_id, runtime)

    said, aside = sql.rules.struck, cache.rules.struck
    client.close()
    shop.paid_once(payment_id)
    assert len(said) == len(WAY), said
    for statement, expected in zip(said, WAY, strict=True):
        assert re.search(expected, statement), (statement, expected)
    assert tuple(command.split()[0].upper() for command in aside) == ASIDE, aside
