"""Redis dies, hangs, refuses or forgets: calls go on, each process counting for itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from domain.breaker import Hold, Override, Policy, Refusal, State, Verdict
from domain.ports import Refused
from ops import breakers
from tests.workers.circuit_rig import Rig, Server, client_of, until
from workers.circuit import Permit, RedisCircuit

pytestmark = pytest.mark.services

GOOD, BAD = Verdict.GOOD, Verdict.BAD
LASTING = Policy(window_s=600, open_s=600)
GATEWAY = "gateway"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("circuit"))
    yield server
    server.kill()


@dataclass
class Clock:
    """A monotonic clock that the test moves, and a wall clock beside it."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_000_000 + self.now


@dataclass
class Alone:
    """A worker whose Redis is not there at all."""

    policy: Policy = LASTING
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.told: list[object] = []
        self.circuit = RedisCircuit(
            client_of(1),  # nobody listens there, and nobody without rights can
            self.policy,
            on_change=lambda *change: self.told.append(change),
            clock=self.clock.monotonic,
            wall=self.clock.wall,
        )

    def enter(
        self,
        operation: str = "charge",
        *,
        max_in_flight: int = 100,
        hold_s: float = 60,
        retry: bool = False,
        override: Override | None = None,
    ) -> Permit | Refused:
        return self.circuit.enter(
            GATEWAY,
            operation,
            max_in_flight=max_in_flight,
            hold_s=hold_s,
            retry=retry,
            override=override,
        )

    def call(self, *verdicts: Verdict) -> None:
        for verdict in verdicts:
            permit = self.enter()
            assert isinstance(permit, Permit)
            self.circuit.leave(permit, verdict, 0.01)

    def refused(self, **asked: object) -> tuple[Refusal, float] | None:
        got = self.enter(**asked)  # type: ignore[arg-type]
        return (Refusal(got.reason), got.retry_after_s) if isinstance(got, Refused) else None


def test_killed_mid_way_it_goes_on_alone_and_comes_back(server: Server) -> None:
    rig = Rig(server.port, LASTING, GATEWAY)
    rig.call(*[BAD] * 5)
    assert rig.state() is State.OPEN
    in_flight = rig.permit("refund")

    server.kill()
    rig.circuit.leave(in_flight, GOOD, 0.01)

    assert rig.state() is State.CLOSED, "without Redis a breaker starts closed"
    assert not rig.permit().shared
    rig.call(*[BAD] * 5)
    assert rig.state() is State.OPEN, "and the process counts for itself"
    assert isinstance(rig.enter(), Refused)

    server.start()
    until(lambda: rig.permit("refund").shared, "Redis to be used again")
    assert rig.state() is State.CLOSED
    rig.call(*[BAD] * 5)
    assert rig.state() is State.OPEN
    assert rig.moves == [(State.CLOSED, State.OPEN)] * 2, "private changes are not told"


def test_a_second_outage_starts_closed_again(server: Server) -> None:
    rig = Rig(server.port, LASTING, GATEWAY)
    for _ in range(2):
        server.kill()
        assert rig.state() is State.CLOSED
        rig.call(*[BAD] * 5)
        assert rig.state() is State.OPEN
        server.start()
        until(lambda: rig.permit("refund").shared, "Redis to be used again")


def test_a_hanging_redis_costs_one_timeout_per_pause_and_not_one_per_call(server: Server) -> None:
    timeout_s = 0.2
    rig = Rig(server.port, LASTING, GATEWAY, timeout_s)
    until(lambda: rig.permit().shared, "a first answer in time")
    client_of(server.port).client_pause(600_000)
    begun = time.monotonic()

    permits = [rig.permit() for _ in range(1_000)]

    assert not any(permit.shared for permit in permits)
    assert time.monotonic() - begun < 100 * timeout_s, "a timeout for each would be 1,000"


def test_a_redis_that_refuses_to_write_is_as_good_as_none(server: Server) -> None:
    rig = Rig(server.port, LASTING, GATEWAY)
    before = rig.permit()
    rig.client.replicaof("127.0.0.1", "1")  # it reads, but answers READONLY to every write

    rig.circuit.leave(before, BAD, 0.01)
    assert not rig.permit().shared
    rig.call(*[BAD] * 5)
    assert rig.state() is State.OPEN

    rig.client.replicaof("NO", "ONE")
    until(lambda: rig.permit("refund").shared, "Redis to be used again")
    assert rig.state() is State.CLOSED


def test_a_flush_mid_way_closes_breakers_and_harms_nothing(server: Server) -> None:
    rig = Rig(server.port, Policy(window_s=600, open_s=0.05), GATEWAY)
    early = rig.permit()
    rig.call(*[BAD] * 5)
    rig.await_state(State.HALF_OPEN)
    probe = rig.permit()

    rig.client.flushall()

    assert rig.state() is State.CLOSED
    for permit in (early, probe):
        rig.circuit.leave(permit, BAD, 0.01)
    assert breakers.read(rig.client, [GATEWAY])[GATEWAY].calls == 0
    rig.call(*[BAD] * 4)
    assert rig.state() is State.CLOSED
    rig.call(BAD)
    rig.await_state(State.HALF_OPEN)
    rig.call(*[GOOD] * 5)
    assert rig.state() is State.CLOSED


def test_permits_of_a_flushed_epoch_are_not_probes_of_the_next(server: Server) -> None:
    rig = Rig(server.port, Policy(window_s=600, open_s=0.05), GATEWAY)
    rig.call(*[BAD] * 5)
    rig.await_state(State.HALF_OPEN)
    old = rig.permit()
    rig.client.flushall()
    rig.call(*[BAD] * 5)
    rig.await_state(State.HALF_OPEN)

    rig.circuit.leave(old, BAD, 0.01)

    assert rig.state() is State.HALF_OPEN
    assert rig.permit().epoch > old.epoch


def test_alone_it_opens_probes_and_closes_by_the_same_rules() -> None:
    worker = Alone()
    worker.call(*[BAD] * 4)
    assert worker.refused() is None
    worker.call(BAD)

    assert worker.refused() == (Refusal.OPEN, 600)
    assert worker.refused(operation="refund") is None
    worker.clock.now += 600
    probes = [worker.enter(hold_s=30) for _ in range(5)]
    assert worker.refused() == (Refusal.HALF_OPEN_FULL, 1)
    worker.clock.now += 30
    assert worker.refused() is None, "probes that nobody gave back expired"
    for probe in probes:
        assert isinstance(probe, Permit)
        worker.circuit.leave(probe, BAD, 0.01)
    assert worker.circuit.state(GATEWAY, "charge") is State.HALF_OPEN, "and count no more"
    worker.clock.now += 60
    worker.call(*[GOOD] * 5)
    assert worker.circuit.state(GATEWAY, "charge") is State.CLOSED
    assert worker.told == []


def test_alone_only_new_evidence_in_time_counts() -> None:
    worker = Alone(Policy(window_s=30))
    late = [worker.enter(hold_s=5) for _ in range(5)]
    worker.clock.now += 5
    for permit in late:
        assert isinstance(permit, Permit)
        worker.circuit.leave(permit, BAD, 0.01)
    assert worker.circuit.state(GATEWAY, "charge") is State.CLOSED

    worker.call(*[GOOD] * 6)
    worker.clock.now += 15
    worker.call(*[BAD] * 5)
    worker.clock.now += 15
    worker.call(Verdict.IGNORED)
    assert worker.circuit.state(GATEWAY, "charge") is State.CLOSED, "good calls only slid away"
    worker.call(BAD)
    assert worker.circuit.state(GATEWAY, "charge") is State.OPEN


def test_alone_the_bulkhead_is_the_processs_own() -> None:
    worker = Alone()
    first = worker.enter(max_in_flight=2)
    assert isinstance(worker.enter(max_in_flight=2, hold_s=5), Permit)

    assert worker.refused(max_in_flight=2) == (Refusal.BULKHEAD_FULL, 1)
    assert worker.refused(max_in_flight=2, operation="void") is None
    assert isinstance(first, Permit)
    worker.clock.now += 60
    worker.circuit.leave(first, GOOD, 0.01)
    assert worker.refused(max_in_flight=2) is None


def test_alone_retries_have_a_budget() -> None:
    worker = Alone()
    assert [worker.refused(retry=True) for _ in range(10)] == [None] * 10

    assert worker.refused(retry=True) == (Refusal.BUDGET, 1)
    assert worker.refused() is None
    worker.clock.now += 10
    assert worker.refused(retry=True) is None


def test_alone_a_person_still_beats_the_breaker() -> None:
    worker = Alone()
    ends = worker.clock.wall() + 30

    assert worker.refused(override=Override(Hold.DOWN, ends)) == (Refusal.OPEN, 30)
    assert worker.refused(override=Override(Hold.DOWN)) == (Refusal.OPEN, 1)
    worker.call(*[BAD] * 5)
    assert worker.refused(override=Override(Hold.UP, ends)) is None
    worker.clock.now += 30
    assert worker.refused(override=Override(Hold.DOWN, ends)) == (Refusal.OPEN, 570)
    assert worker.refused(override=Override(Hold.UP, ends)) == (Refusal.OPEN, 570)
