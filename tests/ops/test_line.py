"""A line to Redis: every question has its own answer, or hears in time that there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
import redis

from domain.commands import Command
from ops.queue.depths import list_key, messages_key
from ops.queue.line import SILENCE_S, Line, Script
from ops.queue.wakes import LoopWakes
from tests.ops.queue_rig import QueueServer, declare, redis_broker, unfinished, until, working

pytestmark = pytest.mark.services

T = TypeVar("T")
#: Longer than any busy machine takes.
PATIENT_S = 30.0


def on(server: QueueServer, use: Callable[[Line], Awaitable[T]]) -> T:
    async def run() -> T:
        line = Line(server.url, PATIENT_S)
        try:
            return await use(line)
        finally:
            line.close()

    return asyncio.run(run())


def test_questions_of_many_leave_together_and_each_gets_its_own_answers(
    server: QueueServer,
) -> None:
    async def use(line: Line) -> list[Any]:
        asked = line.within(PATIENT_S)
        many = (asked.ask([("SET", f"k{n}", n), ("GET", f"k{n}")]) for n in range(100))
        return list(await asyncio.gather(*many))

    assert on(server, use) == [[b"OK", b"%d" % n] for n in range(100)]


def test_what_is_refused_is_an_answer_among_others(server: QueueServer) -> None:
    async def use(line: Line) -> list[object]:
        return await line.ask([("SET", "k", "v"), ("INCR", "k"), ("GET", "k")], PATIENT_S)

    done, refused, value = on(server, use)

    assert (done, value) == (b"OK", b"v")
    assert isinstance(refused, redis.ResponseError)


def test_a_script_that_was_forgotten_is_told_again(server: QueueServer) -> None:
    script = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")

    async def use(line: Line) -> list[list[object]]:
        asked, calls = line.within(PATIENT_S), [(1, "a", 1), (1, "b", 2)]
        first = await script.run(asked, calls)
        server.client.script_flush()
        return [first, await script.run(asked, calls)]

    assert on(server, use) == [[1, 2], [2, 4]]


def test_an_answer_that_comes_too_late_is_nobody_elses(server: QueueServer) -> None:
    server.client.mset({"early": "early", "late": "late"})

    async def use(line: Line) -> tuple[object, object]:
        (early,) = await line.ask([("GET", "early")], PATIENT_S)
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            await line.ask([("GET", "late")], 0.02)
        server.thaw()
        (again,) = await line.ask([("GET", "early")], PATIENT_S)
        return early, again

    assert on(server, use) == (b"early", b"early")


def test_a_silent_connection_is_given_up_for_a_new_one(server: QueueServer) -> None:
    async def use(line: Line) -> list[object]:
        (one,) = await line.ask([("CLIENT", "ID")], PATIENT_S)
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            await line.ask([("PING",)], SILENCE_S * 1.5)
        server.thaw()
        (other,) = await line.ask([("CLIENT", "ID")], PATIENT_S)
        return [one, other]

    one, other = on(server, use)
    assert one != other


def test_a_lost_connection_fails_who_waits_and_is_made_anew(server: QueueServer) -> None:
    async def use(line: Line) -> object:
        await line.ask([("PING",)], PATIENT_S)
        waiting = asyncio.ensure_future(line.ask([("BLPOP", "nothing", 0)], PATIENT_S))
        while not any(client["cmd"] == "blpop" for client in server.client.client_list()):
            await asyncio.sleep(0.01)
        server.client.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(redis.ConnectionError):
            await waiting
        return await line.ask([("PING",)], PATIENT_S)

    assert on(server, use) == [b"PONG"]


def test_who_cannot_connect_hears_so(own_server: QueueServer) -> None:
    own_server.kill()

    async def use(line: Line) -> None:
        with pytest.raises(redis.ConnectionError):
            await line.ask([("PING",)], PATIENT_S)

    on(own_server, use)


def test_wake_ups_of_a_loop_are_what_workers_read(server: QueueServer) -> None:
    ran: list[str] = []
    broker = redis_broker(server.url)
    declare(broker, Command.SCREEN, ran.append)

    async def use(line: Line) -> int:
        wakes = LoopWakes(server.wakes(), line.within(PATIENT_S))
        return await wakes([(Command.SCREEN, f"row-{n}", "req") for n in range(600)])

    assert on(server, use) == 600
    with working(broker):
        until(lambda: len(ran) >= 600, "all runs")
    assert sorted(ran) == sorted(f"row-{n}" for n in range(600))
    assert unfinished(server) == []


def test_wake_ups_that_a_loop_cannot_send_are_left_to_the_sweep(server: QueueServer) -> None:
    async def use(line: Line) -> list[int]:
        wakes = LoopWakes(server.wakes(), line.within(0.02))
        await line.ask([("PING",)], PATIENT_S)
        server.freeze()
        lost = await wakes([(Command.SCREEN, "row", "")])
        server.thaw()
        return [lost, await wakes([(Command.SCREEN, "row", "")])]

    assert on(server, use) == [0, 0], "the second is not tried: the first was lost just now"


def test_a_full_queue_gets_no_more(server: QueueServer) -> None:
    async def use(line: Line) -> list[int]:
        wakes = LoopWakes(server.wakes(queue_depth=2), line.within(PATIENT_S))
        return [await wakes([(Command.SCREEN, f"row-{n}", "")]) for n in range(5)]

    assert on(server, use) == [1, 1, 1, 0, 0]
    queue = Command.SCREEN.queue
    assert server.client.llen(list_key(queue)) == server.client.hlen(messages_key(queue)) == 3


def test_what_cannot_be_said_shifts_nobody_elses_answers(server: QueueServer) -> None:
    async def use(line: Line) -> list[object]:
        asked: Any = line.within(PATIENT_S)
        with pytest.raises(TypeError):
            await asked.ask([("SET", "k", object())])
        return list(await asked.ask([("ECHO", "mine")]))

    assert on(server, use) == [b"mine"]
