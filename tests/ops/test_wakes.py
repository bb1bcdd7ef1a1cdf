"""Sending wake-ups: many at once, never in anybody's way, whatever the server does."""

from __future__ import annotations

import threading
import time
from uuid import UUID

import pytest
import redis
from dramatiq.errors import ConnectionClosed

from domain.commands import QUEUES, Command
from ops.queue.broker import Wakes
from ops.queue.depths import Depth, depths
from ops.queue.wakes import CHUNK, PAUSE_S, RedisSender
from tests.ops.log_lines import Lines
from tests.ops.queue_rig import (
    QueueServer,
    a_message,
    declare,
    redis_broker,
    unfinished,
    until,
    working,
)

pytestmark = pytest.mark.services

ROW = UUID("0198f3b2-c1d2-7e55-a1b2-c3d4e5f60718")


def test_many_wake_ups_arrive_once_each(server: QueueServer) -> None:
    ran: list[str] = []
    broker = redis_broker(server.url)
    for command in Command:
        declare(broker, command, ran.append)
    rows = [(command, f"{command}-{n}", "") for n in range(CHUNK) for command in Command]

    assert server.wakes().wake_many(rows) == len(rows)
    with working(broker, threads=4):
        until(lambda: len(ran) >= len(rows), "all runs")

    assert sorted(ran) == sorted(row for _, row, _ in rows)
    assert unfinished(server) == []


def test_without_the_server_waking_is_quick_silent_and_counted(
    own_server: QueueServer, lines: Lines
) -> None:
    now = [0.0]
    sender = _sender_of(own_server)
    wakes = Wakes(sender, queue_depth=10, clock=lambda: now[0])
    wakes.wake(Command.CHARGE, ROW, "")
    own_server.kill()

    started = time.monotonic()
    wakes.wake(Command.CHARGE, ROW, "")
    took_s = time.monotonic() - started
    for _ in range(1_000):  # during the pause nothing is tried
        wakes.wake(Command.CHARGE, ROW, "")
    assert wakes.depths() == {}

    assert took_s < 1.0
    (line,) = lines.all()
    assert (line["level"], line["event"]) == ("warning", "wake-ups not sent, the sweep will")

    own_server.start()
    assert wakes.wake_many([(Command.CHARGE, ROW, "")]) == 0
    now[0] += PAUSE_S
    assert wakes.wake_many([(Command.CHARGE, ROW, "")]) == 1
    assert wakes.depths()["charging"].ready == 1


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not yet connected"])
def test_a_server_that_does_not_answer_holds_nobody_up(
    own_server: QueueServer, lines: Lines, connected: bool
) -> None:
    wakes = own_server.wakes()
    if connected:
        wakes.wake(Command.CHARGE, ROW, "")
    own_server.freeze()

    started = time.monotonic()
    for _ in range(100):
        wakes.wake(Command.CHARGE, ROW, "")
    took_s = time.monotonic() - started

    assert took_s < 1.0
    assert len(lines.all()) == 1


def test_a_full_queue_gets_no_more_and_the_others_do(server: QueueServer, lines: Lines) -> None:
    now = [0.0]
    wakes = Wakes(_sender_of(server), queue_depth=3, clock=lambda: now[0])

    def send(command: Command) -> int:
        return sum(wakes.wake_many([(command, ROW, "")]) for _ in range(10))

    assert send(Command.CHARGE) == 4
    assert send(Command.SCREEN) == 4
    assert [line["queue"] for line in lines.all()] == ["charging", "screening"]
    now[0] += PAUSE_S
    assert send(Command.CHARGE) == 1  # a look whether it is still full
    server.client.flushall()
    now[0] += PAUSE_S
    assert send(Command.CHARGE) == 4


def test_depths_tell_ready_running_and_waiting_messages(server: QueueServer) -> None:
    go, running = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        running.set()
        assert go.wait(20)

    broker = redis_broker(server.url)
    declare(broker, Command.CHARGE, hold)
    wakes = server.wakes()
    assert wakes.depths() == dict.fromkeys(QUEUES.values(), Depth(0, 0, 0.0))

    wakes.wake_many([(Command.CHARGE, str(n), "") for n in range(7)])
    before = wakes.depths()
    until(lambda: wakes.depths()["charging"].oldest_age_s > before["charging"].oldest_age_s, "age")
    with working(broker, threads=1):  # which prefetches two
        assert running.wait(20)
        until(lambda: wakes.depths()["charging"].in_progress == 2, "the prefetch")
        during = depths(server.client, ["charging"])
        go.set()
        until(lambda: wakes.depths()["charging"] == Depth(0, 0, 0.0), "the end")

    assert (before["charging"].ready, before["charging"].in_progress) == (7, 0)
    assert 0 <= before["charging"].oldest_age_s < 20
    assert before["webhooks"] == Depth(0, 0, 0.0)
    assert during["charging"].ready == 5


def test_a_message_whose_answer_was_lost_is_not_sent_again(
    own_server: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.queue.broker.WORKER_SOCKET_S", 0.3)
    broker, wakes = redis_broker(own_server.url), own_server.wakes()
    broker.enqueue(a_message("charging"))
    wakes.wake(Command.SCREEN, ROW, "")
    own_server.freeze()  # what is sent now arrives, but nobody hears of it

    with pytest.raises(ConnectionClosed):
        broker.enqueue(a_message("charging"))
    wakes.wake(Command.SCREEN, ROW, "")
    own_server.thaw()

    client = own_server.client
    until(lambda: client.llen("paylink:charging") >= 2, "the message")
    until(lambda: client.llen("paylink:screening") >= 2, "the wake-up")
    assert (client.llen("paylink:charging"), client.llen("paylink:screening")) == (2, 2)


def _sender_of(server: QueueServer) -> RedisSender:
    return RedisSender(redis.Redis.from_url(server.url, socket_timeout=0.5))
