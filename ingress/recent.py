"""Recent: what was read a moment ago, so that a busy door asks its stores once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

#: A change by an operator is in force after this.
FRESH_S: Final = 1.0


class Recent(Generic[Value]):
    """Gives what `read` gave at most a second ago; who asks at the same time shares one read.

    What a read raises reaches everybody who waited for it, and the next one who asks reads again.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Value]],
        fresh_s: float = FRESH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._clock = clock
        self._kept: tuple[float, Value] | None = None
        self._reading: asyncio.Task[Value] | None = None

    async def __call__(self) -> Value:
        """Return the value; its age counts from before it was read."""
        if self._kept is not None and self._clock() - self._kept[0] < self._fresh_s:
            return self._kept[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._refresh())
            self._reading.add_done_callback(_looked_at)
        # Shielded: one who leaves must not take the answer from the others.
        return await asyncio.shield(self._reading)

    def forget(self) -> None:
        """Read anew for whoever asks next: something was changed here."""
        self._kept = None
        self._reading = None

    async def _refresh(self) -> Value:
        began, task = self._clock(), asyncio.current_task()
        value = await self._read()
        if self._reading is task:  # not one that began before something was changed
            self._kept = began, value
        return value


def _looked_at(task: asyncio.Task[Value]) -> None:
    """Take an error notice of: everybody who asked for it may have left."""
    if not task.cancelled():
        task.exception()
