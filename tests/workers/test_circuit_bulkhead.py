"""Bulkhead and retry budget of a gateway, shared through a real server."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest

from domain.backoff import RetryBudget
from domain.breaker import Policy, Refusal, State, Verdict
from domain.ports import Refused
from ops import breakers
from tests.workers.circuit_rig import Rig, Server, client_of, new_name, take_one_and_hang, until
from workers.circuit import Permit, RedisCircuit

pytestmark = pytest.mark.services

GOOD, BAD = Verdict.GOOD, Verdict.BAD
LASTING = Policy(window_s=600, open_s=600)

spawn = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    server = Server(tmp_path_factory.mktemp("circuit"))
    yield server.port
    server.kill()


@pytest.fixture
def gateway() -> str:
    return new_name()


def test_a_full_bulkhead_refuses_until_a_slot_comes_back(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)
    first = rig.permit()
    assert isinstance(rig.enter(max_in_flight=2), Permit)

    full = rig.enter(max_in_flight=2)
    assert isinstance(full, Refused)
    assert full.reason is Refusal.BULKHEAD_FULL
    assert full.retry_after_s > 0

    rig.circuit.leave(first, GOOD, 0.01)
    assert isinstance(rig.enter(max_in_flight=2), Permit)


def test_a_killed_workers_slot_frees_itself(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)
    worker = spawn.Process(target=take_one_and_hang, args=(port, gateway, 1.0))
    worker.start()
    key = breakers.calls_key(gateway)
    until(lambda: rig.client.zcard(key) == 1, "the worker to take the slot")
    assert isinstance(rig.enter(max_in_flight=1), Refused)

    worker.kill()
    worker.join()

    until(lambda: isinstance(rig.enter(max_in_flight=1), Permit), "the slot to expire")


@pytest.mark.parametrize("operation", ["resolve", "void", "refund"])
def test_money_that_is_out_there_always_gets_a_slot_and_counts(
    port: int, gateway: str, operation: str
) -> None:
    rig = Rig(port, LASTING, gateway)
    rig.call(*[BAD] * 5, operation="charge")
    rig.call(*[BAD] * 5, operation=operation)
    assert rig.state(operation) is State.OPEN

    taken = [rig.enter(operation, max_in_flight=2) for _ in range(6)]

    assert all(isinstance(permit, Permit) for permit in taken)
    payout = rig.enter("payout", max_in_flight=6)
    assert isinstance(payout, Refused)
    assert payout.reason is Refusal.BULKHEAD_FULL


def test_retries_are_a_tenth_of_the_traffic_but_never_fewer_than_ten(
    port: int, gateway: str
) -> None:
    budget = RetryBudget(window_s=600)
    circuit = RedisCircuit(client_of(port), LASTING, on_change=lambda *_: None, budget=budget)

    def enter(operation: str = "charge", *, retry: bool = False) -> Permit | Refused:
        return circuit.enter(gateway, operation, max_in_flight=1_000, hold_s=60, retry=retry)

    def retries_until_refused(operation: str = "charge", most: int = 50) -> int:
        for granted in range(most):
            got = enter(operation, retry=True)
            if isinstance(got, Refused):
                assert got.reason is Refusal.BUDGET
                return granted
        return most

    assert retries_until_refused() == 10
    for _ in range(170):
        assert isinstance(enter(), Permit)
    # 180 calls, 10 of them retries; each further retry is a call too: 19 of 189 is the last tenth.
    assert retries_until_refused() == 9
    assert retries_until_refused("void") == 50
    assert isinstance(enter(), Permit), "only retries are refused"


def test_a_spent_retry_budget_comes_back(port: int, gateway: str) -> None:
    budget = RetryBudget(floor=1, window_s=0.3)
    circuit = RedisCircuit(client_of(port), LASTING, on_change=lambda *_: None, budget=budget)

    def retried() -> bool:
        got = circuit.enter(gateway, "charge", max_in_flight=1_000, hold_s=60, retry=True)
        return isinstance(got, Permit)

    assert retried()
    until(retried, "the window to slide")
