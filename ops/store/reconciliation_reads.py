"""Reconciliation for people: runs asked for, how far they are, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from domain.reconcile import Window
from ops.store.changes import changed
from ops.store.reconciliation import run_name

#: A gateway that is switched off has a list all the same: its money is still there.
_GATEWAYS = text("SELECT id FROM gateways WHERE CAST(:id AS text) IS NULL OR id = :id ORDER BY id")
_ASK = text("""
INSERT INTO reconciliation_runs (id, gateway_id, since, until, asked_by, next_run_at, request_id)
VALUES (:id, :gateway, :since, :until, :by, clock_timestamp(), :request_id)
""")
#: A run that was cut stands for its parts.
_RUNS = text("""
WITH RECURSIVE family AS (
    SELECT r.* FROM reconciliation_runs r WHERE r.id = ANY(CAST(:ids AS uuid[]))
    UNION ALL
    SELECT r.* FROM reconciliation_runs r JOIN family f ON r.split_from = f.id
)
SELECT f.id, f.gateway_id, g.provider, g.mode, f.since, f.until, f.status, f.method, f.cause,
       f.listed, f.compared, f.differing, f.settled, f.unjudged, f.starts, f.finished_at
  FROM family f JOIN gateways g ON g.id = f.gateway_id
 WHERE f.status <> 'split' ORDER BY f.gateway_id, f.since
""")
_ITEMS = text("""
SELECT i.* FROM reconciliation_items i WHERE i.seen_by = ANY(CAST(:ids AS uuid[]))
 ORDER BY i.resolved_at IS NOT NULL, i.gateway_id, i.moved_at, i.id
""")


@dataclass(frozen=True, slots=True)
class RunRow:
    """One window of one gateway, and what became of it."""

    id: UUID
    gateway_id: str
    provider: str
    mode: str
    since: datetime
    until: datetime
    status: str
    method: str | None
    cause: str | None
    listed: int
    compared: int
    differing: int
    settled: int
    unjudged: int
    starts: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One discrepancy; amounts in minor units."""

    id: UUID
    run_id: UUID
    gateway_id: str
    kind: str
    move: str
    payment_id: UUID | None
    payout_id: UUID | None
    attempt_id: UUID | None
    reference: str | None
    provider_id: str | None
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    reason: str
    owner: str
    moved_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str | None


def ask_runs(
    db: Connection,
    gateway_id: str | None,
    window: Window,
    by: str,
    request_id: str,
    new_id: Callable[[], UUID],
) -> list[UUID]:
    """Write one due run for the gateway, or for each of them (None), audited; returns their ids,
    none where no gateway has that id."""
    asked = []
    for (gateway,) in db.execute(_GATEWAYS, {"id": gateway_id}).all():
        run = {"id": new_id(), "gateway": gateway, "by": by, "request_id": request_id}
        db.execute(_ASK, run | {"since": window.since, "until": window.until})
        asked.append(run["id"])
        said = {"gateway": gateway, "since": window.since.isoformat()}
        changed(
            db,
            by,
            "reconciliation.asked",
            "reconciliation",
            run_name(run["id"]),
            after=said | {"until": window.until.isoformat()},
            request_id=request_id,
        )
    return asked


def read_runs(db: Connection, ids: Sequence[UUID]) -> list[RunRow]:
    """Return these runs, each cut one as its parts."""
    return [RunRow(**row) for row in db.execute(_RUNS, {"ids": list(ids)}).mappings()]


def read_items(db: Connection, ids: Sequence[UUID]) -> list[ItemRow]:
    """Return what these runs were the last to see, what is open first."""
    names = ItemRow.__dataclass_fields__
    found = db.execute(_ITEMS, {"ids": list(ids)}).mappings()
    return [ItemRow(**{name: row[name] for name in names}) for row in found]
