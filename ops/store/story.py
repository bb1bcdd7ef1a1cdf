"""The story: how audit entries and events are appended, from wherever a move is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from domain.events import Told
from ops.store import tables


def tell(db: Connection, told: Sequence[Told]) -> None:
    """Append the audit entry and the event of each move, in the move's own transaction."""
    if told:
        db.execute(insert(tables.audit_logs), [entry_values(one) for one in told])
        db.execute(insert(tables.outbox_events), [event_values(one) for one in told])


def entry_values(told: Told) -> dict[str, Any]:
    """Return the audit row."""
    entry = told.entry
    return {
        "merchant_id": entry.merchant_id,
        "mode": entry.mode.value if entry.mode else None,
        "actor": entry.actor.value,
        "actor_id": entry.actor_id,
        "action": entry.action,
        "entity": entry.entity,
        "entity_id": entry.entity_id,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }


def event_values(told: Told) -> dict[str, Any]:
    """Return the outbox row."""
    event = told.event
    return {
        "merchant_id": event.merchant_id,
        "mode": event.mode.value if event.mode else None,
        "type": event.type,
        "aggregate": event.aggregate,
        "aggregate_id": event.aggregate_id,
        "payload": event.payload,
        "request_id": event.request_id,
    }
