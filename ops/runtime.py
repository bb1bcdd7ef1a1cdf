"""The ground: what every program stands on, opened in order and closed in the opposite one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import redis
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from ops.queue.broker import Wakes, open_wakes
from ops.queue.client import connect
from ops.settings import Settings
from ops.store.engine import open_engine
from ops.vault import Vault

#: Breaker, windows and calls to readers: speed, not truth. An answer later than this is too late.
REDIS_CONNECT_S = 0.25
REDIS_SOCKET_S = 0.5

new_id = uuid7


@dataclass(frozen=True, slots=True)
class Ground:
    """One program's open connections to the stores."""

    settings: Settings
    engine: Engine = field(repr=False)
    vault: Vault
    redis: redis.Redis = field(repr=False)
    wakes: Wakes


@contextmanager
def ground(settings: Settings, service: str, connections: int | None = None) -> Iterator[Ground]:
    """Open the stores for `service`; nothing is connected before it is first used."""
    engine = open_engine(settings.database_url, service, connections or settings.db_pool_size)
    client = connect(settings.redis_url, connect_s=REDIS_CONNECT_S, socket_s=REDIS_SOCKET_S)
    try:
        wakes = open_wakes(settings.redis_url, queue_depth=settings.queue_depth)
        yield Ground(settings, engine, Vault(settings.secrets.keyring), client, wakes)
    finally:
        client.close()
        engine.dispose()
