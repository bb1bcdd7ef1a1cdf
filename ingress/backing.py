"""Backing: what the door stands on. PostgreSQL and Redis, or everything in this process's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import redis.asyncio
from psycopg_pool import AsyncConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from domain.attempt import Attempt
from domain.commands import Command
from domain.payment import Mode, Payment
from domain.ports import Store
from ingress.accounts import Accounts
from ingress.intake import Announce
from ops.runtime import REDIS_CONNECT_S, REDIS_SOCKET_S, ground, new_id
from ops.settings import Settings
from ops.store.accept import LOCK_TIMEOUT_MS, Acceptance, Answer, Ask, Pool, Terms
from ops.store.engine import session_options
from ops.store.gateways import Account
from ops.store.inbox import Came, Inbox, Stored
from ops.store.postgres import PostgresStore
from ops.store.reads import KeyRow, Reads

SERVICE = "ingress"
#: A request that cannot get a connection in this time is answered with 503.
POOL_TIMEOUT_S = 2.0
#: Connections for the few blocking jobs beside the loop: cancelling, reading gateways.
BLOCKING_CONNECTIONS = 4


class Reading(Protocol):
    """What the door reads; every query is scoped by merchant and mode."""

    async def payment(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Payment | None:
        """Return the merchant's payment; None for anybody else's."""

    async def attempts(self, id_: UUID, merchant_id: UUID, mode: Mode) -> Sequence[Attempt]:
        """Return its attempts, oldest first."""

    async def page(
        self,
        merchant_id: UUID,
        mode: Mode,
        *,
        before: UUID | None,
        limit: int,
        status: str | None = None,
        order_id: str | None = None,
    ) -> Sequence[Payment]:
        """Return payments older than `before`, newest first."""

    async def key(self, key_id: str, /) -> KeyRow | None:
        """Return an API key by its public id."""

    async def ping(self) -> None:
        """Raise if nothing can be read."""


@dataclass(frozen=True, slots=True)
class Backing:
    """The stores as the door uses them; `living` holds them open."""

    accept: Callable[[Sequence[Ask]], Awaitable[list[Answer]]]
    store_webhooks: Callable[[Sequence[Came]], Awaitable[list[Stored | Exception]]]
    reads: Reading
    books: Store
    accounts: Callable[[], Awaitable[Sequence[Account]]]
    announce: Announce
    wake: Callable[[Command, UUID, str], None]
    redis: redis.asyncio.Redis = field(repr=False)
    living: Callable[[], AbstractAsyncContextManager[None]] = field(repr=False)


def on_stores(settings: Settings, terms: Terms) -> Backing:
    """Return the door's real ground; nothing is connected before it lives."""
    opened = ground(settings, SERVICE, BLOCKING_CONNECTIONS)
    base = opened.__enter__()
    pool, client = _pool(settings), _redis(settings)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        await pool.open(wait=False)
        try:
            yield
        finally:
            await pool.close()
            await client.aclose()
            opened.__exit__(None, None, None)

    return Backing(
        accept=Acceptance(pool, base.vault, terms),
        store_webhooks=Inbox(pool, base.vault),
        reads=Reads(pool, base.vault),
        books=PostgresStore(base.engine, base.vault, new_id),
        accounts=Accounts(base),
        announce=base.wakes.wake_many,
        wake=base.wakes.wake,
        redis=client,
        living=living,
    )


def _pool(settings: Settings) -> Pool:
    options = f"{session_options(SERVICE)} -c lock_timeout={LOCK_TIMEOUT_MS}"
    return AsyncConnectionPool(
        settings.database_url,
        min_size=1,
        max_size=settings.db_pool_size,
        timeout=POOL_TIMEOUT_S,
        kwargs={"options": options, "connect_timeout": 5},
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


def _redis(settings: Settings) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        settings.redis_url,
        socket_connect_timeout=REDIS_CONNECT_S,
        socket_timeout=REDIS_SOCKET_S,
        retry=Retry(NoBackoff(), 0),
    )
