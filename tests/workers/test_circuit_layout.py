"""What is stored of a circuit, how others read it, and that both implementations are one rule."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from domain.backoff import RetryBudget
from domain.breaker import Hold, Override, Policy, State, Verdict
from domain.ports import Refused
from ops import breakers
from ops.breakers import BreakerView
from tests.workers.circuit_rig import Rig, Server, client_of, until
from workers.circuit import Permit, RedisCircuit
from workers.circuit_local import Ask, LocalCircuit

pytestmark = pytest.mark.services

GOOD, BAD = Verdict.GOOD, Verdict.BAD
LASTING = Policy(window_s=600, open_s=600)
SEEDS = (1, 7, 42, 2026)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    server = Server(tmp_path_factory.mktemp("circuit"))
    yield server.port
    server.kill()


def test_a_page_sees_every_breaker_and_unknown_ones_as_closed(port: int) -> None:
    Rig(port, LASTING, "healthy").call(GOOD, GOOD, BAD)
    broken = Rig(port, LASTING, "broken")
    broken.call(*[BAD] * 5)
    probing = Rig(port, Policy(window_s=600, open_s=0.05), "probing")
    probing.call(*[BAD] * 5)
    probing.await_state(State.HALF_OPEN)

    views = breakers.read(client_of(port), ["healthy", "broken", "probing", "new"], policy=LASTING)

    assert views["healthy"] == BreakerView(State.CLOSED, None, failures=1, calls=3)
    assert views["new"] == BreakerView(State.CLOSED, None, failures=0, calls=0)
    assert views["probing"].state is State.HALF_OPEN
    assert (views["broken"].state, views["broken"].calls) == (State.OPEN, 5)
    until_s = views["broken"].opened_until
    assert until_s is not None
    assert until_s == pytest.approx(broken.told[0][2].at + 600, abs=10)
    assert breakers.read(client_of(port), ["broken"], "payout")["broken"].state is State.CLOSED
    assert breakers.read(client_of(port), []) == {}


def test_a_client_that_decodes_replies_works_too(port: int) -> None:
    client = client_of(port, decode=True)
    circuit = RedisCircuit(client, LASTING, on_change=lambda *_: None)
    for _ in range(5):
        permit = circuit.enter("decoded", "charge", max_in_flight=9, hold_s=9)
        assert isinstance(permit, Permit)
        circuit.leave(permit, BAD, 0.01)

    assert breakers.read(client, ["decoded"])["decoded"].state is State.OPEN
    assert isinstance(circuit.enter("decoded", "charge", max_in_flight=9, hold_s=9), Refused)


def test_every_key_expires_and_a_gateways_keys_share_a_slot(port: int) -> None:
    rig = Rig(port, Policy(window_s=600, open_s=0.05), "slots")
    rig.call(*[BAD] * 5)
    rig.await_state(State.HALF_OPEN)
    rig.permit()
    rig.permit("resolve")

    keys = list(rig.client.scan_iter("*{slots}*"))

    assert len(keys) == 4, "circuit, probes, calls, retries"
    assert {key_slot(key) for key in keys} == {key_slot(b"slots")}
    assert all(0 < rig.client.pttl(key) <= 86_400_000 for key in keys)


def test_a_short_call_does_not_shorten_the_life_of_a_long_ones_slot(port: int) -> None:
    rig = Rig(port, LASTING, "long")
    assert isinstance(rig.enter(hold_s=500), Permit)
    assert isinstance(rig.enter(hold_s=0.05), Permit)

    key = breakers.calls_key("long")
    until(lambda: rig.client.zcount(key, "-inf", rig.now_ms) == 1, "the short one to expire")

    assert isinstance(rig.enter(max_in_flight=2), Permit)
    assert isinstance(rig.enter(max_in_flight=2), Refused)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("open_s", [600.0, 0.02])
def test_the_script_admits_and_changes_exactly_as_the_pure_functions_do(
    port: int, seed: int, open_s: float
) -> None:
    """Step both with the same random calls; the local clock jumps when the breaker half-opens."""
    print(f"seed {seed}")
    draw, clock = random.Random(seed), [1_000.0]
    policy = Policy(window_s=600, open_s=open_s, failure_ratio=0.3, probes=2)
    budget = RetryBudget(share=0.2, floor=2, window_s=600)
    rig = Rig(port, policy, f"twin-{seed}-{open_s}")
    shared = RedisCircuit(rig.client, policy, on_change=lambda *_: None, budget=budget)
    local = LocalCircuit(policy, budget, lambda: clock[0], lambda: 0.0)
    under_way: list[tuple[Permit, Permit]] = []
    met: set[str] = set()
    for step in range(600):
        if under_way and draw.random() < 0.4:
            one, other = under_way.pop(draw.randrange(len(under_way)))
            verdict = draw.choice([GOOD, GOOD, BAD, Verdict.IGNORED])
            shared.leave(one, verdict, 0.01)
            local.leave(other, verdict)
        else:
            ask = Ask(
                rig.gateway,
                draw.choice(["charge", "charge", "payout", "resolve"]),
                max_in_flight=draw.randint(3, 12),
                hold_s=500,
                retry=draw.random() < 0.5,
                override=draw.choice([None] * 8 + [Override(Hold.UP), Override(Hold.DOWN)]),
            )
            mine = enter(shared, ask)
            theirs = local.enter(ask)
            if isinstance(mine, Permit) and isinstance(theirs, Permit):
                under_way.append((mine, theirs))
            else:
                assert isinstance(mine, Refused), f"step {step}: the local one said {theirs}"
                assert isinstance(theirs, Refused), f"step {step}: the shared one said {mine}"
                assert mine.reason == theirs.reason, f"step {step}"
                met.add(mine.reason)
        for operation in ("charge", "payout", "resolve"):
            state = local.state(rig.gateway, operation)
            if state is State.OPEN and open_s < 1:
                rig.await_state(State.HALF_OPEN, operation)
                clock[0] += open_s
                state = State.HALF_OPEN
            assert rig.state(operation) is state, f"step {step}, {operation}"
    half_open_full = {"half_open_full"} if open_s < 1 else set[str]()
    assert met == {"open", "bulkhead_full", "budget"} | half_open_full, "every refusal was compared"


def enter(circuit: RedisCircuit, ask: Ask) -> Permit | Refused:
    return circuit.enter(
        ask.gateway_id,
        ask.operation,
        max_in_flight=ask.max_in_flight,
        hold_s=ask.hold_s,
        retry=ask.retry,
        override=ask.override,
    )
