"""The crash matrix: every step boundary, struck before and after, in every way; nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.harness.verdict.audited import broken_chain
from tests.crash.cells import CELLS, Cell
from tests.crash.judging import Ready
from tests.crash.play import TAKES, Played, play, prepare
from tests.crash.stage import Slot

pytestmark = [pytest.mark.services, pytest.mark.crash]

#: In which order the cells are dealt to the slots: every slot gets as many slow ones.
SEED = 20_261_130


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, crash_slots: Sequence[Slot]) -> Mapping[Cell, Played]:
    """Play every selected cell of this module, many at a time."""
    cells = [
        item.callspec.params["cell"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == Path(__file__)
        if hasattr(item, "callspec")
    ]
    random.Random(SEED).shuffle(cells)
    dealt = [cells[number :: len(crash_slots)] for number in range(len(crash_slots))]
    with ThreadPoolExecutor(len(crash_slots)) as pool:
        came = {one.cell: one for ones in pool.map(_all_of, crash_slots, dealt) for one in ones}
    for slot in crash_slots:  # whoever rests looks about now and then
        slot.dismiss()
    return came


def _all_of(slot: Slot, cells: list[Cell]) -> list[Played]:
    ready = prepare(slot, cells)
    return [_played(cell, slot, ready[cell]) for cell in cells]


def _played(cell: Cell, slot: Slot, ready: Ready) -> Played:
    """Play a cell until it is struck: what is too slow for the time to send goes another way."""
    came = play(cell, slot, ready)
    for take in range(1, TAKES):
        if came.struck:
            break
        came = play(cell, slot, prepare(slot, [cell], take)[cell])
    return came


@pytest.mark.parametrize("cell", CELLS, ids=[cell.id for cell in CELLS])
def test_nothing_is_lost_and_nobody_is_charged_twice(
    cell: Cell, played: Mapping[Cell, Played]
) -> None:
    came = played[cell]

    assert not came.wrong, came.report()


def test_the_audit_chain_of_every_slot_holds(
    played: Mapping[Cell, Played], crash_slots: Sequence[Slot]
) -> None:
    assert played
    for slot in crash_slots:
        found = list(broken_chain(slot.engine, slot.settings.secrets.audit))

        assert not found, (slot.number, found)
