"""Gateways: what the list shows, and holds that a person sets."""

from __future__ import annotations

import time

import pytest
import redis

from ops import breakers
from ops.cli.deeds import operator
from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services


def forced(stage: Stage) -> dict[str, tuple[str, int]]:
    """Return what is held, and for how many minutes, rounded."""
    found = stage.sql(
        "SELECT gateway_id, forced, extract(epoch FROM forced_until - clock_timestamp()) / 60 AS m"
        "  FROM gateway_health WHERE forced_until > clock_timestamp()"
    )
    return {row["gateway_id"]: (row["forced"], round(row["m"])) for row in found}


def test_the_list_shows_routes_breaker_and_calls_under_way(stage: Stage) -> None:
    client = redis.Redis.from_url(stage.environ["REDIS_URL"])
    now_ms = int(time.time() * 1000)
    client.hset(
        breakers.circuit_key("one", "charge"),
        mapping={breakers.EPOCH: 1, breakers.OPEN_UNTIL: now_ms + 60_000},
    )
    calls = {"a": now_ms + 60_000, "b": now_ms + 60_000, "ended": now_ms - 60_000}
    client.zadd(breakers.calls_key("two"), calls)
    client.close()

    lines = {line.split()[0]: line for line in stage.run("gateways", "list").out.splitlines()}

    assert " open " in lines["one"]
    assert "0 of 32" in lines["one"]
    assert " closed " in lines["two"]
    assert "2 of 32" in lines["two"]
    assert "everything (priority 100)" in lines["two"]


def test_without_redis_the_list_says_what_it_does_not_know(stage: Stage) -> None:
    ran = stage.run("gateways", "list", environ={"REDIS_URL": "redis://127.0.0.1:1/0"})

    assert "REDIS_URL" in ran.err
    assert "two" in ran.out
    assert "?" in ran.out


def test_a_redis_address_that_is_none_is_named(stage: Stage) -> None:
    ran = stage.run("gateways", "list", code=2, environ={"REDIS_URL": "localhost:6379"})

    assert "REDIS_URL" in ran.err
    assert "redis://" in ran.err


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_hold_has_an_end_a_reason_and_an_entry_in_the_audit(stage: Stage, way: str) -> None:
    stage.run("gateways", way, "one", "--for", "2h", "--reason", "their maintenance")

    assert forced(stage) == {"one": (way, 120)}
    assert stage.audit() == [("operator", f"gateway.held_{way}", "one")]
    shown = stage.run("gateways", "list").out
    assert f"{way} until" in shown
    assert f"by {operator()}: their maintenance" in shown


def test_a_released_gateway_is_free_at_once_and_releasing_again_tells_nothing(
    stage: Stage,
) -> None:
    stage.run("gateways", "down", "one", "--reason", "maintenance")
    assert "released" in stage.run("gateways", "release", "one").out

    assert forced(stage) == {}
    assert "not held" in stage.run("gateways", "release", "one").out
    actions = [action for _, action, _ in stage.audit()]
    assert actions == ["gateway.held_down", "gateway.released"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["down", "three", "--reason", "x"], 1, "choose one of: one, two"),
        (["release", "three"], 1, "choose one of: one, two"),
        (["down", "one", "--reason", "x", "--for", "soon"], 2, "10m"),
        (["down", "one", "--reason", "x", "--for", "0m"], 2, "10m"),
        (["up", "one", "--reason", "x", "--for", "31d"], 2, "30d"),
        (["up", "one", "--reason", " "], 2, "--reason"),
        (["up", "one"], 2, "--reason"),
    ],
)
def test_a_wrong_hold_is_refused_with_the_fix(
    stage: Stage, args: list[str], code: int, said: str
) -> None:
    assert said in stage.run("gateways", *args, code=code).err

    assert forced(stage) == {}
    assert stage.audit() == []
