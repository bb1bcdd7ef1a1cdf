"""Breaker, bulkhead and retry budget, shared through a real server."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator

import pytest

from domain.breaker import Hold, Override, Policy, Reason, Refusal, State, Verdict
from domain.ports import Refused
from ops import breakers
from tests.workers.circuit_rig import (
    Rig,
    Server,
    call_from_threads,
    client_of,
    in_threads,
    new_name,
    until,
)
from workers.circuit import Permit

pytestmark = pytest.mark.services

GOOD, BAD, IGNORED = Verdict.GOOD, Verdict.BAD, Verdict.IGNORED
#: Open for good, as far as a test can see.
LASTING = Policy(window_s=600, open_s=600)
#: Half-open almost at once.
BRIEF = Policy(window_s=600, open_s=0.05)

spawn = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    server = Server(tmp_path_factory.mktemp("circuit"))
    yield server.port
    server.kill()


@pytest.fixture
def gateway() -> str:
    return new_name()


def half_open(port: int, gateway: str, policy: Policy = BRIEF) -> Rig:
    rig = Rig(port, policy, gateway)
    rig.call(*[BAD] * policy.min_calls)
    rig.await_state(State.HALF_OPEN)
    return rig


@pytest.mark.parametrize(
    ("verdicts", "ends_as"),
    [
        ([BAD] * 4, State.CLOSED),
        ([BAD] * 5, State.OPEN),
        ([GOOD] * 3 + [BAD] * 2, State.CLOSED),
        ([GOOD] * 3 + [BAD] * 3, State.OPEN),
        ([IGNORED] * 40 + [BAD] * 4, State.CLOSED),
    ],
    ids=["four", "five", "two of five", "half of six", "declines do not count"],
)
def test_it_opens_at_exactly_five_calls_of_which_half_failed(
    port: int, gateway: str, verdicts: list[Verdict], ends_as: State
) -> None:
    rig = Rig(port, LASTING, gateway)

    rig.call(*verdicts)

    assert rig.state() is ends_as


def test_slow_answers_open_it(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)

    rig.call(*[GOOD] * 5, took_s=LASTING.slow_call_s)

    refused = rig.enter()
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.OPEN
    assert 590 < refused.retry_after_s <= 600


def test_failures_that_slid_out_of_the_window_are_forgotten(port: int, gateway: str) -> None:
    rig = Rig(port, Policy(window_s=0.3), gateway)
    rig.call(*[BAD] * 4)

    until(lambda: rig.seen.calls == 0, "the window to slide")
    rig.call(BAD)

    assert rig.state() is State.CLOSED
    assert len(rig.client.hkeys(breakers.circuit_key(gateway, "charge"))) == 2, "old buckets go"


def test_only_new_evidence_opens_it_and_a_decline_is_none(port: int, gateway: str) -> None:
    Rig(port, Policy(window_s=600, min_calls=100), gateway).call(*[BAD] * 50)
    rig = Rig(port, LASTING, gateway)  # by whose policy this is more than enough

    rig.call(*[IGNORED] * 3)
    assert rig.enter(max_in_flight=0) == Refused(Refusal.BULKHEAD_FULL, 1)
    assert rig.state() is State.CLOSED

    rig.call(GOOD)
    assert rig.state() is State.OPEN


def test_enter_and_leave_cost_one_round_trip_each(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)
    rig.call(GOOD)  # loads the scripts

    def sent() -> int:
        stats = rig.client.info("commandstats")
        return sum(
            stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("eval", "evalsha")
        )

    before = sent()
    for _ in range(10):
        rig.call(GOOD, BAD, IGNORED, GOOD)

    assert sent() - before == 80


def test_it_recovers_and_each_change_is_told_once(port: int, gateway: str) -> None:
    one, two = Rig(port, BRIEF, gateway), Rig(port, BRIEF, gateway)
    one.call(*[BAD] * 4)
    two.call(BAD)
    one.await_state(State.HALF_OPEN)
    for rig in (one, two, one, two, one):
        rig.call(GOOD)

    assert one.state() is two.state() is State.CLOSED
    assert two.moves == [(State.CLOSED, State.OPEN)]
    assert one.moves == [(State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.CLOSED)]
    where = {(gateway_id, operation) for gateway_id, operation, _ in one.told}
    assert where == {(gateway, "charge")}
    assert abs(one.told[-1][2].at - time.time()) < 60
    assert one.seen.calls == 0, "a closed breaker starts anew"


def test_a_bad_probe_opens_it_again(port: int, gateway: str) -> None:
    rig = half_open(port, gateway)

    rig.call(GOOD, BAD)

    assert rig.told[-1][2].reason is Reason.PROBE_FAILED
    rig.await_state(State.HALF_OPEN)
    rig.call(*[GOOD] * 5)
    assert rig.state() is State.CLOSED


def test_of_fifty_threads_in_two_workers_five_are_probes(port: int, gateway: str) -> None:
    rigs = [half_open(port, gateway), Rig(port, BRIEF, gateway)]
    gate, got = threading.Barrier(50), list[Permit | Refused]()

    def enter(rig: Rig) -> None:
        gate.wait()
        got.append(rig.enter())

    in_threads(enter, rigs * 25)

    probes = [permit for permit in got if isinstance(permit, Permit)]
    refused = [refusal.reason for refusal in got if isinstance(refusal, Refused)]
    assert (len(probes), refused) == (5, [Refusal.HALF_OPEN_FULL] * 45)
    assert (rigs[0].moves + rigs[1].moves).count((State.OPEN, State.HALF_OPEN)) == 1
    for n, probe in enumerate(probes):
        rigs[n % 2].circuit.leave(probe, GOOD, 0.01)
    assert rigs[0].state() is State.CLOSED


def test_a_probe_that_says_nothing_leaves_its_place_to_another(port: int, gateway: str) -> None:
    rig = half_open(port, gateway)

    rig.call(*[IGNORED] * 12)

    assert rig.state() is State.HALF_OPEN
    rig.call(*[GOOD] * 5)
    assert rig.state() is State.CLOSED


def test_a_probe_that_nobody_gives_back_frees_its_place(port: int, gateway: str) -> None:
    rig = half_open(port, gateway)
    lost = [rig.enter(hold_s=0.3) for _ in range(4)]
    assert all(isinstance(permit, Permit) for permit in [*lost, rig.enter()])

    until(lambda: isinstance(rig.enter(), Permit), "the lost probes to expire")


def test_probes_still_out_take_no_place_in_the_next_half_open_time(port: int, gateway: str) -> None:
    rig = half_open(port, gateway)
    probes = [rig.permit() for _ in range(5)]
    rig.circuit.leave(probes[0], BAD, 0.01)
    rig.await_state(State.HALF_OPEN)

    again = [rig.permit() for _ in range(5)]

    for permit in [*probes, *again]:
        rig.circuit.leave(permit, GOOD, 0.01)
    assert rig.state() is State.CLOSED


def test_fewer_probes_after_a_deploy_do_not_strand_a_half_open_breaker(
    port: int, gateway: str
) -> None:
    generous = half_open(port, gateway, Policy(window_s=600, open_s=0.05, probes=9))
    generous.call(*[GOOD] * 6)
    assert generous.state() is State.HALF_OPEN

    frugal = Rig(port, BRIEF, gateway)

    assert isinstance(frugal.enter(), Refused)
    assert frugal.state() is State.CLOSED
    assert frugal.moves == [(State.HALF_OPEN, State.CLOSED)]


def test_calls_from_before_the_change_decide_nothing(port: int, gateway: str) -> None:
    rig = Rig(port, BRIEF, gateway)
    stragglers = [rig.permit() for _ in range(10)]
    rig.call(*[BAD] * 5)
    rig.await_state(State.HALF_OPEN)

    for permit in stragglers[:5]:
        rig.circuit.leave(permit, BAD, 0.01)
    assert rig.state() is State.HALF_OPEN

    rig.call(*[GOOD] * 5)
    for permit in stragglers[5:]:
        rig.circuit.leave(permit, BAD, 0.01)
    assert rig.state() is State.CLOSED
    assert rig.seen.calls == 0


def test_of_many_who_see_the_same_evidence_one_makes_the_change(port: int, gateway: str) -> None:
    rig = Rig(port, Policy(window_s=600, open_s=600, min_calls=1), gateway)
    permits = [rig.permit() for _ in range(10)]
    watcher = client_of(port)
    watcher.client_pause(600_000, all=False)  # every script waits, so that all of them count first
    leaving = [
        threading.Thread(target=rig.circuit.leave, args=(permit, BAD, 0.01)) for permit in permits
    ]
    for thread in leaving:
        thread.start()
    until(lambda: watcher.info("clients")["blocked_clients"] == len(permits), "all to have asked")
    watcher.client_unpause()
    for thread in leaving:
        thread.join()

    assert rig.seen.calls == len(permits)
    assert rig.moves == [(State.CLOSED, State.OPEN)]


def test_a_person_holds_a_gateway_down_or_up_until_the_word_expires(
    port: int, gateway: str
) -> None:
    rig = Rig(port, LASTING, gateway)

    def enter(hold: Hold, until_s: float | None, operation: str = "charge") -> Permit | Refused:
        override = Override(hold, None if until_s is None else time.time() + until_s)
        return rig.circuit.enter(
            gateway, operation, max_in_flight=100, hold_s=60, override=override
        )

    down = enter(Hold.DOWN, 300)
    assert isinstance(down, Refused)
    assert down.reason is Refusal.OPEN
    assert 290 < down.retry_after_s <= 300
    assert isinstance(enter(Hold.DOWN, None), Refused)
    assert isinstance(enter(Hold.DOWN, -1), Permit)
    assert isinstance(enter(Hold.DOWN, 300, "refund"), Permit)

    rig.call(*[BAD] * 5)
    assert isinstance(enter(Hold.UP, 300), Permit)
    assert isinstance(enter(Hold.UP, None), Permit)
    assert isinstance(enter(Hold.UP, -1), Refused)


def test_operations_have_breakers_of_their_own(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)

    rig.call(*[BAD] * 5, operation="resolve")

    assert rig.state("charge") is State.CLOSED
    rig.call(GOOD, operation="charge")


def test_leaving_twice_counts_once(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)
    permit = rig.permit()

    for _ in range(9):
        rig.circuit.leave(permit, BAD, 0.01)

    assert (rig.seen.calls, rig.state()) == (1, State.CLOSED)


def test_a_verdict_after_the_permit_expired_is_not_counted(port: int, gateway: str) -> None:
    rig = Rig(port, LASTING, gateway)
    late = rig.enter(hold_s=0.05)
    assert isinstance(late, Permit)
    rig.permit()  # keeps the key, so that only the permit expires
    key = breakers.calls_key(gateway)
    until(lambda: rig.client.zcount(key, "-inf", rig.now_ms) == 1, "the permit to expire")

    rig.circuit.leave(late, BAD, 0.01)

    assert rig.seen.calls == 0


def test_two_processes_with_threads_lose_no_count_and_see_one_state(
    port: int, gateway: str
) -> None:
    patient = Policy(window_s=600, open_s=600, min_calls=401, failure_ratio=0.5)
    here = Rig(port, patient, gateway)
    workers = [
        spawn.Process(target=call_from_threads, args=(port, gateway, patient, verdict, 50))
        for verdict in (GOOD, BAD)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (here.seen.calls, here.seen.failures) == (400, 200)
    assert here.state() is State.CLOSED

    last = spawn.Process(target=call_from_threads, args=(port, gateway, patient, BAD, 1))
    last.start()
    last.join()

    assert here.state() is State.OPEN
    assert isinstance(here.enter(), Refused)
