"""Changes: what an operator changes, refused with its reason, or told in the change's transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.events import Actor, Entry, Event, Json, Told
from domain.payment import Mode
from ops.store.story import tell


class ChangeRefused(Exception):
    """A change that may not be made. `field` is what was given wrongly, `fix` what to do instead."""

    def __init__(self, field: str, reason: str, fix: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.fix = fix


def changed(
    db: Connection,
    by: str,
    action: str,
    entity: str,
    entity_id: str,
    *,
    before: Json | None = None,
    after: Json,
    mode: Mode | None = None,
    request_id: str = "",
    actor: Actor = Actor.OPERATOR,
) -> None:
    """Append the audit entry and the event; neither may hold a secret or personal data."""
    entry = Entry(actor, by, action, entity, entity_id, None, mode, before or {}, after, request_id)
    event = Event(action, entity, entity_id, after, None, mode, request_id)
    tell(db, [Told(entry, event)])
