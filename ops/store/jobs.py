"""Jobs: which gateway a row of work is about, asked before anybody claims it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, TextClause, text

from domain.commands import Command

#: Where the row of each command is whose gateway is settled before it runs. A charge and a payout
#: choose theirs while they run; the other commands call no provider.
TABLES: Final[Mapping[Command, str]] = MappingProxyType(
    {
        Command.CAPTURE: "payments",
        Command.VOID: "payments",
        Command.REFUND: "refunds",
        Command.RESOLVE: "payment_attempts",
        Command.NOTICE: "webhook_events",
        Command.DETACH: "payment_methods",
    }
)
_QUERIES: Final[Mapping[Command, TextClause]] = {
    command: text(f"SELECT gateway_id FROM {table} WHERE id = :id")
    for command, table in TABLES.items()
}


def gateway_of(engine: Engine, command: Command, row_id: UUID) -> str | None:
    """Return the gateway; None: the command calls none that is settled, or there is no such row."""
    query = _QUERIES.get(command)
    if query is None:
        return None
    with engine.connect() as db:
        found: str | None = db.execute(query, {"id": row_id}).scalar_one_or_none()
    return found
