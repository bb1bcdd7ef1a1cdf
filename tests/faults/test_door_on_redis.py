"""The door without its Redis, in every way in which it can be missed: what is asked is accepted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from ops.harness.proxy.redis import RedisTalk
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Loss, RespError, Rule
from tests.faults.door import Door, a_door
from tests.ops.queue_rig import QueueServer
from tests.store.conftest import Books
from tests.workers.circuit_rig import until

pytestmark = pytest.mark.services

#: An accepted request may wait for Redis no longer than this (seconds), on a busy machine: its
#: limits and its recorded answers have a tenth of a second each.
BOUND_S = 5.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def served(database: Books, server: QueueServer) -> Iterator[tuple[Door, Relay]]:
    relay = Relay(RedisTalk, server.url)
    with pytest.MonkeyPatch.context() as patch:
        for pause in ("ingress.replays", "ingress.limits", "ops.queue.wakes"):
            patch.setattr(f"{pause}.PAUSE_S", 0.02)  # no test inherits another one's outage
        with a_door(database, database.url, relay.url, patch) as door:
            yield door, relay
    relay.close()


@pytest.fixture
def cached(served: tuple[Door, Relay], server: QueueServer) -> Iterator[Relay]:
    """The door's Redis, well again after each test."""
    yield served[1]
    served[1].rules.disarm()
    server.client.replicaof("NO", "ONE")
    server.client.config_set("maxmemory", 0)
    server.client.flushall()


@pytest.fixture
def door(books: Books, served: tuple[Door, Relay], server: QueueServer) -> Door:
    """The door, once it has found its Redis."""
    until(lambda: _remembered(served[0], server), "an answer that is remembered")
    return served[0]


OUTAGES: dict[str, Callable[[QueueServer, Relay], object]] = {
    "read-only": lambda server, _: server.client.replicaof("127.0.0.1", 1),
    "out of memory": lambda server, _: server.client.config_set("maxmemory", 1),
    "disk full": lambda _, cached: cached.rules.arm(
        Rule("^(EVALSHA|EVAL|SET|EXEC|HSET)", RespError("MISCONF disk"), times=10**6)
    ),
    "silent": lambda _, cached: cached.rules.arm(Rule(".", Loss.SILENCE, times=10**6)),
    "lost replies": lambda _, cached: cached.rules.arm(Rule(".", Loss.REPLY, times=10**6)),
    "lost requests": lambda _, cached: cached.rules.arm(Rule(".", Loss.REQUEST, times=10**6)),
    "loading": lambda _, cached: cached.rules.arm(
        Rule(".", RespError("LOADING the dataset in memory"), times=10**6)
    ),
    "forgotten": lambda server, _: server.client.flushall(),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_payments_are_accepted_once_whatever_redis_says(
    door: Door,
    server: QueueServer,
    cached: Relay,
    outage: Callable[[QueueServer, Relay], object],
) -> None:
    known = door.checkout("known")
    assert known.status == 202
    outage(server, cached)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda n: door.checkout(f"k-{n}"), range(8)))
    took_s = time.monotonic() - began

    assert [answer.status for answer in answers] == [202] * 8
    assert took_s < BOUND_S
    for n, answer in enumerate(answers):
        door.accepted_once(f"k-{n}", answer.data)
    door.accepted_once("known", known.data)  # what Redis remembered, the database knows


def test_a_storm_of_lost_connections_ends_with_the_last_one(
    door: Door, server: QueueServer, cached: Relay
) -> None:
    with cached.away():
        assert {door.checkout(f"storm-{n}").status for n in range(4)} == {202}
    for n in range(10):
        cached.cut()
        assert door.checkout(f"after-{n}").status == 202

    # Recorded answers, limits and wake-ups find it again by themselves.
    server.client.flushall()
    until(lambda: _remembered(door, server), "the first answer that is remembered")


@pytest.mark.parametrize("outage", ["silent", "lost requests", "read-only"])
def test_rates_are_counted_by_the_process_while_redis_is_away(
    door: Door, server: QueueServer, cached: Relay, books: Books, outage: str
) -> None:
    OUTAGES[outage](server, cached)
    books.sql("UPDATE merchants SET rate_limit_per_minute = 5")

    # The key is remembered for a second with its merchant's old rate.
    keys = (f"rate-{n}" for n in count())
    until(lambda: door.checkout(next(keys)).status == 429, "the rate to be too high")
    refused = door.checkout(next(keys))

    assert (refused.status, refused.headers["X-RateLimit-Limit"]) == (429, "5")
    assert int(refused.headers["Retry-After"]) >= 1


def _remembered(door: Door, server: QueueServer) -> bool:
    if door.checkout(f"again-{time.monotonic_ns()}").status != 202:
        return False  # the rate of an earlier test is still in force
    kinds = ("paylink:idem:*", "paylink:screening", "*paylink:limits*")
    return all(server.client.keys(kind) for kind in kinds)
