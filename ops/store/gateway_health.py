"""Gateway health: a person's hold, and what regular probes found; every change is audited."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.events import Actor
from domain.health import Health, judged
from domain.payment import Mode
from ops.store import tables
from ops.store.changes import changed

#: What is kept of a probe's error: a line for people, not a log.
MAX_ERROR = 200

_RELEASE = text("""
UPDATE gateway_health
   SET forced = NULL, forced_until = NULL, reason = NULL, changed_by = NULL,
       changed_at = clock_timestamp()
 WHERE gateway_id = :id AND forced IS NOT NULL
""")
# The row is made first, so that two probes at the same time wait for each other at its lock.
_PREPARE = text("INSERT INTO gateway_health (gateway_id) VALUES (:id) ON CONFLICT DO NOTHING")
_BEFORE = text("""
SELECT state, failed_probes FROM gateway_health WHERE gateway_id = :id FOR UPDATE
""")
_PROBED = text("""
UPDATE gateway_health
   SET state = :state, failed_probes = :failed, last_error = :error,
       last_probe_at = clock_timestamp(),
       changed_at = CASE WHEN state = :state THEN changed_at ELSE clock_timestamp() END
 WHERE gateway_id = :id
""")


def force(
    db: Connection,
    gateway_id: str,
    forced: str | None,
    lasting: timedelta,
    reason: str,
    by: str,
    request_id: str = "",
) -> bool:
    """Hold a gateway up or down for a while, or (None) give it back to its breaker; audited.

    Returns False for an unknown gateway. Giving back what nobody holds changes and tells nothing.
    """
    mode = _mode(db, gateway_id)
    if mode is None:
        return False
    t = tables.gateway_health
    if forced is None:
        if not db.execute(_RELEASE, {"id": gateway_id}).rowcount:
            return True
    else:
        until = text("clock_timestamp() + make_interval(secs => :s)").bindparams(
            s=lasting.total_seconds()
        )
        values = {
            "forced": forced,
            "forced_until": until,
            "reason": reason,
            "changed_by": by,
            "changed_at": text("clock_timestamp()"),
        }
        db.execute(
            upsert(t)
            .values(values | {"gateway_id": gateway_id})
            .on_conflict_do_update(index_elements=["gateway_id"], set_=values)
        )
    said = {"forced": forced, "seconds": int(lasting.total_seconds()), "reason": reason}
    action = f"gateway.held_{forced}" if forced else "gateway.released"
    changed(db, by, action, "gateway", gateway_id, after=said, mode=mode, request_id=request_id)
    return True


def note_probe(db: Connection, gateway_id: str, ok: bool, error: str | None = None) -> bool:
    """Write down what a probe found, and return whether the gateway's state changed by it.

    A change is audited in the caller's transaction. An unknown gateway changes nothing. `error` is
    cut to `MAX_ERROR` characters; it must not hold a secret.
    """
    mode = _mode(db, gateway_id)
    if mode is None:
        return False
    db.execute(_PREPARE, {"id": gateway_id})
    row = db.execute(_BEFORE, {"id": gateway_id}).one()
    failed = 0 if ok else row.failed_probes + 1
    before, after = Health(row.state), judged(failed)
    why = None if ok else (error or "no answer")[:MAX_ERROR]
    values = {"id": gateway_id, "state": after.value, "failed": failed, "error": why}
    db.execute(_PROBED, values)
    if after is before:
        return False
    changed(
        db,
        "probe",
        "gateway.health_changed",
        "gateway",
        gateway_id,
        before={"state": before.value},
        after={"state": after.value, "error": why},
        mode=mode,
        actor=Actor.WORKER,
    )
    return True


def _mode(db: Connection, gateway_id: str) -> Mode | None:
    t = tables.gateways
    found = db.execute(select(t.c.mode).where(t.c.id == gateway_id)).scalar_one_or_none()
    return None if found is None else Mode(found)
