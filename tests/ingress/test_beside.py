"""Beside: blocking work leaves the loop free, and there is only so much of it at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from domain.errors import Overloaded
from ingress.beside import Beside


def test_what_the_work_returns_or_raises_is_handed_on_and_its_place_is_free_again() -> None:
    async def run() -> None:
        beside = Beside(most=1)
        for _ in range(3):
            assert await beside(lambda: 7) == 7
            with pytest.raises(ZeroDivisionError):
                await beside(lambda: 1 // 0)

    asyncio.run(run())


def test_one_more_than_there_may_be_is_told_so_at_once() -> None:
    async def run() -> None:
        beside, go = Beside(most=2), threading.Event()
        held = [asyncio.create_task(beside(go.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        try:
            with pytest.raises(Overloaded):
                await beside(lambda: True)
        finally:
            go.set()
        assert await asyncio.gather(*held) == [True, True]

    asyncio.run(run())
