"""The model bites: whatever mistake is planted, a few hundred histories find it."""

from __future__ import annotations

import pytest

from ops.store.memory.laws import LawBroken
from ops.store.work.session import StaleWrite
from tests.model.hunt import Found, hunt
from tests.model.plants import PLANTS

#: Some three times what the most hidden one of them takes.
SEEDS = 1_500
#: It takes a stall of the right length at the right time: a schedule has it (`test_schedules.py`).
RARE = {"margin_is_forgotten"}


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(set(PLANTS) - RARE))
def test_the_mistake_is_found(name: str) -> None:
    with PLANTS[name].planted(), pytest.raises(Found) as found:
        hunt(range(SEEDS))

    # The judge or the database refuses it; it is not the plant itself that breaks.
    assert isinstance(found.value.__cause__, AssertionError | LawBroken | StaleWrite)
