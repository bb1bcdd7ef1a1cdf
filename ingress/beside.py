"""Beside: work that blocks is done in threads beside the loop, and only so much of it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from domain.errors import Overloaded

Result = TypeVar("Result")

#: What may be under way or wait for a thread. Each takes milliseconds, so more of them mean that
#: the database hangs, and it is better to say so.
MAX_UNDER_WAY: Final = 100


class Beside:
    """Runs one kind of work, within its bound."""

    def __init__(self, most: int = MAX_UNDER_WAY) -> None:
        self._most = most
        self._under_way = 0

    async def __call__(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns. Raises `Overloaded` when too much is under way."""
        if self._under_way >= self._most:
            raise Overloaded("too many requests are under way")
        self._under_way += 1
        try:
            return await asyncio.to_thread(work)
        finally:
            self._under_way -= 1
