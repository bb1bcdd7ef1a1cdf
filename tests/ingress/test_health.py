"""Health: what each probe says when parts are away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ingress import health
from ingress.health import FRESH_S, Checkup, Part
from native.verifier import BACKEND


async def well() -> bool:
    return True


async def away() -> None:
    raise ConnectionError("db.internal:5432 refused")


async def hanging() -> None:
    await asyncio.Event().wait()


def ask(
    path: str,
    database: Callable[[], Awaitable[Any]] = well,
    redis: Callable[[], Awaitable[Any]] = well,
    *,
    draining: bool = False,
) -> Any:
    app = Starlette(routes=health.routes(database, redis, lambda: draining))
    return TestClient(app).get(path)


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
@pytest.mark.parametrize(
    ("database", "redis", "draining", "code", "status"),
    [
        (well, well, False, 200, "ok"),
        (well, away, False, 200, "degraded"),
        (away, well, False, 503, "unavailable"),
        (away, away, False, 503, "unavailable"),
        (well, well, True, 503, "draining"),
    ],
)
def test_it_is_ready_without_redis_but_not_without_the_database(
    path: str,
    database: Callable[[], Awaitable[Any]],
    redis: Callable[[], Awaitable[Any]],
    draining: bool,
    code: int,
    status: str,
) -> None:
    answer = ask(path, database, redis, draining=draining)

    assert (answer.status_code, answer.json()["status"]) == (code, status)


def test_a_program_whose_loop_runs_is_alive_whatever_is_away() -> None:
    answer = ask("/health/live", away, away, draining=True)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_part_that_hangs_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.05)

    answer = ask("/health/ready", hanging)

    assert answer.status_code == 503
    assert answer.json()["parts"]["database"]["cause"] == "TimeoutError"


def test_parts_are_named_but_not_their_addresses() -> None:
    answer = ask("/health", away)

    assert answer.json()["parts"]["database"]["cause"] == "ConnectionError"
    assert "db.internal" not in answer.text


def test_health_tells_version_and_verifier() -> None:
    body = ask("/health").json()

    assert body["verifier"] == BACKEND
    assert body["version"]
    assert set(body["parts"]) == {"database", "redis"}


def test_many_probes_cost_one_look() -> None:
    looks: list[int] = []
    now = [0.0]

    async def counted() -> None:
        looks.append(1)

    checkup = Checkup([Part("database", counted, required=True)], lambda: now[0])

    async def probe() -> None:
        await asyncio.gather(*(checkup.report() for _ in range(50)))
        now[0] += FRESH_S
        await checkup.report()

    asyncio.run(probe())
    assert len(looks) == 2


def test_metrics_are_prometheus_text() -> None:
    answer = ask("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE paylink_http_requests_total counter" in answer.text
