"""Intake: requests that arrive together share one transaction; each is answered as if alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from domain.commands import Command
from domain.errors import Overloaded
from ingress.replays import Replays
from ops.store.accept import Accepted, Answer, Ask

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Wake-ups on their way at once; what comes on top is left to the sweep.
MAX_ANNOUNCING = 8

Announce = Callable[[Sequence[tuple[Command, UUID, str]]], object]


class Batcher(Generic[Item, Result]):
    """Natural batching: flush whenever no flush is in flight.

    An idle door writes the first request at once; a busy one gathers what comes while it writes.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        cap: int,
        depth: int,
        sizes: Callable[[int], None] = lambda size: None,
    ) -> None:
        """`cap` bounds a batch, `depth` what may wait; `sizes` hears how large each batch was."""
        self._flush = flush
        self._cap = cap
        self._depth = depth
        self._sizes = sizes
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._flushing: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Have `item` written with the next batch. Raises `Overloaded` when too many wait."""
        if len(self._waiting) >= self._depth:
            raise Overloaded("too many requests are waiting to be written")
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._run())
        return await answer

    async def drain(self) -> None:
        """Wait until everything that was submitted has been answered."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(self._cap, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                self._sizes(size)
                await self._answer(batch)
        finally:
            self._flushing = None

    async def _answer(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to every request of this batch
            results = [error] * len(batch)
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():  # its client has left; what was written stays written
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)


class Intake:
    """Accepts checkouts: replays known keys from Redis, writes the rest, wakes the workers."""

    def __init__(
        self,
        accept: Callable[[Sequence[Ask]], Awaitable[list[Answer]]],
        replays: Replays,
        announce: Announce,
        *,
        cap: int,
        depth: int,
        sizes: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._accept = accept
        self._replays = replays
        self._announcer = Announcer(announce)
        self._batcher: Batcher[Ask, Accepted] = Batcher(
            self._flush, cap=cap, depth=depth, sizes=sizes
        )

    async def accept(self, ask: Ask) -> Accepted:
        """Accept one checkout, together with whatever else is waiting."""
        return await self._batcher.submit(ask)

    async def drain(self) -> None:
        """Finish what was submitted."""
        await self._batcher.drain()
        await self._announcer.drain()

    async def _flush(self, asks: Sequence[Ask]) -> Sequence[Accepted | Exception]:
        known = await self._replays.find(asks)
        fresh = [ask for index, ask in enumerate(asks) if index not in known]
        written = iter(await self._accept(fresh) if fresh else [])
        answers = [known[index] if index in known else next(written) for index in range(len(asks))]
        new = [
            (ask, answer)
            for ask, answer in zip(asks, answers, strict=True)
            if isinstance(answer, Accepted) and not answer.replayed
        ]
        if new:
            self._announcer.soon(
                [
                    (Command.SCREEN, answer.payment_id, ask.request_id)
                    for ask, answer in new
                    if answer.recorded.status == 202
                ]
            )
            self._replays.remember(new)
        return answers


class Announcer:
    """Sends wake-ups beside the loop: they are hints, so nobody waits for them."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._sending: set[asyncio.Task[None]] = set()

    def soon(self, wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        """Send in a thread; with too many on their way already, leave these to the sweep."""
        if not wakes or len(self._sending) >= MAX_ANNOUNCING:
            return
        task = asyncio.create_task(self._send(wakes))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        await asyncio.to_thread(self._announce, wakes)

    async def drain(self) -> None:
        """Wait until the last wake-up has left."""
        if self._sending:
            await asyncio.wait(self._sending)
