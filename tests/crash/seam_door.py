"""The seam of the door: an ASGI app and its stores that say which boundary a request crosses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg_pool import AsyncConnectionPool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingress.backing import Backing, on_stores
from ops.settings import Settings
from ops.store.accept import LOCK_TIMEOUT_MS, Acceptance, Terms
from ops.store.engine import session_options
from ops.store.inbox import Inbox
from ops.vault import Vault
from tests.crash.cells import Boundary, When
from tests.crash.failpoint import Failpoint
from tests.crash.seam_queue import watched_announce, watched_wake
from tests.crash.seam_store import WatchedStore

#: The statements that win a key or a webhook.
INSERTS = ("INSERT INTO idempotency_keys", "INSERT INTO webhook_events")


def watched_app(app: ASGIApp, failpoint: Failpoint) -> ASGIApp:
    """Return the app behind what sees each POST come in and its answer go out."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                failpoint.reach(Boundary.B0, When.AFTER)
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                failpoint.reach(Boundary.B4, When.BEFORE)
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                failpoint.reach(Boundary.B4, When.AFTER)

        failpoint.reach(Boundary.B0, When.BEFORE)
        await app(scope, receiving, sending)

    return watched


def watched_stores(settings: Settings, terms: Terms, failpoint: Failpoint) -> Backing:
    """Return the door's real ground, watched; its batches are written over a pool of its own."""
    backing = on_stores(settings, terms)
    pool = _pool(settings.database_url, failpoint)
    vault = Vault(settings.secrets.keyring)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        async with backing.living():
            await pool.open(wait=False)
            try:
                yield
            finally:
                await pool.close()

    return replace(
        backing,
        accept=Acceptance(pool, vault, terms),
        store_webhooks=Inbox(pool, vault),
        books=WatchedStore(backing.books, failpoint),
        announce=watched_announce(backing.announce, failpoint),
        wake=watched_wake(backing.wake, failpoint),
        living=living,
    )


def _pool(
    database_url: str, failpoint: Failpoint
) -> AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]:
    class Watched(AsyncConnection[tuple[Any, ...]]):
        """A connection that says when it wins a key or a webhook, and when that is committed."""

        _wins = False

        async def execute(self, query: Any, *args: Any, **more: Any) -> AsyncCursor[Any]:
            if not any(insert in str(query) for insert in INSERTS):
                return await super().execute(query, *args, **more)
            failpoint.reach(Boundary.B1, When.BEFORE)
            cursor = await super().execute(query, *args, **more)
            failpoint.reach(Boundary.B1, When.AFTER)
            self._wins = True
            return cursor

        async def commit(self) -> None:
            if self._wins:
                failpoint.reach(Boundary.B2, When.BEFORE)
            await super().commit()
            if self._wins:
                self._wins = False
                failpoint.reach(Boundary.B2, When.AFTER)

    options = f"{session_options('ingress')} -c lock_timeout={LOCK_TIMEOUT_MS}"
    return AsyncConnectionPool(
        database_url,
        connection_class=Watched,
        min_size=1,
        max_size=2,
        kwargs={"options": options, "connect_timeout": 5},
        open=False,
    )
