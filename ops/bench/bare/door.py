"""The bare door: one INSERT and one push for each request, and one SELECT for each read."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

#: As many connections as the real door has.
POOL: Final = 10
QUEUE: Final = "bare"
#: Where dramatiq keeps ids and messages of the queue, see `ops.queue.depths`.
READY, MESSAGES = "dramatiq:bare", "dramatiq:bare.msgs"
ADD: Final = (
    "INSERT INTO payments (id, key, order_id, amount, currency, body) VALUES ($1,$2,$3,$4,$5,$6)"
)
HEAR: Final = "INSERT INTO events (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING"
READ: Final = (
    "SELECT id, order_id, amount, currency, status, created_at FROM payments WHERE id = $1"
)


class Order(msgspec.Struct):
    """The fields of a checkout that a bare skeleton keeps."""

    amount: int
    currency: str
    order_id: str = ""


class Event(msgspec.Struct):
    """The one field of a webhook that is needed to store it once."""

    id: str


class Door:
    """The handlers."""

    def __init__(self) -> None:
        self._orders = msgspec.json.Decoder(Order)
        self._events = msgspec.json.Decoder(Event)
        self._secret = os.environ["BARE_WEBHOOK_SECRET"].encode()
        self._redis = Redis.from_url(os.environ["BARE_REDIS_URL"])
        self._pool: Any = None

    @asynccontextmanager
    async def living(self, _app: Starlette) -> AsyncIterator[None]:
        """Hold the connections."""
        import asyncpg  # type: ignore[import-untyped]

        self._pool = await asyncpg.create_pool(
            os.environ["BARE_DATABASE_URL"], min_size=POOL, max_size=POOL
        )
        try:
            yield
        finally:
            await self._pool.close()
            await self._redis.aclose()

    async def accept(self, request: Request) -> Response:
        """Insert, push an id, answer 202."""
        id_ = await self._inserted(request)
        await self._redis.lpush("bare:ids", id_.bytes)
        return _accepted(id_)

    async def pay(self, request: Request) -> Response:
        """Insert, enqueue as dramatiq does in one round trip, answer 202."""
        id_ = await self._inserted(request)
        message = str(uuid.uuid4())
        body = {
            "queue_name": QUEUE,
            "actor_name": "pay",
            "args": (str(id_),),
            "kwargs": {},
            "options": {"redis_message_id": message},
            "message_id": message,
            "message_timestamp": int(time.time() * 1000),
        }
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(MESSAGES, message, msgspec.json.encode(body))
        pipeline.rpush(READY, message)
        await pipeline.execute()
        return _accepted(id_)

    async def hear(self, request: Request) -> Response:
        """Verify one webhook, store it, push its id."""
        body = await request.body()
        parts = dict(part.split("=", 1) for part in request.headers["sandbox-signature"].split(","))
        wanted = hmac.digest(self._secret, parts["t"].encode() + b"." + body, hashlib.sha256)
        if not hmac.compare_digest(wanted.hex(), parts["v1"]):
            return Response(status_code=401)
        event = self._events.decode(body)
        async with self._pool.acquire() as db:
            await db.execute(HEAR, event.id, body)
        await self._redis.lpush("bare:events", event.id)
        return Response(b"{}", media_type="application/json")

    async def read(self, request: Request) -> Response:
        """Read one payment by its primary key."""
        async with self._pool.acquire() as db:
            row = await db.fetchrow(READ, uuid.UUID(request.path_params["id"]))
        return Response(msgspec.json.encode(dict(row)), media_type="application/json")

    async def _inserted(self, request: Request) -> uuid.UUID:
        body = await request.body()
        order = self._orders.decode(body)
        id_ = uuid.uuid4()
        key = request.headers["idempotency-key"]
        async with self._pool.acquire() as db:
            await db.execute(ADD, id_, key, order.order_id, order.amount, order.currency, body)
        return id_


def app() -> Starlette:
    """Build the app; for `uvicorn --factory`."""
    door = Door()
    return Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("up")),
            Route("/accept", door.accept, methods=["POST"]),
            Route("/pay", door.pay, methods=["POST"]),
            Route("/hear", door.hear, methods=["POST"]),
            Route("/payments/{id}", door.read),
        ],
        lifespan=door.living,
    )


def _accepted(id_: uuid.UUID) -> Response:
    answer = {"id": str(id_), "status": "accepted"}
    return Response(msgspec.json.encode(answer), 202, media_type="application/json")
