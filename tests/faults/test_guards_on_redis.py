"""Breaker and fraud windows without their Redis: a call is let through, a history is absent."""

from __future__ import annotations

import time

import pytest
import redis

from domain.breaker import Change, Policy, State, Verdict
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Loss, RespError, Rule, Then
from ops.queue.client import connect
from tests.workers.circuit_rig import new_name
from tests.workers.velocity_shop import Shop
from workers.circuit import Permit, RedisCircuit

pytestmark = pytest.mark.services

FAULTS: dict[str, Then] = {
    "lost requests": Loss.REQUEST,
    "lost replies": Loss.REPLY,
    "silent": Loss.SILENCE,
    "read-only": RespError("READONLY You can't write against a read only replica."),
    "out of memory": RespError("OOM command not allowed when used memory > 'maxmemory'."),
    "disk full": RespError("MISCONF Errors writing to the AOF file: No space left on device"),
    "loading": RespError("LOADING the dataset in memory"),
}
LASTING = Policy(min_calls=5, window_s=600, open_s=600)
#: What a payment may lose by all of it (seconds), on a busy machine.
BOUND_S = 3.0


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_breaker_starts_closed_and_still_opens_for_its_process(cache: Relay, fault: Then) -> None:
    told: list[Change] = []
    client = connect(cache.url, connect_s=0.25, socket_s=0.5)
    circuit = RedisCircuit(client, LASTING, on_change=lambda *change: told.append(change[2]))
    gateway = new_name()
    cache.rules.arm(Rule(".", fault, times=10**6))

    began = time.monotonic()
    for _ in range(LASTING.min_calls):
        permit = circuit.enter(gateway, "charge", max_in_flight=9, hold_s=30.0)
        assert isinstance(permit, Permit)
        circuit.leave(permit, Verdict.BAD, 0.1)
    assert time.monotonic() - began < BOUND_S
    assert circuit.state(gateway, "charge") is State.OPEN

    cache.rules.disarm()
    client.close()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_history_that_cannot_be_read_is_absent_and_said_to_be(cache: Relay, fault: Then) -> None:
    with redis.Redis.from_url(cache.url) as client:
        shop = Shop(client, budget_s=0.1)
        cache.rules.arm(Rule(".", fault, times=10**6))

        began = time.monotonic()
        assert shop.pays(1) is None
        shop.is_declined(1)
        assert time.monotonic() - began < BOUND_S
        assert len(shop.reasons) == 2

        cache.rules.disarm()
