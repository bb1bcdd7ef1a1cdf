"""The comparison bites: with one rule taken out of the books in memory it soon finds a difference."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from domain.due import Due
from ops.store.memory.books import Job
from ops.store.memory.session import MemorySession
from ops.store.memory.tables import Table
from tests.model.differential.conftest import Board
from tests.model.differential.history import Count, Differs

pytestmark = pytest.mark.services
#: Each is found within a quarter of this; a failure names the plant that was not.
HISTORIES = 100


def _claims_what_is_leased(patch: pytest.MonkeyPatch) -> None:
    def is_free(self: MemorySession, job: Job, due: Due, now: datetime) -> bool:
        return due.next_run_at is not None and due.next_run_at <= now

    patch.setattr(MemorySession, "is_free", is_free)


def _does_not_look_again(patch: pytest.MonkeyPatch) -> None:
    def found(
        self: MemorySession, table: Table[UUID, Any], id_: UUID, fits: Any, mode: int = 2
    ) -> tuple[Any, datetime] | None:
        row, at = table.get(id_), self._clock()
        if row is None or not fits(row, at):
            return None
        table.lock(id_, mode)
        return row, at

    patch.setattr(MemorySession, "_found", found)


def _does_not_wait_for_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Table, "reserve", Table.get)


def _points_at_what_is_locked(patch: pytest.MonkeyPatch) -> None:
    def pointed(self: Table[Any, Any], key: Any) -> Any:
        return None if key is None else self.get(key)

    patch.setattr(Table, "pointed", pointed)


@pytest.mark.parametrize(
    "plant",
    [
        _claims_what_is_leased,
        _does_not_look_again,
        _does_not_wait_for_keys,
        _points_at_what_is_locked,
    ],
)
def test_a_rule_that_is_missing_is_noticed(
    board: Board, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    with pytest.raises(Differs) as found:
        _play(board)
    print(found.value)


def _play(board: Board) -> None:
    for seed in range(HISTORIES):
        board.play(seed, Count())
