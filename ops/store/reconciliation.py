"""The rolls of reconciliation on PostgreSQL: runs as jobs, and what differed until it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from domain.attempt import Operation, State
from domain.events import Actor, Json
from domain.facts import Movement
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from domain.reconcile import Window
from domain.reconcile_books import Report, Run
from domain.reconcile_ours import Moved, Tried
from ops.store.changes import changed
from ops.store.reconciliation_items import open_item, resolve_items, write_settled

#: Days that are caught up with after a standstill; older ones are asked for by a person.
CAUGHT_UP: Final = timedelta(days=7)
#: Runs under way at the same time: each keeps a worker's thread, and most threads are for payments.
AT_ONCE: Final = 2
#: Names per question: one array, not one statement of thousands of parameters.
NAMES: Final = 5_000

#: The next UTC day after the last one that was written, from the day on which the gateway was made.
_PLAN = text("""
INSERT INTO reconciliation_runs (id, gateway_id, since, until, asked_by, next_run_at)
SELECT :id, g.id, day.since, day.since + interval '1 day', 'clock', clock_timestamp()
  FROM gateways g CROSS JOIN LATERAL (
       SELECT greatest(
                  coalesce(max(r.until), date_trunc('day', g.created_at, 'UTC')),
                  date_trunc('day', clock_timestamp(), 'UTC') - CAST(:caught_up AS interval)
              ) AS since
         FROM reconciliation_runs r WHERE r.gateway_id = g.id AND r.asked_by = 'clock'
       ) day
 WHERE g.id = :gateway
   AND day.since + interval '1 day' + CAST(:lag AS interval) <= clock_timestamp()
ON CONFLICT DO NOTHING
""")
_CLAIM = text("""
WITH one AS (
    SELECT id FROM reconciliation_runs
     WHERE status = 'due' AND next_run_at <= clock_timestamp()
       AND (lease_until IS NULL OR lease_until <= clock_timestamp())
       AND (SELECT count(*) FROM reconciliation_runs
             WHERE status = 'due' AND lease_until > clock_timestamp()) < :at_once
     ORDER BY asked_by = 'clock', next_run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE reconciliation_runs r
   SET lease_token = lease_token + 1, starts = starts + 1,
       lease_until = clock_timestamp() + make_interval(secs => :lease_s)
  FROM one WHERE r.id = one.id
RETURNING r.*, clock_timestamp() AS db_now
""")
_RENEW = text("""
UPDATE reconciliation_runs SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE id = :id AND lease_token = :token AND status = 'due'
""")
_RELEASE = text("""
UPDATE reconciliation_runs SET lease_until = NULL, starts = starts - 1
 WHERE id = :id AND lease_token = :token AND status = 'due'
""")
_POSTPONE = text("""
UPDATE reconciliation_runs
   SET cause = :cause, lease_until = NULL,
       next_run_at = clock_timestamp() + make_interval(secs => :delay_s)
 WHERE id = :id AND lease_token = :token AND status = 'due'
""")
_END = text("""
UPDATE reconciliation_runs
   SET status = :status, method = :method, cause = :cause, listed = :listed, compared = :compared,
       differing = :differing, settled = :settled, unjudged = :unjudged,
       next_run_at = NULL, lease_until = NULL, finished_at = clock_timestamp()
 WHERE id = :id AND lease_token = :token AND status = 'due'
""")
_HALF = text("""
INSERT INTO reconciliation_runs (id, gateway_id, since, until, asked_by, next_run_at, split_from)
SELECT :new, gateway_id, :since, :until, asked_by, clock_timestamp(), id
  FROM reconciliation_runs WHERE id = :id
ON CONFLICT DO NOTHING
""")
_TRIED = """
SELECT a.id, a.operation, a.state, a.amount, a.currency, a.captures, a.created_at, a.deadline_at,
       a.provider_id, a.payment_id, a.refund_id, a.payout_id, a.merchant_id, a.mode,
       coalesce((SELECT json_agg(json_build_array(t.type, t.amount,
                            extract(epoch FROM t.created_at)))
                   FROM transactions t WHERE t.attempt_id = a.id), '[]') AS moved
  FROM payment_attempts a
"""
_NAMED = text(f"""{_TRIED}
 WHERE a.gateway_id = :gateway
   AND (a.id = ANY(CAST(:ids AS uuid[])) OR a.provider_id = ANY(CAST(:provider_ids AS text[])))
""")
_IN = text(f"""{_TRIED}
 WHERE a.id IN (
    SELECT id FROM payment_attempts
     WHERE gateway_id = :gateway AND created_at >= :since AND created_at < :until
       AND operation IN ('charge', 'refund', 'payout')
     UNION
    SELECT attempt_id FROM transactions
     WHERE gateway_id = :gateway AND created_at >= :since AND created_at < :until
 ) ORDER BY a.created_at, a.id LIMIT :most
""")


class StaleRun(Exception):
    """The run is not ours any more: what it came to is not written."""


class PostgresRolls:
    """See `domain.reconcile_books.Rolls` for what each method promises."""

    def __init__(self, engine: Engine, new_id: Callable[[], UUID]) -> None:
        """`new_id` makes UUIDv7s."""
        self._engine = engine
        self._new_id = new_id

    def plan(self, gateway_id: str, lag: timedelta) -> None:
        """Write the run of the next UTC day that is over, unless it is written."""
        asked = {"id": self._new_id(), "gateway": gateway_id, "lag": lag, "caught_up": CAUGHT_UP}
        with self._engine.begin() as db:
            db.execute(_PLAN, asked)

    def claim(self, lease_s: float) -> Run | None:
        """Take the oldest run that is due, a person's first."""
        with self._engine.begin() as db:
            row = db.execute(_CLAIM, {"lease_s": lease_s, "at_once": AT_ONCE}).one_or_none()
        if row is None:
            return None
        window = Window(row.since, row.until)
        who = (row.asked_by, row.lease_token, row.starts)
        return Run(row.id, row.gateway_id, window, *who, row.db_now, row.request_id)

    def renew(self, run: Run, lease_s: float) -> bool:
        """Keep a run that is ours."""
        with self._engine.begin() as db:
            return bool(db.execute(_RENEW, _ours(run) | {"lease_s": lease_s}).rowcount)

    def tried(
        self, gateway_id: str, references: Iterable[str], provider_ids: Iterable[str]
    ) -> Sequence[Tried]:
        """Return the attempts that have one of these names, or one of these ids."""
        names = [id_ for id_ in map(_uuid, references) if id_ is not None]
        theirs = list(provider_ids)
        found: dict[UUID, Tried] = {}
        with self._engine.connect() as db:
            for ids, provider_ids_ in _chunks(names, theirs):
                asked = {"gateway": gateway_id, "ids": ids, "provider_ids": provider_ids_}
                found |= {row.id: _tried(row) for row in db.execute(_NAMED, asked)}
        return list(found.values())

    def tried_in(self, gateway_id: str, window: Window, most: int) -> Sequence[Tried]:
        """Return the attempts that were sent in the window, or by which money moved in it."""
        asked = {"gateway": gateway_id, "since": window.since, "until": window.until, "most": most}
        with self._engine.connect() as db:
            return [_tried(row) for row in db.execute(_IN, asked)]

    def finish(self, run: Run, report: Report) -> None:
        """Write what it came to: new discrepancies are opened, and those resolved that are none."""
        counts: dict[str, object] = {
            "listed": report.listed,
            "compared": report.compared,
            "differing": len(report.findings),
            "settled": len(report.settled),
            "unjudged": report.unjudged,
        }
        with self._engine.begin() as db:
            self._end(db, run, "done", method=report.method.value, **counts)
            for finding in report.findings:
                open_item(db, run, self._new_id(), finding)
            for finding in report.settled:
                write_settled(db, run, self._new_id(), finding)
            resolve_items(db, run, report)
            _told(db, run, "done", {"method": report.method.value} | counts)

    def split(self, run: Run, halves: Sequence[Window]) -> None:
        """Put several runs in its place."""
        with self._engine.begin() as db:
            self._end(db, run, "split", cause="it held more than one run may compare")
            for half in halves:
                new = {"new": self._new_id(), "since": half.since, "until": half.until}
                db.execute(_HALF, {"id": run.id} | new)

    def postpone(self, run: Run, cause: str, delay_s: float | None) -> None:
        """Try it again later; None: give it up."""
        with self._engine.begin() as db:
            if delay_s is None:
                self._end(db, run, "failed", cause=cause)
                _told(db, run, "failed", {"cause": cause})
            else:
                db.execute(_POSTPONE, _ours(run) | {"cause": cause, "delay_s": delay_s})

    def release(self, run: Run) -> None:
        """Leave it to somebody else, as it was."""
        with self._engine.begin() as db:
            db.execute(_RELEASE, _ours(run))

    @staticmethod
    def _end(db: Connection, run: Run, status: str, **said: object) -> None:
        quiet = dict.fromkeys(("listed", "compared", "differing", "settled", "unjudged"), 0)
        values = {"status": status, "method": None, "cause": None} | quiet | said
        if not db.execute(_END, _ours(run) | values).rowcount:
            raise StaleRun(str(run.id))


def _told(db: Connection, run: Run, status: str, said: Json) -> None:
    window = {"since": run.window.since.isoformat(), "until": run.window.until.isoformat()}
    changed(
        db,
        run.asked_by,
        f"reconciliation.{status}",
        "reconciliation",
        run_name(run.id),
        after={"gateway": run.gateway_id, **window, **said},
        request_id=run.request_id,
        actor=Actor.WORKER,
    )


def run_name(id_: UUID) -> str:
    """Return the public name of a run."""
    return f"rcn_{id_.hex}"


def _ours(run: Run) -> dict[str, object]:
    return {"id": run.id, "token": run.lease_token}


def _chunks(names: list[UUID], theirs: list[str]) -> Iterator[tuple[list[UUID], list[str]]]:
    for first in range(0, max(len(names), len(theirs)), NAMES):
        yield names[first : first + NAMES], theirs[first : first + NAMES]


def _tried(row: Any) -> Tried:
    return Tried(
        row.id,
        Operation(row.operation),
        State(row.state),
        Money(row.amount, CURRENCIES[row.currency]),
        row.captures,
        row.created_at,
        row.deadline_at,
        row.provider_id,
        row.payment_id,
        row.refund_id,
        row.payout_id,
        row.merchant_id,
        Mode(row.mode),
        tuple(
            Moved(Movement(type_), minor, datetime.fromtimestamp(at, row.created_at.tzinfo))
            for type_, minor, at in row.moved
        ),
    )


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(hex=name)
    except ValueError:
        return None
