"""Wake-ups reach a real worker through a real server, and a lost one hurts nobody."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from uuid import UUID

import dramatiq
import pytest
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import default_middleware

from domain.commands import Command
from domain.errors import LeaseLost
from ops.queue.broker import (
    PikaMissing,
    Wakes,
    make_broker,
    open_wakes,
    pause_ms,
    stub_broker,
)
from ops.queue.middleware import Draining, around_actors
from ops.queue.wakes import BrokerSender
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


def test_a_wake_up_from_a_process_without_actors_reaches_a_worker(
    server: QueueServer, lines: Lines
) -> None:
    ran: list[str] = []
    broker = redis_broker(server.url)
    declare(broker, Command.CHARGE, ran.append)

    server.wakes().wake(Command.CHARGE, ROW, "req-1")
    with working(broker):
        until(lambda: bool(lines.where(lambda line: "operation" in line)), "the run")

    assert ran == [str(ROW)]
    run = lines.where(lambda line: "operation" in line)
    assert len(run) == 1
    assert run[0].keys() >= {"timestamp", "level", "service", "event", "duration_ms"}
    assert (run[0]["operation"], run[0]["status"]) == ("charge_payment", "ok")
    assert (run[0]["request_id"], run[0]["row_id"]) == ("req-1", str(ROW))
    assert run[0]["transaction_id"] == f"pay_{ROW.hex}"


def test_what_an_actor_logs_carries_its_request_and_not_the_one_before(
    server: QueueServer, lines: Lines
) -> None:
    def say(row_id: str) -> None:
        import logging

        logging.getLogger("flow").warning("in %s", row_id)

    broker = redis_broker(server.url)
    declare(broker, Command.RESOLVE, say)
    server.wakes().wake_many(
        [
            (Command.RESOLVE, "one", "req-1"),
            (Command.RESOLVE, "two", ""),
            (Command.RESOLVE, "x", "r"),
        ]
    )
    with working(broker, threads=1):
        until(lambda: len(lines.where(lambda line: "operation" in line)) == 3, "three runs")

    said = lines.where(lambda line: line.get("logger") == "flow")
    assert [(line["event"], line.get("request_id")) for line in said] == [
        ("in one", "req-1"),
        ("in two", None),
        ("in x", "r"),
    ]
    after = lines.where(lambda line: line["event"] == "Worker has been shut down.")
    assert "request_id" not in after[0]


def test_an_exception_is_logged_once_without_secrets_and_acknowledged(
    server: QueueServer, lines: Lines
) -> None:
    def crash(row_id: str) -> None:
        password = "canary-in-a-local"
        raise RuntimeError(f"{len(password)} sk_live_canary for {row_id}")

    broker = redis_broker(server.url)
    declare(broker, Command.CHARGE, crash)
    server.wakes().wake(Command.CHARGE, ROW, "req-1")
    with working(broker):
        until(lambda: unfinished(server) == [], "the acknowledgement")

    (error,) = lines.where(lambda line: line["level"] in ("error", "critical"))
    assert f"RuntimeError: 17 [redacted] for {ROW}" in error["exception"]
    assert (error["request_id"], error["row_id"]) == ("req-1", str(ROW))
    (run,) = lines.where(lambda line: "operation" in line)
    assert run["status"] == "crashed"
    assert len(lines.where(lambda line: "exception" in line)) == 1
    assert "canary" not in lines.text


def test_a_lost_lease_is_no_error(server: QueueServer, lines: Lines) -> None:
    def lose(_: str) -> None:
        raise LeaseLost("attempt")

    broker = redis_broker(server.url)
    declare(broker, Command.RESOLVE, lose)
    server.wakes().wake(Command.RESOLVE, ROW, "req-1")
    with working(broker):
        until(lambda: unfinished(server) == [], "the acknowledgement")

    assert lines.where(lambda line: line["level"] not in ("info", "debug")) == []
    assert lines.where(lambda line: "exception" in line) == []
    (run,) = lines.where(lambda line: "operation" in line)
    assert run["status"] == "lease_lost"


def test_messages_of_a_dead_worker_come_back(server: QueueServer) -> None:
    ran: list[str] = []
    dead, living = redis_broker(server.url), redis_broker(server.url)
    server.wakes().wake(Command.CHARGE, ROW, "")
    assert next(dead.consume("charging", prefetch=2, timeout=50))  # and is never heard of again
    assert server.wakes().depths()["charging"].in_progress == 1

    declare(living, Command.CHARGE, ran.append)
    living.heartbeat_timeout = 500
    with working(living):
        until(lambda: ran == [str(ROW)], "the second delivery")


@pytest.mark.parametrize(
    ("queue", "pause"),
    [
        *((queue, 150) for queue in ("screening", "charging", "webhooks", "resolving")),
        *((queue, 1_000) for queue in ("audit", "events", "health")),
    ],
)
def test_idle_queues_are_asked_often_only_where_somebody_waits(queue: str, pause: int) -> None:
    assert pause_ms(queue, 1_000) == pause


def test_nobody_looks_for_delayed_messages_because_none_are_sent(server: QueueServer) -> None:
    broker = redis_broker(server.url)
    declare(broker, Command.CHARGE, print)

    assert broker.get_declared_queues() == {"charging"}
    assert not broker.get_declared_delay_queues()


def test_an_unknown_actor_costs_one_message_and_not_the_worker(server: QueueServer) -> None:
    ran: list[str] = []
    broker = redis_broker(server.url)
    declare(broker, Command.CHARGE, ran.append)
    with working(broker):
        redis_broker(server.url).enqueue(a_message("charging", "gone"))
        server.wakes().wake(Command.CHARGE, ROW, "")
        until(lambda: ran == [str(ROW)], "the next one")

    assert server.client.zcard("paylink:charging.XQ") == 1


def test_a_stopping_worker_says_so_while_its_runs_end(server: QueueServer) -> None:
    draining, seen, running = Draining(), threading.Event(), threading.Event()
    broker = redis_broker(server.url, draining)

    def work(_: str) -> None:
        running.set()
        until(draining.draining, "the stop")
        seen.set()

    declare(broker, Command.CHARGE, work)
    server.wakes().wake_many([(Command.CHARGE, str(n), "") for n in range(2)])
    assert not draining.draining()
    with working(broker, threads=1):
        assert running.wait(20)

    assert seen.is_set()
    depth = server.wakes().depths()["charging"]
    assert (depth.ready, depth.in_progress) == (1, 0)  # the prefetched one was put back


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(lambda server: server.freeze(), id="no answer"),
        pytest.param(lambda server: server.kill(), id="gone"),
        pytest.param(lambda server: server.client.replicaof("127.0.0.1", 1), id="read-only"),
        pytest.param(lambda server: server.client.config_set("maxmemory", 1), id="full"),
    ],
)
def test_dramatiq_takes_every_outage_for_a_lost_connection(
    own_server: QueueServer,
    outage: Callable[[QueueServer], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ops.queue.broker.WORKER_SOCKET_S", 0.3)
    broker = redis_broker(own_server.url)
    broker.enqueue(a_message("charging"))
    consumer = broker.consume("charging", prefetch=1, timeout=50)
    fetched = next(consumer)
    assert fetched

    outage(own_server)

    with pytest.raises(ConnectionClosed):
        consumer.ack(fetched)
    with pytest.raises(ConnectionClosed):
        broker.enqueue(a_message("charging"))


def test_the_broker_has_our_middleware_and_none_of_dramatiqs(server: QueueServer) -> None:
    broker = make_broker(server.url, middleware=around_actors(Draining()))

    kinds = [type(one) for one in broker.middleware]
    assert all(kind.__module__ == "ops.queue.middleware" for kind in kinds)
    assert not set(kinds) & set(default_middleware)
    with pytest.raises(ValueError, match="max_retries"):
        dramatiq.actor(broker=broker, actor_name="x", max_retries=3)(lambda: None)


def test_the_stub_runs_the_same_actors() -> None:
    ran: list[str] = []
    broker = stub_broker(middleware=around_actors(Draining()))
    declare(broker, Command.CHARGE, ran.append)
    wakes = Wakes(BrokerSender(broker), queue_depth=1)

    wakes.wake_many([(Command.CHARGE, str(n), "") for n in range(3)])
    wakes.wake(Command.SEAL, "recent", "clock")  # no actor here
    with working(broker):
        broker.join("charging", timeout=10_000)

    assert sorted(ran) == ["0", "1", "2"]
    assert wakes.depths() == {}


@pytest.mark.parametrize("url", ["amqp://127.0.0.1", "amqps://127.0.0.1"])
def test_rabbitmq_without_its_package_is_refused_clearly(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pika", None)
    monkeypatch.delitem(sys.modules, "dramatiq.brokers.rabbitmq", raising=False)

    with pytest.raises(PikaMissing, match="pika"):
        make_broker(url, middleware=[])
    with pytest.raises(PikaMissing, match="pika"):
        open_wakes(url, queue_depth=1)
