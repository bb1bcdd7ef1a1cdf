"""Recent: one read for everybody who asks within a second, and errors that do not stay."""

from __future__ import annotations

import asyncio

import pytest

from ingress.recent import Recent


class Source:
    """Counts how often it is read; waits for `gate`, raises `error`."""

    def __init__(self) -> None:
        self.reads = 0
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.recent = Recent(self.read, 1.0, lambda: self.now)

    async def begun(self) -> None:
        """Let the others run until the first read has begun."""
        for _ in range(10):
            if self.reads:
                return
            await asyncio.sleep(0)
        raise AssertionError("nobody reads")

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return number


def test_within_a_second_nothing_is_read_again() -> None:
    async def scene() -> list[int]:
        source = Source()
        found = [await source.recent()]
        source.now = 0.99
        found.append(await source.recent())
        source.now = 1.0
        return [*found, await source.recent()]

    assert asyncio.run(scene()) == [1, 1, 2]


def test_who_asks_at_the_same_time_shares_one_read_although_the_first_one_leaves() -> None:
    async def scene() -> tuple[list[int], int]:
        source = Source()
        source.gate.clear()
        asking = [asyncio.create_task(source.recent()) for _ in range(3)]
        await source.begun()
        asking[0].cancel()
        source.gate.set()
        return await asyncio.gather(*asking[1:]), source.reads

    assert asyncio.run(scene()) == ([1, 1], 1)


def test_an_error_reaches_everybody_who_waited_and_the_next_one_reads_again() -> None:
    async def scene() -> tuple[int, int]:
        source = Source()
        source.error = OSError("away")
        answers = await asyncio.gather(source.recent(), source.recent(), return_exceptions=True)
        assert [type(answer) for answer in answers] == [OSError, OSError]
        source.error = None
        return await source.recent(), source.reads

    assert asyncio.run(scene()) == (2, 2)


def test_what_was_read_before_a_change_is_not_given_after_it() -> None:
    async def scene() -> int:
        source = Source()
        source.gate.clear()
        early = asyncio.create_task(source.recent())
        await source.begun()
        source.recent.forget()
        source.gate.set()
        after = await source.recent()
        await early
        assert await source.recent() == after
        return after

    assert asyncio.run(scene()) == 2


@pytest.mark.parametrize("late_s", [0.0, 5.0])
def test_a_values_age_counts_from_before_it_was_read(late_s: float) -> None:
    async def scene() -> int:
        source = Source()
        source.gate.clear()
        asking = asyncio.create_task(source.recent())
        await source.begun()
        source.now = late_s
        source.gate.set()
        await asking
        await source.recent()
        return source.reads

    assert asyncio.run(scene()) == (2 if late_s else 1)
