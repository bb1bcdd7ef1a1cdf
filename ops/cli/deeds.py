"""Deeds: what the operator changes is told to the audit, with the name the system knows them by."""

from __future__ import annotations

import os
import pwd
from uuid import UUID

from sqlalchemy import Connection

from domain.events import Actor, Entry, Event, Json, Told
from domain.payment import Mode
from ops.store.story import tell


def operator() -> str:
    """Return who runs this: the system's name of the user, whatever the shell says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return f"uid-{os.getuid()}"


def told(
    db: Connection,
    action: str,
    entity: str,
    entity_id: str,
    *,
    merchant_id: UUID,
    mode: Mode | None = None,
    before: Json | None = None,
    after: Json,
) -> None:
    """Append the audit entry and the event of a change, in the change's own transaction."""
    entry = Entry(
        Actor.OPERATOR,
        operator(),
        action,
        entity,
        entity_id,
        merchant_id,
        mode,
        before or {},
        after,
    )
    tell(db, [Told(entry, Event(action, entity, entity_id, after, merchant_id, mode))])
