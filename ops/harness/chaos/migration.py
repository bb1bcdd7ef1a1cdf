"""Migration: an online schema change under load, undone afterwards, and who had to wait for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

import psycopg

#: Nobody may queue behind us for longer than this: we give up and come back.
LOCK_TIMEOUT: Final = "500ms"
TRIES: Final = 100
PAUSE_S: Final = 0.3
SAMPLE_S: Final = 0.05
#: What a waiting statement may cost a merchant.
LONGEST_WAIT_S: Final = 1.0

#: Expand: what old code does not see. The index is built beside the writers.
DONE: Final = (
    "ALTER TABLE payments ADD COLUMN IF NOT EXISTS chaos_note text",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_chaos_note ON payments (chaos_note)",
)
#: Contract. What is left over by a lost connection is taken away as well.
UNDONE: Final = (
    "DROP INDEX CONCURRENTLY IF EXISTS payments_chaos_note",
    "ALTER TABLE payments DROP COLUMN IF EXISTS chaos_note",
)

# Waits for a table, not for a row: those are the payments' own business, and short.
_WAITING: Final = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8
  FROM pg_locks
 WHERE NOT granted AND locktype = 'relation' AND waitstart IS NOT NULL AND pid <> %(ours)s
"""


@dataclass(slots=True)
class Migrated:
    """What came of it."""

    whole: bool = False
    tries: int = 0
    took_s: float = 0.0
    #: The longest that any statement of the programs waited for a table meanwhile.
    waited_s: float = 0.0
    why: str = ""

    @property
    def gentle(self) -> bool:
        """Whether it went through and nobody waited too long."""
        return self.whole and self.waited_s <= LONGEST_WAIT_S


def migrate_under_load(database_url: str) -> Migrated:
    """Add a column and an index, then take both away again."""
    came, begun = Migrated(), monotonic()
    over = threading.Event()
    ours: list[int] = []
    watcher = threading.Thread(target=_watch, args=(database_url, ours, over, came))
    watcher.start()
    try:
        came.whole = all(_insist(database_url, step, ours, came) for step in (*DONE, *UNDONE))
    finally:
        over.set()
        watcher.join()
        came.took_s = monotonic() - begun
    return came


def clean_up(database_url: str) -> None:
    """Take away what a broken off migration left."""
    came = Migrated()
    for step in UNDONE:
        _insist(database_url, step, [], came)


def _insist(database_url: str, step: str, ours: list[int], came: Migrated) -> bool:
    """Run one step, again and again, each time with a short wait for its lock."""
    pause = threading.Event()
    for _ in range(TRIES):
        came.tries += 1
        try:
            with psycopg.connect(database_url, autocommit=True, connect_timeout=2) as db:
                ours[:] = [db.info.backend_pid]
                # An index is built in several steps that wait for transactions, and block nobody.
                wait = "30s" if "CONCURRENTLY" in step else LOCK_TIMEOUT
                db.execute(f"SET lock_timeout = '{wait}'")
                db.execute(step)
        except psycopg.Error as error:
            came.why = f"{step[:30]}...: {type(error).__name__}"
            pause.wait(PAUSE_S)
        else:
            return True
    return False


def _watch(database_url: str, ours: Sequence[int], over: threading.Event, came: Migrated) -> None:
    """Note the longest wait for a table of anybody but us."""
    while not over.is_set():
        try:
            with psycopg.connect(database_url, autocommit=True, connect_timeout=2) as db:
                while not over.wait(SAMPLE_S):
                    row = db.execute(_WAITING, {"ours": ours[0] if ours else 0}).fetchone()
                    came.waited_s = max(came.waited_s, float(row[0]) if row else 0.0)
        except psycopg.Error:
            over.wait(PAUSE_S)  # the database is being restarted
