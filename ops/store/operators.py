"""Operators in the books: who there is, and whether a token is one of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from domain.events import Actor, Entry, Event, Told
from ops import operators
from ops.store.story import tell

_ADD = text("""
INSERT INTO operators (name, token_mac, created_by) VALUES (:name, :mac, :by)
ON CONFLICT DO NOTHING RETURNING name
""")
_LIST = text("SELECT name, created_at, created_by, revoked_at FROM operators ORDER BY name")
_REVOKE = text("""
UPDATE operators SET revoked_at = clock_timestamp() WHERE name = :name AND revoked_at IS NULL
RETURNING name
""")
_REVOKED_AT = text("SELECT revoked_at FROM operators WHERE name = :name")
_MAC = text("SELECT token_mac FROM operators WHERE name = :name AND revoked_at IS NULL")
#: Compared with where there is no operator of that name, so that this takes as long.
_NOBODY: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody whose word counts, or did."""

    name: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


def add_operator(db: Connection, name: str, token: str, pepper: bytes, by: str) -> bool:
    """Add an operator with this token, audited. False: the name is, or was, somebody's."""
    read = operators.parse(token)
    assert read is not None, "a token that was just made"
    values = {"name": name, "mac": operators.mac(pepper, read), "by": by}
    if db.execute(_ADD, values).one_or_none() is None:
        return False
    _tell(db, "operator.created", name, by)
    return True


def list_operators(db: Connection) -> Sequence[Operator]:
    """Return everybody, by name."""
    return [Operator(*row) for row in db.execute(_LIST)]


def revoke_operator(db: Connection, name: str, by: str) -> datetime | bool:
    """Revoke an operator's token, audited. False: there is none of that name; a time: it had been
    revoked then."""
    if db.execute(_REVOKE, {"name": name}).one_or_none() is not None:
        _tell(db, "operator.revoked", name, by)
        return True
    before: datetime | None = db.execute(_REVOKED_AT, {"name": name}).scalar_one_or_none()
    return before if before is not None else False


def operator_of(db: Connection, token: str, pepper: bytes) -> str | None:
    """Return whose token it is. None: nobody's, or no longer."""
    read = operators.parse(token)
    if read is None:
        return None
    stored = db.execute(_MAC, {"name": read.name}).scalar_one_or_none()
    known = _NOBODY if stored is None else bytes(stored)
    same = operators.is_same(operators.mac(pepper, read), known)
    return read.name if same and stored is not None else None


def _tell(db: Connection, action: str, name: str, by: str) -> None:
    entry = Entry(Actor.OPERATOR, by, action, "operator", name)
    tell(db, [Told(entry, Event(action, "operator", name, {}))])
