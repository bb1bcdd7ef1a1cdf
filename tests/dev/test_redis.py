"""The embedded Redis: what a queue needs of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from ops.dev.errors import ServerFailed
from ops.dev.ports import LOOPBACK, remembered_port
from ops.dev.redis import EmbeddedRedis

pytestmark = pytest.mark.services


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / 'a "quoted" folder')
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client


def test_it_forgets_nothing_and_evicts_nothing(client: redis.Redis) -> None:
    names = ("appendonly", "appendfsync", "maxmemory-policy", "save", "bind")
    found = {name: client.config_get(name)[name] for name in names}
    assert found == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "bind": "127.0.0.1",
    }


def test_every_acknowledged_write_survives_a_killed_server(
    server: EmbeddedRedis, client: redis.Redis
) -> None:
    url = server.url
    for number in range(2_000):
        client.rpush("queue", number)
    server.kill()
    with pytest.raises(redis.ConnectionError):
        client.ping()

    assert server.start() == url
    assert client.llen("queue") == 2_000


def test_data_and_address_survive_a_restart(server: EmbeddedRedis, client: redis.Redis) -> None:
    url = server.url
    client.set("kept", "yes")
    assert server.restart() == url
    assert client.get("kept") == "yes"
    server.stop()
    again = EmbeddedRedis(server.folder)
    try:
        assert again.start() == url
        assert client.get("kept") == "yes"
    finally:
        again.stop()


def test_a_client_needs_the_password_and_the_command_line_does_not_show_it(
    server: EmbeddedRedis,
) -> None:
    password = (server.home / "password").read_text().strip()
    assert f":{password}@" in server.url
    with (
        redis.Redis.from_url(server.url.replace(f":{password}@", "")) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    assert server.process is not None
    assert password not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert (server.home / "redis.conf").stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_lost_at_the_last_moment_is_replaced(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stop()
    with socket.create_server((LOOPBACK, 0)) as other:
        lost = other.getsockname()[1]
        choices = iter([lost])

        def choose(memory: Path, name: str, say: Callable[[str], None]) -> int:
            return next(choices, None) or remembered_port(memory, name, say)

        monkeypatch.setattr("ops.dev.server.remembered_port", choose)
        url = server.start()

    assert f":{lost}/" not in url
    assert server.answers()


def test_a_failing_start_shows_the_end_of_the_log(server: EmbeddedRedis) -> None:
    server.stop()
    for file in (server.home / "appendonlydir").iterdir():
        file.write_bytes(b"no such thing")
    with pytest.raises(ServerFailed, match=r"(?s)redis ended with exit code 1; .*redis\.log says:"):
        server.start()
