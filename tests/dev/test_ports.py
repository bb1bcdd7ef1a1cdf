"""Ports: free, remembered, taken."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.dev import ports
from ops.dev.errors import PortTaken
from ops.dev.ports import LOOPBACK, free_port, is_free, remembered_port, require_free
from tests.dev.conftest import RunPython

LISTEN = """
import socket, signal
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
signal.pause()
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_refused_with_its_owner_and_the_fix(run_python: RunPython) -> None:
    process = run_python(LISTEN)
    assert process.stdout is not None
    port = int(process.stdout.readline())

    with pytest.raises(PortTaken) as refused:
        require_free(port, "APP_PORT")

    name = Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii").strip()
    assert str(refused.value) == (
        f"port {port} is taken (pid {process.pid}, {name}): stop it or set APP_PORT"
    )


def test_a_port_taken_on_every_address_is_taken_on_the_loopback() -> None:
    with socket.create_server(("", 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_a_free_port_is_free_and_out_of_reach_of_outgoing_connections() -> None:
    found = {free_port() for _ in range(20)}
    start = int(ports.EPHEMERAL.read_text(encoding="ascii").split()[0])
    assert all(is_free(port) for port in found)
    assert start <= ports.LOWEST_PORT or max(found) < start
    for port in found:
        require_free(port, "APP_PORT")


def test_without_room_below_the_ephemeral_range_the_kernel_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = tmp_path / "range"
    wide.write_text("1024\t65000\n")
    monkeypatch.setattr(ports, "EPHEMERAL", wide)
    assert is_free(free_port())


def test_a_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    said: list[str] = []
    first = remembered_port(tmp_path / "port", "postgres", said.append)
    assert remembered_port(tmp_path / "port", "postgres", said.append) == first
    assert said == []


def test_another_port_is_chosen_and_said_when_the_remembered_one_is_taken(
    tmp_path: Path, taken: int
) -> None:
    said: list[str] = []
    (tmp_path / "port").write_text(f"{taken}\n")

    port = remembered_port(tmp_path / "port", "postgres", said.append)

    assert port != taken
    assert is_free(port)
    assert remembered_port(tmp_path / "port", "postgres", said.append) == port
    (line,) = said
    assert f"port {taken} of postgres is taken (pid {os.getpid()}, " in line
    assert line.endswith(f"using {port}")


@pytest.mark.parametrize("kept", ["", "many", "0", "70000"])
def test_a_damaged_memory_is_replaced(tmp_path: Path, kept: str) -> None:
    (tmp_path / "port").write_text(kept)
    port = remembered_port(tmp_path / "port", "postgres", print)
    assert int((tmp_path / "port").read_text()) == port
