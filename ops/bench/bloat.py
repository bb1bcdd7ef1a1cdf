"""Bloat: what is dead in the tables of jobs after a storm of updates, once vacuum had its turn."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Final

import psycopg

from ops.bench.figures import OURS, Figure, Goal

#: Changes of every payment in flight: claims, deferrals, wake-ups.
CHANGES: Final = 6
#: Vacuum looks around every minute where nobody says otherwise; nobody waits so long here.
NAP_S, PATIENCE_S, LOOK_S = 2, 120.0, 0.5
#: Of a table's rows, so many may be dead when vacuum has been there.
DEAD: Final = (Goal(OURS, most=0.05, by_the_clock=False),)

_CHANGE: Final = """
UPDATE payments SET lease_token = lease_token + 1, starts = starts + 1,
       lease_until = now() + interval '30 s', lease_owner = 7
 WHERE next_run_at IS NOT NULL
"""
_DEFER: Final = """
UPDATE payments SET next_run_at = next_run_at + interval '1 minute',
       wake_at = wake_at + interval '1 minute', lease_until = NULL, lease_owner = NULL
 WHERE next_run_at IS NOT NULL
"""
_DEAD: Final = """
SELECT n_dead_tup::float8 / greatest(n_live_tup + n_dead_tup, 1), n_tup_upd, n_tup_hot_upd,
       autovacuum_count, pg_indexes_size(relid)
  FROM pg_stat_user_tables WHERE relname = 'payments'
"""


def bloat(url: str) -> Figure:
    """Change every payment in flight again and again, then wait for vacuum to keep up."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"ALTER SYSTEM SET autovacuum_naptime = '{NAP_S}s'".encode())
        db.execute("SELECT pg_reload_conf()")
        _, changed, hot, before, size = _counts(db)
        for number in range(CHANGES):
            db.execute((_DEFER if number % 2 else _CHANGE).encode())
        db.execute("SELECT pg_stat_force_next_flush()")
        highest, changed_after, hot_after, _, _ = _counts(db)
        deadline, pause = monotonic() + PATIENCE_S, threading.Event()
        while True:
            dead, _, _, rounds, grown = _counts(db)
            if (rounds > before and dead <= DEAD[0].most) or monotonic() > deadline:
                break
            pause.wait(LOOK_S)
    extra = {
        "before_vacuum": highest,
        "vacuums": float(rounds - before),
        "hot_share": (hot_after - hot) / max(changed_after - changed, 1),
        "index_growth": grown / size,
    }
    return Figure("growth.dead", "of all", [dead], extra=extra, goals=DEAD)


def _counts(db: psycopg.Connection[Any]) -> tuple[Any, ...]:
    db.execute("SELECT pg_stat_clear_snapshot()")
    found = db.execute(_DEAD).fetchone()
    assert found is not None
    return tuple(found)
