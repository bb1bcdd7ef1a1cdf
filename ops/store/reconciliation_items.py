"""Discrepancies as rows: opened once, seen again, resolved by the run that finds them gone."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from domain.events import Actor
from domain.ids import Kind, public
from domain.payment import Mode
from domain.reconcile import Finding
from domain.reconcile_books import Report, Run
from ops.store.changes import changed

#: The same discrepancy found again is the row that is there. `xmax` is nothing on a new row.
_OPEN = text("""
INSERT INTO reconciliation_items (id, run_id, seen_by, gateway_id, kind, move, subject, payment_id,
    payout_id, attempt_id, reference, provider_id, ours, theirs, reason, moved_at)
VALUES (:id, :run, :run, :gateway, :kind, :move, :subject, :payment_id, :payout_id, :attempt_id,
    :reference, :provider_id, CAST(:ours AS jsonb), CAST(:theirs AS jsonb), :reason, :moved_at)
ON CONFLICT (gateway_id, subject, kind) WHERE resolved_at IS NULL
DO UPDATE SET seen_by = excluded.seen_by, seen_at = clock_timestamp(), ours = excluded.ours,
              theirs = excluded.theirs, reason = excluded.reason
RETURNING xmax = 0 AS is_new
""")
_SETTLED = text("""
INSERT INTO reconciliation_items (id, run_id, seen_by, gateway_id, kind, move, subject, payment_id,
    payout_id, attempt_id, reference, provider_id, ours, theirs, reason, moved_at, resolved_at,
    resolution)
VALUES (:id, :run, :run, :gateway, :kind, :move, :subject, :payment_id, :payout_id, :attempt_id,
    :reference, :provider_id, CAST(:ours AS jsonb), CAST(:theirs AS jsonb), :reason, :moved_at,
    clock_timestamp(), :resolution)
""")
#: Both sides agree about its subject now, or what differs about it is of another kind.
_RESOLVE = text("""
UPDATE reconciliation_items i
   SET resolved_at = clock_timestamp(), resolution = :resolution, seen_by = :run
 WHERE gateway_id = :gateway AND resolved_at IS NULL AND subject = ANY(CAST(:subjects AS text[]))
   AND seen_by <> :run
RETURNING id, kind, subject
""")

SETTLED = "the provider was asked, and its word was heard"
AGREED = "both sides agree"
ANOTHER = "something else differs about it now"


def open_item(db: Connection, run: Run, id_: UUID, finding: Finding) -> None:
    """Open a discrepancy, or note that it is still there."""
    values = _values(run, id_, finding)
    if db.execute(_OPEN, values).scalar_one():
        _told(db, run, "opened", id_, finding)


def write_settled(db: Connection, run: Run, id_: UUID, finding: Finding) -> None:
    """Write a discrepancy that this run found and settled; one that was open is resolved."""
    about = [finding.subject]
    if not _resolved(db, run, about, SETTLED):
        db.execute(_SETTLED, _values(run, id_, finding) | {"resolution": SETTLED})
        _told(db, run, "settled", id_, finding)


def resolve_items(db: Connection, run: Run, report: Report) -> None:
    """Resolve what was open and is not found any more by this run, which looked there."""
    _resolved(db, run, sorted(report.agreed), AGREED)
    _resolved(db, run, sorted({finding.subject for finding in report.findings}), ANOTHER)


def _resolved(db: Connection, run: Run, subjects: list[str], resolution: str) -> int:
    if not subjects:
        return 0
    asked = {"run": run.id, "gateway": run.gateway_id, "subjects": subjects}
    rows = db.execute(_RESOLVE, asked | {"resolution": resolution}).all()
    for row in rows:
        said = {"kind": row.kind, "subject": row.subject, "resolution": resolution}
        _change(db, run, "resolved", row.id, said)
    return len(rows)


def _values(run: Run, id_: UUID, finding: Finding) -> dict[str, object]:
    ours, entry = finding.ours, finding.entry
    tried = None if ours is None else ours.tried
    reference = entry.reference if entry is not None else None
    provider_id = entry.provider_id if entry is not None else None
    return {
        "id": id_,
        "run": run.id,
        "gateway": run.gateway_id,
        "kind": finding.difference.value,
        "move": finding.move.value,
        "subject": finding.subject,
        "payment_id": tried and tried.payment_id,
        "payout_id": tried and tried.payout_id,
        "attempt_id": tried and tried.attempt_id,
        "reference": reference or (ours and ours.reference),
        "provider_id": provider_id or (ours and ours.provider_id),
        "ours": _json(_ours(finding)),
        "theirs": _json(_theirs(finding)),
        "reason": finding.reason,
        "moved_at": entry.at if entry is not None else ours and (ours.moved_at or ours.sent_at),
    }


def _ours(finding: Finding) -> dict[str, Any] | None:
    if (ours := finding.ours) is None:
        return None
    return {
        "amount": ours.money.minor,
        "currency": ours.money.currency.code,
        "state": ours.state.value,
        "moved": ours.moved,
    }


def _theirs(finding: Finding) -> dict[str, Any] | None:
    if (entry := finding.entry) is None:
        return None
    return {
        "amount": entry.money.minor,
        "currency": entry.money.currency.code,
        "stands": entry.stands.value,
        "at": entry.at.isoformat(),
    }


def _json(said: dict[str, Any] | None) -> str | None:
    return None if said is None else json.dumps(said)


def _told(db: Connection, run: Run, deed: str, id_: UUID, finding: Finding) -> None:
    said: dict[str, object] = {
        "kind": finding.difference.value,
        "subject": finding.subject,
        "reason": finding.reason,
        "ours": _ours(finding),
        "theirs": _theirs(finding),
    }
    tried = None if finding.ours is None else finding.ours.tried
    if tried is not None:
        said["attempt_id"] = public(Kind.ATTEMPT, tried.attempt_id)
    _change(db, run, deed, id_, said, None if tried is None else tried.mode)


def _change(
    db: Connection,
    run: Run,
    deed: str,
    id_: UUID,
    said: dict[str, object],
    mode: Mode | None = None,
) -> None:
    changed(
        db,
        "reconcile",
        f"discrepancy.{deed}",
        "discrepancy",
        item_name(id_),
        after={"gateway": run.gateway_id, "owner": "operations"} | said,
        mode=mode,
        request_id=run.request_id,
        actor=Actor.WORKER,
    )


def item_name(id_: UUID) -> str:
    """Return the public name of a discrepancy."""
    return f"dis_{id_.hex}"
