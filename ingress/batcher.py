"""Batcher: what arrives together is done together; each is answered as if it had come alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from domain.errors import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Natural batching: flush whenever no flush is in flight.

    An idle door does the first request's work at once; a busy one gathers what comes meanwhile.
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
        """Have `item` done with the next batch. Raises `Overloaded` when too many wait."""
        if len(self._waiting) >= self._depth:
            raise Overloaded("too many requests are waiting")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, answer))
        if self._flushing is None:
            self._flushing = loop.create_task(self._run())
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
            if answer.done():  # its client has left; what was done stays done
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)
