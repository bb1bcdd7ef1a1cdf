"""A queue that loses, doubles, strands and refuses: every message is a wake-up, so no work is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from domain.attempt import Attempt
from domain.commands import Command
from domain.outcome import Lookup
from ops.harness.proxy.redis import RedisTalk
from ops.harness.proxy.relay import Relay
from ops.harness.proxy.rules import Loss, RespError, Rule
from ops.queue.depths import Depth
from tests.faults.floor import SHORT_HEARTBEAT_MS, Floor
from tests.ops.queue_rig import QueueServer
from tests.scripted import Scripted
from tests.store.conftest import Books
from tests.workers.circuit_rig import until

pytestmark = pytest.mark.services

FETCH = "^EVALSHA .* fetch .* screening"
ACK = "^EVALSHA .* ack .* screening"


@pytest.fixture(scope="module")
def servers_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def floor(
    books: Books, servers_queue: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Floor]:
    for name, value in {
        "dramatiq.worker.CONSUMER_RESTART_DELAY_SECS": 0.05,
        "dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS": 0.05,
        "ops.queue.broker.WORKER_SOCKET_S": 1.0,
        "ops.queue.broker.SENDER_CONNECT_S": 5.0,  # a busy machine loses nothing by itself
        "ops.queue.broker.SENDER_SOCKET_S": 5.0,
        "ops.queue.wakes.PAUSE_S": 0.0,
    }.items():
        monkeypatch.setattr(name, value)
    servers_queue.client.flushall()
    relay = Relay(RedisTalk, servers_queue.url)
    floor = Floor(books, servers_queue, relay)
    assert floor.wakes.depths()["screening"] == Depth(0, 0, 0.0)
    floor.broker.do_qsize("screening")  # loads the script: the first fetch is a fetch
    yield floor
    floor.shop.close()
    relay.close()


def test_work_whose_run_failed_while_redis_was_away_is_done_after_the_next_sweep(
    floor: Floor,
) -> None:
    """The message is gone for good: nothing but the row knows of the work."""
    payment_id = floor.shop.a_payment()
    away = floor.relay.away()
    failed: list[Attempt] = []

    def take(attempt: Attempt) -> Lookup:
        if not failed:
            away.__enter__()
            failed.append(attempt)
            raise RuntimeError("a bug, while the queue is away")
        return floor.shop.till.take(attempt)

    floor.shop.board(Scripted("one", take, lookups=[floor.shop.till.find]))
    with floor.working():
        floor.wake(payment_id)
        until(lambda: bool(failed), "the failure")
        floor.server.client.flushall()
        away.__exit__(None, None, None)
        assert not floor.is_paid(payment_id)
        floor.swept(lambda: floor.is_paid(payment_id) and floor.kept() == [], "the end")

    floor.shop.paid_once(payment_id)


def test_a_wake_up_that_arrived_although_it_failed_is_sent_again_and_charges_once(
    floor: Floor,
) -> None:
    payment_id = floor.shop.a_payment()
    floor.relay.rules.arm(Rule("^EXEC", Loss.REPLY, times=3))
    for _ in range(3):
        floor.wake(payment_id)
    assert len(floor.relay.rules.struck) == 3
    assert floor.wakes.depths()["screening"].ready == 3  # not more: nothing was tried again
    floor.tick()

    with floor.working():
        until(lambda: floor.is_paid(payment_id) and floor.kept() == [], "the end")

    assert floor.runs.counts[Command.SCREEN] == 4
    floor.shop.paid_once(payment_id)


@pytest.mark.parametrize("loss", [Loss.REPLY, Loss.SILENCE])
def test_messages_that_were_fetched_unheard_come_back_without_a_sweep(
    floor: Floor, loss: Loss
) -> None:
    payment_ids = [floor.shop.a_payment() for _ in range(3)]
    for payment_id in payment_ids:
        floor.wake(payment_id)
    floor.broker.heartbeat_timeout = SHORT_HEARTBEAT_MS
    floor.relay.rules.arm(Rule(FETCH, loss))

    with floor.working():
        until(lambda: bool(floor.relay.rules.struck), "the lost fetch")
        until(lambda: all(map(floor.is_paid, payment_ids)) and floor.kept() == [], "the end")

    for payment_id in payment_ids:
        floor.shop.paid_once(payment_id)


def test_fetches_that_are_lost_one_after_the_other_strand_nothing(floor: Floor) -> None:
    payment_ids = [floor.shop.a_payment() for _ in range(8)]
    for payment_id in payment_ids:
        floor.wake(payment_id)
    floor.broker.heartbeat_timeout = SHORT_HEARTBEAT_MS
    floor.relay.rules.arm(*(Rule(FETCH, Loss.REPLY, nth) for nth in (1, 3, 5)))

    with floor.working():
        until(lambda: len(floor.relay.rules.struck) == 3, "the lost fetches")
        until(lambda: all(map(floor.is_paid, payment_ids)) and floor.kept() == [], "the end")
        assert floor.wakes.depths()["screening"] == Depth(0, 0, 0.0)


@pytest.mark.parametrize(
    "fault",
    [
        Loss.REQUEST,
        Loss.REPLY,
        Loss.SILENCE,
        RespError("READONLY You can't write against a read only replica."),
        RespError("OOM command not allowed when used memory > 'maxmemory'."),
        RespError("MISCONF Errors writing to the AOF file: No space left on device"),
        RespError("LOADING the dataset in memory"),
        RespError("NOREPLICAS Not enough good replicas to write."),
    ],
    ids=lambda fault: str(getattr(fault, "text", fault)).split()[0],
)
def test_a_run_whose_acknowledgement_failed_is_not_run_again_at_the_next_start(
    floor: Floor, fault: Loss | RespError
) -> None:
    payment_id = floor.shop.a_payment()
    floor.wake(payment_id)
    floor.relay.rules.arm(Rule(ACK, fault, times=2))

    with floor.working():
        until(lambda: len(floor.relay.rules.struck) == 2, "the failures")
        until(lambda: floor.is_paid(payment_id) and floor.kept() == [], "the end")

    assert floor.runs.counts[Command.SCREEN] == 1
    floor.shop.paid_once(payment_id)


def _read_only(floor: Floor) -> Callable[[], object]:
    floor.server.client.replicaof("127.0.0.1", 1)
    return lambda: floor.server.client.replicaof("NO", "ONE")


def _full(floor: Floor) -> Callable[[], object]:
    floor.server.client.config_set("maxmemory", 1)
    return lambda: floor.server.client.config_set("maxmemory", 0)


def _unable(floor: Floor) -> Callable[[], object]:
    floor.relay.rules.arm(Rule("^(EVALSHA|EXEC)", RespError("MISCONF disk"), times=10**6))
    return floor.relay.rules.disarm


def _away(floor: Floor) -> Callable[[], object]:
    away = floor.relay.away()
    away.__enter__()
    return lambda: away.__exit__(None, None, None)


def _silent(floor: Floor) -> Callable[[], object]:
    floor.relay.rules.arm(Rule(".", Loss.SILENCE, times=10**6))
    return floor.relay.rules.disarm


def _flushed(floor: Floor) -> Callable[[], object]:
    floor.server.client.flushall()
    return lambda: None


@pytest.mark.parametrize("outage", [_read_only, _full, _unable, _away, _silent, _flushed])
def test_workers_go_on_after_an_outage_in_the_middle_of_their_work(
    floor: Floor,
    outage: Callable[[Floor], Callable[[], object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ops.queue.broker.SENDER_SOCKET_S", 0.2)
    floor.open_wakes()
    payment_ids = [floor.shop.a_payment() for _ in range(12)]
    floor.broker.heartbeat_timeout = SHORT_HEARTBEAT_MS
    with floor.working():
        for payment_id in payment_ids[:6]:
            floor.wake(payment_id)
        until(lambda: any(map(floor.is_paid, payment_ids)), "the first")
        over = outage(floor)
        for payment_id in payment_ids[6:]:
            floor.wake(payment_id)  # lost, or not
        over()
        floor.swept(lambda: all(map(floor.is_paid, payment_ids)), "the end")
        until(lambda: floor.kept() == [], "the queue to be empty")

    for payment_id in payment_ids:
        floor.shop.paid_once(payment_id)


def test_connections_that_are_cut_again_and_again_lose_nothing(floor: Floor) -> None:
    payment_ids = [floor.shop.a_payment() for _ in range(12)]
    floor.broker.heartbeat_timeout = SHORT_HEARTBEAT_MS
    with floor.working():
        for payment_id in payment_ids:
            floor.wake(payment_id)
            floor.relay.cut()
        floor.swept(lambda: all(map(floor.is_paid, payment_ids)), "the end")
        until(lambda: floor.kept() == [], "the queue to be empty")

    for payment_id in payment_ids:
        floor.shop.paid_once(payment_id)
