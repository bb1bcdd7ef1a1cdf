"""A few histories for every `make check`: they meet everything, and they can be had again."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.attempt import Operation, State
from domain.payment import Status
from domain.refund import RefundKind
from tests.model.__main__ import main
from tests.model.hunt import Found, hunt, told
from tests.model.plants import PLANTS
from tests.model.storm import storm

SEEDS = range(300)


def test_no_law_is_broken_and_everything_happens() -> None:
    statuses, states, sends, kinds = (Counter[object]() for _ in range(4))
    for seed in SEEDS:
        history = storm(seed)
        books = history.world.store.books
        statuses.update(kept.row.status for kept in books.payments)
        states.update(kept.row.state for kept in books.attempts)
        kinds.update(kept.row.kind for kept in books.refunds)
        sends.update(history.world.watch.sends)

    paid = {Status.CAPTURED, Status.PARTIALLY_REFUNDED, Status.REFUNDED}
    ended = {Status.CANCELLED, Status.EXPIRED, Status.FAILED}
    assert paid | ended <= set(statuses)
    assert {State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.LATE_SUCCESS} <= set(states)
    assert set(sends) == set(Operation)
    assert set(kinds) == set(RefundKind)


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_a_seed_is_one_history(seed: int) -> None:
    first = told(seed)

    assert len(first) > 10
    assert told(seed) == first


def test_a_found_fault_is_told_step_by_step_and_found_again() -> None:
    with PLANTS["written_after_sending"].planted():
        with pytest.raises(Found) as found:
            hunt(range(50))
        steps = str(found.value)
        again = told(found.value.seed)

    assert found.value.fault.startswith("law 3")
    assert f"--seed {found.value.seed}" in steps
    assert all(step in steps for step in again)
    assert again[-1] == found.value.fault


def test_the_command_tells_how_many_and_how_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "5..8"]) == 0
    assert capsys.readouterr().out.startswith("3 histories, no law broken")

    with PLANTS["written_after_sending"].planted():
        assert main(["--seeds", "50"]) == 1
    assert "law 3" in capsys.readouterr().err
