"""Load: closed and open loops against a door of its own, and requests as they are on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ops.bench.load import Load, Maker, Outcome, Plan
from ops.sandbox.webhooks import signature

HEAD = "POST /x HTTP/1.1\r\nHost: h\r\nKey: k-@N@"


@dataclass
class Door:
    """Answers requests without a body, each after a time that `waits_s` tells."""

    status: int = 202
    waits_s: Callable[[int], float] = lambda number: 0.0
    seen: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await self._head(reader):
            number = len(self.seen)
            self.seen.append(head)
            await asyncio.sleep(self.waits_s(number))
            if not self.status:
                break
            writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\n{}" % self.status)
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return b""


def done(door: Door, **fields: object) -> Outcome:
    """Run a plan against the door."""

    async def both() -> Outcome:
        server = await asyncio.start_server(door, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            plan = Plan(**{"port": port, "head": HEAD, "connections": 4} | fields)
            return await Load(plan).run()

    return asyncio.run(both())


def test_a_closed_loop_sends_so_many_each_with_its_own_number() -> None:
    door = Door()
    outcome = done(door, count=50, first=1000)

    assert outcome.done == 50
    assert outcome.statuses == {"202": 50}
    numbers = {int(head.split(b"k-")[1].split(b"\r")[0]) for head in door.seen}
    assert numbers == set(range(1000, 1050))


def test_a_closed_loop_ends_with_the_time() -> None:
    outcome = done(Door(waits_s=lambda _: 0.01), seconds=0.2)
    assert 4 <= outcome.done <= 100
    assert outcome.p50_ms >= 10


def test_numbers_begin_again_after_a_cycle() -> None:
    door = Door()
    done(door, count=20, cycle=5)
    assert len(set(door.seen)) == 5


def test_latency_counts_from_when_a_request_was_due() -> None:
    """One slow answer makes those late that wait behind it; a loop that omitted them would see one
    slow request in a hundred."""
    door = Door(waits_s=lambda number: 0.5 if number == 20 else 0.0)
    outcome = done(door, connections=1, rate=200.0, seconds=1.0)

    assert outcome.done >= 100
    # Half of the requests were due while the door stood still, or in the queue behind it.
    assert outcome.p95_ms > 300


def test_an_open_loop_keeps_its_pace_whatever_the_answers_do() -> None:
    quick = done(Door(), rate=200.0, seconds=0.5, seed=7)
    slow = done(Door(waits_s=lambda _: 0.05), connections=100, rate=200.0, seconds=0.5, seed=7)
    assert quick.done == slow.done  # the same seed, the same arrivals
    assert 60 <= quick.done <= 140


def test_refusals_and_lost_connections_are_counted() -> None:
    assert done(Door(status=503), count=8).statuses == {"503": 8}
    assert done(Door(status=0), count=8, seconds=1.0).statuses == {"0": 4}  # one per connection


def test_a_request_carries_its_number_its_moment_and_its_length() -> None:
    plan = Plan(
        port=1,
        head="POST /100%/@L@ HTTP/1.1\r\nKey: k-@N@",
        body='{"order":"@N@-@T@"}',
        connections=1,
        lines=("a", "b"),
    )
    head, _, body = Maker(plan).make(3, 1_700_000_000_123_456).partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /100%/b HTTP/1.1"
    assert json.loads(body) == {"order": "000000000003-1700000000123456"}
    assert f"Content-Length: {len(body)}".encode() in head


def test_without_a_body_there_is_no_length() -> None:
    plan = Plan(port=1, head="GET / HTTP/1.1", connections=1)
    assert Maker(plan).make(0, 0) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_webhook_is_signed_as_the_sandbox_signs() -> None:
    plan = Plan(
        port=1,
        head="POST / HTTP/1.1\r\nSandbox-Signature: @S@",
        body='{"id":"evt_@N@"}',
        connections=1,
        secret="whsec_test",
    )
    head, _, body = Maker(plan).make(1, 1_700_000_000_000_001).partition(b"\r\n\r\n")
    assert f"Sandbox-Signature: {signature('whsec_test', 1_700_000_000, body)}".encode() in head


@pytest.mark.parametrize("chunks", [1, 3, 1000], ids=["whole", "three", "bytes"])
def test_an_answer_may_come_in_pieces(chunks: int) -> None:
    answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\nx: y\r\n\r\nhello"

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = -(-len(answer) // chunks)
        for at in range(0, len(answer), size):
            writer.write(answer[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()
        writer.close()

    async def both() -> Outcome:
        server = await asyncio.start_server(door, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await Load(Plan(port=port, head=HEAD, connections=1, count=1)).run()

    assert asyncio.run(both()).statuses == {"202": 1}
