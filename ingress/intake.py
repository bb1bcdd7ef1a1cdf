"""Intake: requests that arrive together share one transaction; each is answered as if alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from domain.commands import Command
from ingress.batcher import Batcher
from ingress.replays import Replays
from ops.store.accept import Accepted, Answer, Ask

#: Wake-ups on their way at once; what comes on top is left to the sweep.
MAX_ANNOUNCING = 8

Announce = Callable[[Sequence[tuple[Command, UUID, str]]], Awaitable[object]]


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
    """Sends wake-ups beside the answers: they are hints, so nobody waits for them."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._sending: set[asyncio.Task[None]] = set()

    def soon(self, wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        """Send them; with too many on their way already, leave these to the sweep."""
        if not wakes or len(self._sending) >= MAX_ANNOUNCING:
            return
        task = asyncio.create_task(self._send(wakes))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, wakes: Sequence[tuple[Command, UUID, str]]) -> None:
        await self._announce(wakes)

    async def drain(self) -> None:
        """Wait until the last wake-up has left."""
        if self._sending:
            await asyncio.wait(self._sending)
