"""Hunts: many histories, one after the other; the first that breaks a law is told step by step."""

from __future__ import annotations

from collections.abc import Iterable

from tests.model.storm import storm


class Found(AssertionError):
    """A seed whose history breaks a law, with that history."""

    def __init__(self, seed: int, fault: str, trace: list[str]) -> None:
        steps = "\n".join(trace)
        again = f"python -m tests.model --seed {seed}"
        super().__init__(f"seed {seed}: {fault}\n{steps}\nagain: {again}")
        self.seed = seed
        self.fault = fault


def hunt(seeds: Iterable[int]) -> int:
    """Run the history of each seed; return how many there were. Raises `Found`."""
    count = 0
    for seed in seeds:
        try:
            storm(seed)
        except Exception as error:  # whatever it is: no history may come to it
            raise Found(seed, said(error), told(seed)) from error
        count += 1
    return count


def told(seed: int) -> list[str]:
    """Run a history once more and return its steps."""
    trace: list[str] = []
    try:
        storm(seed, trace)
    except Exception as error:  # noqa: BLE001 - it is told, and judged by whoever asked
        trace.append(said(error))
    return trace


def said(error: Exception) -> str:
    """Say what went wrong in one line."""
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return f"{kind}{error}"
