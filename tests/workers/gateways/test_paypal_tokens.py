"""One access token for all threads: asked for once, renewed early, and once more when it is refused."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from domain.flows.send import send
from domain.outcome import NotCharged, Proof, RequiresAction, Unknown
from domain.ports import Budget
from tests.contract.made import within
from tests.workers.gateways.paypal_spoken import (
    ORDER,
    PAGE,
    adapter_at,
    answer,
    asking,
    header,
    making,
    order,
    problem,
    requests,
    token,
)
from tests.workers.raw_server import Peer, RawServer, Script, answering, serving
from workers.gateways.paypal.tokens import PATH, Tokens
from workers.gateways.wire import NeverSent, Wire

#: Of a script that hangs up after its only answer: otherwise the next request may still meet it.
CLOSES = "Connection: close"
REFUSED = answer(401, {"error": "invalid_token", "error_description": "no"})


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def tokens_at(server: RawServer, clock: Clock) -> Tokens:
    return Tokens(Wire(server.url, {}, clock=clock), "client-1", "secret-1", clock)


def soon(clock: Clock) -> Budget:
    return Budget(clock.now + 10, clock.now + 10)


def test_the_token_is_asked_for_with_the_accounts_keys_and_shown_with_every_request() -> None:
    attempt = making()
    asked = answer(201, order(attempt, "PAYER_ACTION_REQUIRED"))

    with serving(answering(token("A21AA-7"), asked, asked)) as server:
        with closing(adapter_at(server.url)) as adapter:
            for _ in range(2):
                assert send(adapter, attempt, within()) == RequiresAction(ORDER, PAGE)
        first = server.requests[0]

    assert first.startswith(f"POST {PATH} HTTP/1.1".encode())
    assert header(first, "Authorization") == "Basic Y2xpZW50LTE6c2VjcmV0LTE="
    assert first.endswith(b"\r\n\r\ngrant_type=client_credentials")
    assert [header(one, "Authorization") for one in requests(server)] == ["Bearer A21AA-7"] * 2


def test_many_threads_ask_for_one_token() -> None:
    begun = threading.Barrier(8)

    def slowly(peer: Peer) -> None:
        peer.request()
        peer.server.stopping.wait(0.05)  # long enough for all of them to want it
        peer.send(token())

    with serving(slowly) as server:
        clock = Clock()
        tokens = tokens_at(server, clock)

        def one(_: int) -> object:
            begun.wait()
            return tokens.get(soon(clock))

        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(one, range(8)))

    assert got == ["A21AA-1"] * 8
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("life_s", "early_s"), [(31_668, 300.0), (100, 10.0)], ids=["usual", "short-lived"]
)
def test_a_token_is_renewed_before_it_ends(life_s: int, early_s: float) -> None:
    clock = Clock()
    scripts = (
        answering(token("old", life_s, CLOSES)),
        answering(token("new", life_s, CLOSES)),
    )
    with serving(*scripts) as server:
        tokens = tokens_at(server, clock)
        assert tokens.get(soon(clock)) == "old"

        clock.now += life_s - early_s - 1
        assert tokens.get(soon(clock)) == "old"
        clock.now += 1.5
        assert tokens.get(soon(clock)) == "new"


def test_a_renewal_that_fails_leaves_the_old_token_until_its_end() -> None:
    clock = Clock()
    broken = answering(answer(500, {}, CLOSES))
    scripts = (answering(token("old", 1000, CLOSES)), broken, broken, answering(token("new")))
    with serving(*scripts) as server:
        tokens = tokens_at(server, clock)
        tokens.get(soon(clock))

        clock.now += 950
        assert tokens.get(soon(clock)) == "old"
        assert tokens.get(soon(clock)) == "old"  # not asked for again at once
        assert len(server.requests) == 2
        clock.now += 60
        assert isinstance(tokens.get(soon(clock)), NeverSent)
        assert tokens.get(soon(clock)) == "new"


def test_while_one_renews_the_others_go_on_with_the_old_token() -> None:
    clock = Clock()
    asked, go_on = threading.Event(), threading.Event()

    def slowly(peer: Peer) -> None:
        peer.request()
        asked.set()
        assert go_on.wait(10)
        peer.send(token("new", 1000))

    with serving(answering(token("old", 1000, CLOSES)), slowly) as server:
        tokens = tokens_at(server, clock)
        tokens.get(soon(clock))
        clock.now += 950
        with ThreadPoolExecutor(1) as pool:
            renewing = pool.submit(tokens.get, soon(clock))
            assert asked.wait(10)
            assert tokens.get(soon(clock)) == "old"
            go_on.set()
            assert renewing.result(10) == "new"


def test_whoever_waits_for_somebody_elses_request_waits_until_its_own_deadline() -> None:
    asked = threading.Event()

    def silent(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.until_gone()

    with serving(silent) as server:
        tokens = Tokens(Wire(server.url, {}), "client-1", "secret-1")
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(tokens.get, within(1.0))
            assert asked.wait(10)
            began = time.monotonic()
            second = tokens.get(within(0.1))
            waited_s = time.monotonic() - began
            assert isinstance(first.result(10), NeverSent)

    assert isinstance(second, NeverSent)
    assert waited_s < 0.9
    assert len(server.requests) == 1


def test_a_token_that_paypal_has_forgotten_is_renewed_once_and_the_call_sent_again() -> None:
    attempt = making()
    made = answer(201, order(attempt, "PAYER_ACTION_REQUIRED"))
    script = answering(token("old"), REFUSED, token("new"), made, made)

    with serving(script) as server, closing(adapter_at(server.url)) as adapter:
        assert isinstance(send(adapter, attempt, within()), RequiresAction)
        assert isinstance(send(adapter, attempt, within()), RequiresAction)

    first, *_, again, _ = requests(server)
    assert header(first, "Authorization") == "Bearer old"
    assert header(again, "Authorization") == "Bearer new"
    assert header(first, "PayPal-Request-Id") == header(again, "PayPal-Request-Id")


def test_a_new_token_that_is_refused_as_well_is_the_accounts_fault() -> None:
    script = answering(token("old"), REFUSED, token("new"), REFUSED)

    with serving(script) as server, closing(adapter_at(server.url)) as adapter:
        outcome = send(adapter, making(), within())

        assert isinstance(outcome, NotCharged)
        assert outcome.proof is Proof.REJECTED
        assert adapter.at_fault(outcome)
    assert len(server.requests) == 4


def hanging(peer: Peer) -> None:
    peer.request()
    peer.until_gone()


@pytest.mark.parametrize(
    "script",
    [
        answering(answer(500, problem("INTERNAL_SERVER_ERROR"))),
        answering(answer(200, {"access_token": "a b", "expires_in": 9})),
        answering(answer(200, {"access_token": "t"})),
        answering(answer(200, b"<html>")),
        answering(answer(401, b"<html>")),
        answering(answer(302, b"", "Location: http://127.0.0.1:1/")),
        lambda peer: None,
        hanging,
    ],
    ids=range(8),
)
def test_without_a_token_nothing_of_the_call_was_sent(script: Script) -> None:
    with serving(script) as server, closing(adapter_at(server.url)) as adapter:
        outcome = send(adapter, asking(), within(0.5))
        read = adapter.lookup(asking(), within(0.5))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert isinstance(read, Unknown)
    assert all(one.startswith(f"POST {PATH} ".encode()) for one in server.requests)


@pytest.mark.parametrize(
    "refusal",
    [
        answer(401, {"error": "invalid_client", "error_description": "no"}),
        answer(429, problem("RATE_LIMIT_REACHED"), "Retry-After: 3"),
    ],
    ids=["wrong key", "limit"],
)
def test_a_documented_refusal_of_a_token_is_proof(refusal: bytes) -> None:
    with serving(answering(refusal)) as server, closing(adapter_at(server.url)) as adapter:
        outcome = send(adapter, making(), within())

        assert isinstance(outcome, NotCharged)
        assert outcome.proof is Proof.REJECTED
        assert adapter.at_fault(outcome)


def test_neither_keys_nor_tokens_are_shown() -> None:
    with serving(answering(token("A21AA-secret"))) as server:
        adapter = adapter_at(server.url)
        adapter.probe(within())
        shown = repr(adapter) + repr(vars(adapter)) + repr(vars(vars(adapter)["_line"]))
        adapter.close()

    assert "secret" not in shown
