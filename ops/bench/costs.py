"""Costs: what one payment takes of the stores, for the page about capacity."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from time import monotonic
from typing import Final

from ops.bench.chain import BARE, SIMULATORS, Chain
from ops.bench.figures import Figure, Options, Tell
from ops.bench.meter import Used
from ops.bench.rig import Rig

PAYMENTS, SHORT_PAYMENTS = 1_000, 100
#: A session tells its counts once a second, and what is left when it has been idle for ten.
TOLD_S: Final = 11.0
IDLE_S: Final = 6.0
#: One line of the server's log for each statement, whichever protocol brought it.
_STATEMENT: Final = re.compile(r"\[(\d+)\] LOG:  (?:statement|execute [^:]*): ")

_COUNTED: Final = """
SELECT xact_commit AS commits, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal_bytes,
       (SELECT sum(n_tup_ins) FROM pg_stat_user_tables)::bigint AS rows_inserted,
       (SELECT sum(n_tup_upd) FROM pg_stat_user_tables)::bigint AS rows_updated,
       (SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables)::bigint AS rows_updated_hot,
       (SELECT sum(n_tup_del) FROM pg_stat_user_tables)::bigint AS rows_deleted,
       (SELECT wal_fpi FROM pg_stat_wal) AS wal_page_images,
       (SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables)::bigint AS disk_bytes
  FROM pg_stat_database WHERE datname = current_database()
"""
_SESSIONS: Final = "SELECT pid, application_name AS name FROM pg_stat_activity"


def costs(rig: Rig, chain: Chain, options: Options, tell: Tell) -> Iterator[Figure]:
    """Yield the counts per payment, less what the same programs do when there is nothing to do."""
    number = SHORT_PAYMENTS if options.short else PAYMENTS
    tell("what is done when there is nothing to do")
    used = rig.used()
    idle, idle_s = _while(rig, lambda: _rest(IDLE_S))
    yield _idle(rig.used() - used, idle_s + TOLD_S, (*BARE, *SIMULATORS))
    tell(f"what {number} payments take of the stores")
    spent, took_s = _while(rig, lambda: chain.drain(number, ours=True))
    each = {name: max(0.0, spent[name] - idle[name] * took_s / idle_s) / number for name in spent}
    tell("which statements")
    by = _statements(rig, chain, number)
    extra = each | {f"statements_{name}": n / number for name, n in by.items()}
    yield Figure(
        "payment.statements",
        "each",
        [sum(by.values()) / number],
        extra=extra,
        why="counted in the server's log; BEGIN and COMMIT are statements, too",
    )
    for name, unit in (("commits", "each"), ("wal_bytes", "B"), ("disk_bytes", "B")):
        yield Figure(f"payment.{name}", unit, [each[name]])
    yield Figure("payment.redis_commands", "each", [each["redis_commands"]])
    rows = ("rows_inserted", "rows_updated", "rows_deleted")
    yield Figure("payment.rows", "each", [sum(each[name] for name in rows)])


def _idle(used: Used, seconds: float, others: Collection[str]) -> Figure:
    each_s = {
        f"{name}_us": us / seconds for name, us in used.each_us(1).items() if name not in others
    }
    why = "a second in which nobody pays"
    return Figure("payment.idle", "us/s", [sum(each_s.values())], extra=each_s, why=why)


def _while(rig: Rig, work: Callable[[], object]) -> tuple[dict[str, float], float]:
    """Return what was counted while something was done, and how long it took."""
    _rest(TOLD_S)
    before, began = _counted(rig), monotonic()
    work()
    _rest(TOLD_S)
    after, took_s = _counted(rig), monotonic() - began
    return {name: after[name] - before[name] for name in after}, took_s


def _counted(rig: Rig) -> dict[str, float]:
    (row,) = rig.sql(_COUNTED)
    client = rig.redis()
    try:
        stats: Mapping[str, Mapping[str, int]] = client.info("commandstats")
    finally:
        client.close()
    calls = sum(one["calls"] for one in stats.values())
    return {name: float(value) for name, value in row.items()} | {"redis_commands": float(calls)}


def _statements(rig: Rig, chain: Chain, number: int) -> Counter[str]:
    """Return how many statements so many payments took, by program."""
    postgres = rig.stack.services.postgres
    assert postgres is not None
    where = postgres.log.stat().st_size
    _tell_statements(rig, "all")
    try:
        chain.drain(number, ours=True)
        names = {str(row["pid"]): str(row["name"]) for row in rig.sql(_SESSIONS)}
    finally:
        _tell_statements(rig, "none")
    with postgres.log.open(errors="replace") as log:
        log.seek(where)
        found = Counter(
            names.get(match[1], "") for line in log if (match := _STATEMENT.search(line))
        )
    found.pop("", None)  # our own look-ups, and the server's
    return found


def _tell_statements(rig: Rig, which: str) -> None:
    rig.sql(f"ALTER SYSTEM SET log_statement = '{which}'")
    rig.sql("SELECT pg_reload_conf()")


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)
