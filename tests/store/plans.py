"""Plans: what the database really did for every statement, as its own auto_explain tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

#: Of these there are as many as there were payments: whoever reads all of one reads history.
BIG = frozenset(
    {
        *("payments", "payment_attempts", "transactions", "attempt_facts", "audit_logs"),
        *("audit_chain", "outbox_events", "idempotency_keys", "webhook_events"),
    }
)
#: A table of fewer rows is read whole because that is cheaper.
SMALL = 300

_SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_parameter_max_length": "0",
    # One process does it, so that its rows are all there were.
    "max_parallel_workers_per_gather": "0",
}
_BEGINS = re.compile(r"\[(\d+)\] LOG:  duration: .* plan:$")
_PART = re.compile(r"_(first|\d{4}_\d{2})$")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan that touched a table."""

    statement: str
    kind: str
    table: str
    partition: str
    index: str | None
    #: Rows that it gave and that it threw away, over all its loops.
    rows: float
    condition: str


@dataclass(slots=True)
class Watched:
    """What the database did while somebody watched."""

    steps: list[Step] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    def of(self, table: str) -> list[Step]:
        """Return the steps on a table and its partitions."""
        return [step for step in self.steps if step.table == table]


def explained(url: str) -> None:
    """Have the database tell its plans from now on, to sessions that begin after this."""
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as db:
        for setting, value in _SETTINGS.items():
            db.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'".encode())


def large(url: str) -> set[str]:
    """Return the tables and partitions that are too large to be read whole."""
    with psycopg.connect(url) as db:
        found = db.execute("SELECT relname FROM pg_class WHERE reltuples >= %s", [SMALL])
        return {row[0] for row in found}


@contextmanager
def watched(log: Path) -> Iterator[Watched]:
    """Collect the plans of every statement until the block ends."""
    seen = Watched()
    start = log.stat().st_size
    yield seen
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        for plan in _plans(file):
            seen.statements.append(plan["Query Text"])
            seen.steps += _steps(plan["Query Text"], plan["Plan"])


def _plans(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Read the log: a plan is the lines with a tab after the one that announces it."""
    text: list[str] | None = None
    for line in lines:
        if line.startswith("\t"):
            if text is not None:
                text.append(line)
            continue
        if text:
            yield json.loads("".join(text))
        text = [] if _BEGINS.search(line) else None
    if text:
        yield json.loads("".join(text))


def _steps(statement: str, node: dict[str, Any]) -> Iterator[Step]:
    loops = node.get("Actual Loops", 0)
    if "Relation Name" in node or "Index Name" in node:
        given = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
        given += node.get("Rows Removed by Index Recheck", 0)
        name = node.get("Relation Name", "")
        yield Step(
            statement,
            node["Node Type"],
            _PART.sub("", name),
            name,
            node.get("Index Name"),
            given * loops,
            node.get("Index Cond", ""),
        )
    for below in node.get("Plans", ()):
        yield from _steps(statement, below)
