"""No Redis: an absent answer in time, its reason told, and no exception."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import redis

from tests.workers.velocity_shop import SECRET, Shop
from workers.velocity import ERRORS_MAX, ERRORS_SPAN_S, PAUSE_S, RedisVelocity


@pytest.fixture
def nobody() -> Iterator[redis.Redis]:
    """A port that is ours and refuses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield redis.Redis(port=taken.getsockname()[1])


@pytest.fixture
def silence() -> Iterator[redis.Redis]:
    """A server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield redis.Redis.from_url(f"redis://127.0.0.1:{listener.getsockname()[1]}")


def test_a_server_that_never_answers_costs_about_one_budget(silence: redis.Redis) -> None:
    shop = Shop(silence, budget_s=0.05)

    started = time.monotonic()
    assert shop.pays(1) is None
    shop.is_declined(1)
    took_s = time.monotonic() - started

    assert shop.reasons == ["timeout", "timeout"]
    assert 0.05 <= took_s < 1.0  # two waits of 0.05; redis-py alone would wait and retry for 20 s
    shop.velocity.close()


def test_after_five_errors_the_server_is_left_alone_for_a_while(nobody: redis.Redis) -> None:
    lost = Shop(nobody)

    answers = [lost.pays(number) for number in range(ERRORS_MAX + 1)]
    lost.is_declined(99)
    lost.now_s += PAUSE_S
    lost.pays(100)
    lost.pays(101)

    assert answers == [None] * (ERRORS_MAX + 1)
    assert lost.reasons == ["unreachable"] * ERRORS_MAX + [
        "paused",
        "paused",
        "unreachable",
        "paused",
    ]


def test_errors_further_apart_do_not_stop_the_asking(nobody: redis.Redis) -> None:
    lost = Shop(nobody)

    for number in range(2 * ERRORS_MAX):
        lost.pays(number)
        lost.now_s += ERRORS_SPAN_S / (ERRORS_MAX - 1) + 0.01

    assert lost.reasons == ["unreachable"] * 2 * ERRORS_MAX


@pytest.mark.parametrize(("secret", "budget_s"), [(b"", 1.0), (SECRET, 0.0)])
def test_neither_an_empty_key_nor_an_unbounded_wait_is_accepted(
    nobody: redis.Redis, secret: bytes, budget_s: float
) -> None:
    with pytest.raises(ValueError):
        RedisVelocity(nobody, secret, budget_s)
