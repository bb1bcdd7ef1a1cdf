"""The story: how audit entries and events are appended, from wherever a move is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import postgresql

from domain.events import Told
from ops.store import tables
from ops.store.direct import Write

_ENTRY: Final = (
    *("merchant_id", "mode", "actor", "actor_id", "action", "entity", "entity_id"),
    *("before", "after", "request_id"),
)
_EVENT: Final = (
    *("merchant_id", "mode", "type", "aggregate", "aggregate_id", "payload", "request_id"),
)


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


def _appends(table: Table, names: Sequence[str]) -> str:
    """Return the insert of any number of rows, which come as one document and go in in its order."""
    columns = ", ".join(names)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = ", ".join(f"{name} {table.c[name].type.compile(dialect=dialect)}" for name in names)
    return (
        f"INSERT INTO {table.name} ({columns})"
        f" SELECT {columns} FROM json_to_recordset(%s::json) AS said({kinds})"
    )


_ENTRIES: Final = _appends(tables.audit_logs, _ENTRY)
_EVENTS: Final = _appends(tables.outbox_events, _EVENT)


def story_writes(told: Sequence[Told]) -> tuple[Write, Write]:
    """Return what appends all of it: the statements are the same however much it is."""
    entries = msgspec.json.encode([entry_values(one) for one in told]).decode()
    events = msgspec.json.encode([event_values(one) for one in told]).decode()
    return (
        Write(tables.audit_logs.name, _ENTRIES, (entries,)),
        Write(tables.outbox_events.name, _EVENTS, (events,)),
    )
