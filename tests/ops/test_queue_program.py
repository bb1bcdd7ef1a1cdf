"""The dramatiq command with our middleware: its processes, its metrics and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from domain.commands import Command
from ops.queue.depths import Depth
from tests.ops.queue_rig import QueueServer, client_of, until
from tests.workers.circuit_rig import free_port

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path)
    yield server
    server.kill()


def test_the_command_shares_its_metrics_and_drains_on_sigterm(
    server: QueueServer, tmp_path: Path
) -> None:
    port, out = free_port(), tmp_path / "out"
    shared = tmp_path / "metrics"
    shared.mkdir()
    environ = os.environ | {
        "REDIS_URL": server.url,
        "METRICS_PORT": str(port),
        "PROMETHEUS_MULTIPROC_DIR": str(shared),
    }
    # Two threads each: a process prefetches two messages per thread, which others do not get.
    arguments = ["tests.ops.queue_program:setup", "-p", "2", "-t", "2", "--skip-logging"]
    with out.open("wb") as stdout:
        program = subprocess.Popen(
            [sys.executable, "-m", "dramatiq", *arguments],
            cwd=ROOT,
            env=environ,
            stdout=stdout,
            start_new_session=True,
        )
    try:
        _drain(server, port, program)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)  # its children outlive a killed main process
        program.wait()

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    runs = [line for line in lines if line.get("operation") == "charge_payment"]
    assert [(line["status"], line["request_id"]) for line in runs] == [("ok", "req-1")] * 2


def _drain(server: QueueServer, port: int, program: subprocess.Popen[bytes]) -> None:
    redis, wakes = client_of(server.port, decode=True), server.wakes()

    def pids() -> set[object]:
        wakes.wake(Command.SCREEN, "row", "")
        return set(redis.lrange("pids", 0, -1))

    until(lambda: len(pids()) == 2, "both processes to have run something")
    until(lambda: wakes.depths()["screening"] == Depth(0, 0, 0.0), "those to be done")
    runs = redis.llen("pids")
    until(lambda: f'screen_payment",result="ok"}} {runs}.0' in _scraped(port), "the sum of both")

    for row in ("one", "two"):
        wakes.wake(Command.CHARGE, row, "req-1")
    until(lambda: redis.exists("started:one", "started:two") == 2, "both runs")
    program.send_signal(signal.SIGTERM)

    assert program.wait(timeout=30) == 0
    assert redis.exists("finished:one", "finished:two") == 2
    assert wakes.depths()["charging"] == Depth(0, 0, 0.0)


def _scraped(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except URLError:
        return ""
