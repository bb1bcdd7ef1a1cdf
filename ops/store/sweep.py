"""The sweep: find rows that are due and that nobody works on, and say whom to wake."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, text

from domain.commands import Command

#: Rows announced per table and sweep: at one sweep a second this outruns what workers can start.
BATCH = 200

#: Announce and push the next announcement away in one statement: a lost message costs seconds, a
#: backlog never floods the queue. Rows that somebody claims reset `wakes`. The clock is asked once,
#: in a query of its own: only then does the index know where to stop, and what is not due yet, however
#: much it is, is not looked at. And the rows are named, not joined: they are fetched by their keys.
_DUE = """
WITH due AS (
    SELECT id FROM {table}
     WHERE next_run_at <= clock_timestamp() AND wake_at <= (SELECT clock_timestamp())
       AND lease_is_free(lease_until, lease_owner)
     ORDER BY wake_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE {table} t
   SET wakes = wakes + 1,
       wake_at = clock_timestamp()
                 + least(interval '5 s' * power(2, least(wakes, 10)), interval '60 s')
 WHERE t.id = ANY (ARRAY(SELECT id FROM due))
RETURNING t.id, t.request_id, {command} AS command
"""
_COMMANDS = {
    "payments": "t.next_command",
    "payment_attempts": f"'{Command.RESOLVE}'",
    "webhook_events": f"'{Command.NOTICE}'",
    "refunds": f"'{Command.REFUND}'",
    "payouts": f"'{Command.PAYOUT}'",
    "payment_methods": f"'{Command.DETACH}'",
}
#: Every table whose rows are jobs.
TABLES = tuple(_COMMANDS)
_STATEMENTS = tuple(
    text(_DUE.format(table=table, command=command)) for table, command in _COMMANDS.items()
)


def _of_all(select: str) -> str:
    """Return one query over every table of jobs."""
    return " UNION ALL ".join(select.format(table=table) for table in _COMMANDS)


# Nothing is announced for longer than a minute ahead: beyond that in the index, nothing is due.
_OLDEST = """SELECT min(next_run_at) AS due FROM {table}
     WHERE next_run_at IS NOT NULL AND wake_at <= (SELECT clock_timestamp()) + interval '70 s'"""
#: How overdue the oldest row is that nobody has taken: the sweep's health in one number.
_LAG = text(f"""
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(due)), 0)::float8 FROM (
    {_of_all(_OLDEST)}
) oldest WHERE due <= clock_timestamp()
""")
_PARKED = text(f"""
SELECT parked_reason AS reason, count(*)::int AS n FROM (
    {_of_all("SELECT parked_reason FROM {table} WHERE parked_at IS NOT NULL")}
) parked GROUP BY 1
""")


@dataclass(frozen=True, slots=True)
class Wake:
    """One message to send."""

    command: Command
    row_id: UUID
    request_id: str


def sweep(engine: Engine, batch: int = BATCH) -> list[Wake]:
    """Mark at most `batch` overdue rows of each table as announced, and return them."""
    wakes: list[Wake] = []
    for statement in _STATEMENTS:
        with engine.begin() as db:
            wakes += [
                Wake(Command(row.command), row.id, row.request_id)
                for row in db.execute(statement, {"batch": batch})
            ]
    return wakes


def lag_s(engine: Engine) -> float:
    """Return how many seconds the most overdue row has waited; 0 when nothing is overdue."""
    with engine.connect() as db:
        return float(db.execute(_LAG).scalar_one_or_none() or 0.0)


def parked(engine: Engine) -> dict[str, int]:
    """Return how many rows wait for a person, by reason."""
    with engine.connect() as db:
        return {row.reason: row.n for row in db.execute(_PARKED)}
