"""The rig: the real programs and the bare ones do the same work, and each is paid for by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.bench.accept import checkouts
from ops.bench.chain import BARE, OURS, SIMULATORS, a_chain
from ops.bench.rig import a_rig

pytestmark = pytest.mark.e2e

STORES = frozenset({"postgres", "redis"})


def test_both_ways_are_gone_and_their_cost_is_told_by_program(tmp_path: Path) -> None:
    with a_rig(tmp_path, [*OURS, *SIMULATORS], bare=BARE) as rig:
        chain = a_chain(rig)
        for ours, mine in ((True, OURS), (False, BARE)):
            run = chain.drain(30, ours=ours)
            assert run.payments == 30
            assert 0 < run.p50_ms <= run.p95_ms <= run.p99_ms
            assert run.cpu_us.keys() == STORES | set(mine)
            assert run.sustained > 0
        live = chain.live(20.0, 1.0, ours=True, seed=3)
        assert live.payments == live.load.statuses["202"] > 0

        doors = checkouts(rig)
        for ours, mine in ((True, OURS), (False, BARE)):
            turn = doors.turn(ours=ours, count=64, seconds=10.0)
            assert turn.load.statuses == {"202": 64}
            assert STORES < turn.cpu_us.keys() <= STORES | set(mine) | set(SIMULATORS)
        (row,) = rig.sql("SELECT count(*) AS n FROM audit", bare=True)
        assert row["n"] >= 30
