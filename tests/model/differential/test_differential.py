"""In every history the books in memory answer, refuse and wait as PostgreSQL does."""

from __future__ import annotations

import os

import pytest

from tests.model.differential.conftest import Board
from tests.model.differential.history import Count

pytestmark = pytest.mark.services
CHUNKS = 4
#: How many histories, from `FIRST` on; a failing one tells its seed, and SEEDS=<seed>-<seed> plays
#: it again.
SEEDS = os.environ.get("SEEDS", "200")


def _seeds() -> range:
    first, _, last = SEEDS.rpartition("-")
    return range(int(first), int(last) + 1) if first else range(int(last))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_memory_is_postgresql_at_read_committed(board: Board, chunk: int) -> None:
    seeds, count = _seeds()[chunk::CHUNKS], Count()
    for seed in seeds:
        board.play(seed, count)
    print(count)
    if len(seeds) >= 50:
        assert count.waits > len(seeds)
        assert count.refusals > len(seeds)
        assert count.deadlocks + count.cut_short > 0
        assert count.cut_short <= len(seeds) / 50
