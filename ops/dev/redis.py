"""An embedded Redis-compatible server: appends every write, evicts nothing, behind a password."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import redis

from ops.dev import folder as folders
from ops.dev.binaries import Binary, find_redis
from ops.dev.ports import LOOPBACK
from ops.dev.server import EmbeddedServer

CONNECT_LIMIT_S = 2
CONFIGURATION = """\
bind {host}
port {port}
dir {folder}
requirepass {password}
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


class EmbeddedRedis(EmbeddedServer):
    """Redis in `<folder>/redis`. A queue lives in it: it must neither evict nor forget."""

    name = "redis"
    last_signal = signal.SIGTERM
    programs = frozenset({"valkey-server", "redis-server"})

    def __init__(
        self,
        folder: Path,
        *,
        say: Callable[[str], None] = lambda _: None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(folder, say)
        self._environ = environ
        self._binary: Binary | None = None
        self._configuration = self.home / "redis.conf"

    @property
    def url(self) -> str:
        """`redis://:<password>@127.0.0.1:<port>/0`."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    @property
    def binary(self) -> Binary:
        """The server found on this machine. Raises BinaryMissing."""
        self._binary = self._binary or find_redis(self._environ)
        return self._binary

    def _data(self) -> Path:
        return self.home

    def _prepare(self) -> None:
        self._password = folders.kept_password(self.home / "password")

    def _argv(self) -> Sequence[str]:
        # A file, because command lines are visible to every user of the machine.
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self._port,
            folder=_quoted(str(self.home)),
            password=self._password,
        )
        folders.write_private(self._configuration, text)
        return [str(self.binary.path), str(self._configuration)]

    def _complaint(self) -> str | None:
        client = redis.Redis.from_url(
            self.url, socket_connect_timeout=CONNECT_LIMIT_S, socket_timeout=CONNECT_LIMIT_S
        )
        try:
            client.ping()
        except redis.RedisError as error:  # refused so far, or still loading its data
            return str(error)
        finally:
            client.close()
        return None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
