"""The table of the crash matrix: every cell of the full product is played, or left out by name."""

from __future__ import annotations

from tests.crash.cells import CELLS, LACKING, Boundary, Deed, How, When, all_cells, lacks
from tests.crash.deeds import AMOUNT, PART, PLANS, amount, part


def test_the_cells_and_what_is_lacking_are_the_full_product() -> None:
    every = list(all_cells())
    without = [cell for cell in every if lacks(cell) is not None]

    assert len(every) == len(Deed) * len(Boundary) * len(When) * len(How)
    assert sorted([*CELLS, *without]) == sorted(every)
    assert len({cell.id for cell in CELLS}) == len(CELLS)


def test_every_reason_leaves_something_out_that_nothing_else_does() -> None:
    for entry, reason in LACKING.items():
        both_sides = LACKING.get(entry[:2]) if len(entry) == 3 else None

        assert reason
        assert both_sides is None, f"{entry} is left out twice"


def test_every_boundary_is_struck_somewhere_in_every_way() -> None:
    struck = {(cell.boundary, cell.when, cell.how) for cell in CELLS}

    assert struck == {(b, w, h) for b in Boundary for w in When for h in How}


def test_every_deed_has_a_plan() -> None:
    assert set(PLANS) == set(Deed)


def test_money_is_told_apart_by_its_amount() -> None:
    new = [amount(cell) for cell in CELLS if cell.deed is not Deed.WEBHOOK]
    parts = [part(cell) for cell in CELLS if cell.deed is Deed.REFUND]

    assert len(set(new + parts)) == len(new + parts)
    assert min(new) >= AMOUNT
    assert min(parts) >= PART
