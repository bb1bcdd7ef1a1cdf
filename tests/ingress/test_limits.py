"""Limits: counted in Redis, counted without it, and never in anybody's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from limits.aio.storage import memory

from ingress.backing import PATIENCE_S
from ingress.limits import MAX_ASKING, PAUSE_S, Allowance, Limits
from ingress.windows import Window, count
from ops.queue.line import Asking, Line
from tests.ingress.rig import Door, settings_with
from tests.ops.log_lines import Lines
from tests.ops.queue_rig import QueueServer


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path_factory.mktemp("limits"))
    yield server
    server.kill()


@pytest.fixture
def server(shared: QueueServer) -> Iterator[QueueServer]:
    shared.client.flushall()
    yield shared
    shared.thaw()


@asynccontextmanager
async def limits_on(
    server: QueueServer,
    monotonic: Callable[[], float] = time.monotonic,
    patience_s: float = 30.0,
) -> AsyncIterator[Limits]:
    """Limits that never take a slow machine for a Redis that is away, unless that is the matter."""
    line = Line(server.url, patience_s)
    yield Limits(line.within(patience_s), monotonic)
    line.close()


def test_a_key_has_its_requests_and_then_none() -> None:
    async def call() -> list[Allowance]:
        limits = Limits(None)
        return [await limits.called("k", 3) for _ in range(5)]

    seen = asyncio.run(call())

    assert [one.allowed for one in seen] == [True] * 3 + [False] * 2
    assert [one.remaining for one in seen] == [2, 1, 0, 0, 0]
    assert all(1 <= one.reset_s <= 60 for one in seen)
    assert all(1 <= one.retry_after_s <= 61 for one in seen[3:])


def test_names_do_not_share_a_limit() -> None:
    async def call() -> list[bool]:
        limits = Limits(None)
        asked: list[Awaitable[Allowance]] = [
            *(limits.called("a", 1), limits.called("b", 1)),
            *(limits.refused("203.0.113.1", 1), limits.refused("203.0.113.2", 1)),
            *(limits.refused("2001:db8::1", 1), limits.refused("2001:db8::2", 1)),
        ]
        return [(await one).allowed for one in asked]

    assert asyncio.run(call()) == [True] * 5 + [False]


def test_a_limit_has_no_upper_bound() -> None:
    async def call() -> Allowance:
        return await Limits(None).called("k", 10**12)

    assert asyncio.run(call()).remaining == 10**12 - 1


def test_processes_share_one_count(server: QueueServer) -> None:
    async def call() -> list[bool]:
        async with limits_on(server) as one, limits_on(server) as other:
            return [(await each.called("k", 4)).allowed for each in (one, other) * 3]

    assert asyncio.run(call()) == [True] * 4 + [False] * 2


def test_a_burst_is_counted_exactly(server: QueueServer) -> None:
    async def call() -> int:
        async with limits_on(server) as limits:
            burst = [limits.called("k", 100) for _ in range(MAX_ASKING * 10)]
            return sum(one.allowed for one in await asyncio.gather(*burst))

    assert asyncio.run(call()) == 100


def test_requests_that_are_there_together_share_a_question_and_are_told_in_turn(
    server: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[tuple[str, int], int]] = []

    async def counted(
        redis: Asking, names: Mapping[tuple[str, int], int]
    ) -> dict[tuple[str, int], Window]:
        asked.append(names)
        return await count(redis, names)

    monkeypatch.setattr("ingress.limits.count", counted)

    async def call() -> list[Allowance]:
        async with limits_on(server) as limits:
            return await asyncio.gather(
                *(limits.called("a", 30) for _ in range(40)),
                *(limits.called("b", 50) for _ in range(40)),
            )

    seen = asyncio.run(call())

    assert [dict(names) for names in asked] == [{("key:a", 30): 40, ("key:b", 50): 40}]
    assert [one.remaining for one in seen[:40]] == [*range(29, -1, -1), *[0] * 10]
    assert [one.allowed for one in seen[:40]] == [True] * 30 + [False] * 10
    assert [one.remaining for one in seen[40:]] == list(range(49, 9, -1))


def test_the_window_before_fades_and_this_one_counts_in_full(server: QueueServer) -> None:
    name = "paylink:limits:{key:k}"

    async def call() -> list[Allowance]:
        async with limits_on(server) as limits:
            first = await limits.called("k", 10)
            server.client.set(name, 8, px=59_000)
            renamed = await limits.called("k", 10)
            server.client.set(f"{name}/-1", 8, px=30_000)
            server.client.set(name, 5, px=90_000)
            return [first, renamed, *[await limits.called("k", 10) for _ in range(2)]]

    first, renamed, faded, full = asyncio.run(call())

    assert (first.allowed, first.remaining) == (True, 9)
    assert (renamed.allowed, renamed.remaining) == (True, 1), "7 of 8 still count, and this one"
    assert (faded.allowed, faded.remaining) == (True, 0), "almost 4 of 8 count, and 6"
    assert (faded.reset_s, full.allowed) == (30, True), "the weight is rounded down"


def test_a_forgotten_script_is_loaded_again(server: QueueServer) -> None:
    async def call() -> list[int]:
        async with limits_on(server) as limits:
            before = await limits.called("k", 10)
            server.client.flushall()
            server.client.script_flush()
            return [before.remaining, (await limits.called("k", 10)).remaining]

    assert asyncio.run(call()) == [9, 9]


def test_without_redis_every_process_counts_for_itself(server: QueueServer, lines: Lines) -> None:
    async def call() -> tuple[list[bool], float]:
        async with limits_on(server, patience_s=PATIENCE_S) as limits:
            server.freeze()
            began = time.perf_counter()
            allowed = [(await limits.called("k", 3)).allowed for _ in range(5)]
            return allowed, time.perf_counter() - began

    allowed, seconds = asyncio.run(call())

    assert allowed == [True] * 3 + [False] * 2
    assert seconds < 5 * PATIENCE_S, "each of them waited"
    assert len(lines.where(lambda line: line["event"] == "limits are counted here")) == 1


def test_only_one_request_tries_whether_redis_is_back(server: QueueServer) -> None:
    now = [0.0]

    async def call() -> list[float]:
        async with limits_on(server, lambda: now[0], PATIENCE_S) as limits:
            server.freeze()
            await limits.called("k", 1_000)
            now[0] += PAUSE_S

            async def timed() -> float:
                began = time.perf_counter()
                await limits.called("k", 1_000)
                return time.perf_counter() - began

            return sorted(await asyncio.gather(*(timed() for _ in range(20))))

    seconds = asyncio.run(call())

    assert seconds[-1] >= PATIENCE_S
    assert seconds[-2] < PATIENCE_S


def test_redis_counts_again_when_it_is_back(server: QueueServer) -> None:
    now = [0.0]

    async def call() -> list[int]:
        async with limits_on(server, lambda: now[0], PATIENCE_S) as limits:
            first = await limits.called("k", 10)
            server.freeze()
            away = await limits.called("k", 10)
            server.thaw()
            now[0] += PAUSE_S
            back = await limits.called("k", 10)
            return [first.remaining, away.remaining, back.remaining]

    first, away, back = asyncio.run(call())

    assert (first, away) == (9, 9)
    assert back in {7, 8}  # the question it could not answer in time may still have been counted


def test_an_attack_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.limits.MAX_LOCAL", 50)

    async def call() -> list[bool]:
        limits = Limits(None)
        first = [(await limits.called("k", 1)).allowed for _ in range(2)]
        for number in range(60):
            await limits.refused(f"203.0.113.{number}", 5)
        return [*first, (await limits.called("k", 1)).allowed]

    assert asyncio.run(call()) == [True, False, True], "what is too much is forgotten"


@pytest.mark.parametrize("limit", [1, 2, 3, 60, 100])
@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0])
def test_who_comes_back_after_retry_after_is_let_in(
    limit: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0 + 7.25]
    clock = SimpleNamespace(time=lambda: now[0])
    monkeypatch.setattr(memory, "time", clock)

    async def call() -> None:
        limits = Limits(None)
        refused = 0
        for _ in range(5 * limit + 5):
            allowance = await limits.called("k", limit)
            if not allowance.allowed:
                refused += 1
                now[0] += allowance.retry_after_s
                again = await limits.called("k", limit)
                assert again.allowed, (now[0], allowance)
            now[0] += spread
        assert refused or spread * limit > 30

    asyncio.run(call())


def test_every_authenticated_answer_says_what_is_left() -> None:
    door = Door()
    client = door.client(door.book.add(rate_limit_per_minute=2))

    answers = [client.get("/v1/payments") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    for answer, left in zip(answers, ("1", "0", "0"), strict=True):
        assert answer.headers["x-ratelimit-limit"] == "2"
        assert answer.headers["x-ratelimit-remaining"] == left
        assert 0 < int(answer.headers["x-ratelimit-reset"]) - time.time() <= 62
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 61


def test_a_crash_says_what_is_left_too() -> None:
    door = Door(raises=RuntimeError("boom"))

    answer = door.client(door.book.add()).get("/v1/payments")

    assert answer.status_code == 500
    assert answer.headers["x-ratelimit-remaining"] == "999"


def test_good_webhooks_are_never_throttled_and_bad_ones_are() -> None:
    door = Door(settings=settings_with(ip_rate_per_minute=3))
    client = door.client()

    good = [client.post("/v1/webhooks/stripe", content=b"{}").status_code for _ in range(10)]
    bad = [client.get("/v1/webhooks/stripe").status_code for _ in range(5)]

    assert good == [200] * 10
    assert bad == [405] * 3 + [429] * 2
    assert client.post("/v1/webhooks/stripe", content=b"{}").status_code == 200


def test_probes_are_never_throttled() -> None:
    client = Door(settings=settings_with(ip_rate_per_minute=1)).client()

    assert {client.get("/health/live").status_code for _ in range(20)} == {200}
