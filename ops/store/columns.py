"""The columns and checks that tables share: times, amounts, enumerations, and what makes a job."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

_NOW = text("clock_timestamp()")


def moment(name: str, *, null: bool = True, default: bool = False) -> Column[object]:
    """A point in time with its zone; `default` is the database's clock."""
    server_default = _NOW if default else None
    return Column(name, TIMESTAMP(timezone=True), nullable=null, server_default=server_default)


def amount(name: str) -> Column[int]:
    """A sum of minor units that starts at nothing."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    """An enumeration as text and a CHECK: readable in every client, changed without a rewrite."""
    return CheckConstraint(f"{column} IN ({listed(values)})", name=name)


def listed(values: Iterable[str]) -> str:
    """Return the values as SQL literals, in one order whatever the set's."""
    return ", ".join(f"'{value}'" for value in sorted(values))


def due() -> list[Column[object]]:
    """The columns that make a row a job (see `domain.due`)."""
    return [
        moment("next_run_at"),
        moment("wake_at"),
        Column("wakes", Integer, nullable=False, server_default=text("0")),
        moment("lease_until"),
        Column("lease_owner", BigInteger),
        Column("lease_token", BigInteger, nullable=False, server_default=text("0")),
        Column("starts", Integer, nullable=False, server_default=text("0")),
        moment("parked_at"),
        Column("parked_reason", Text),
        Column("owner", Text),
    ]


def due_laws(table: str) -> list[CheckConstraint]:
    """A parked row has a reason and an owner and runs no more: nothing is stuck without a name."""
    return [
        CheckConstraint(
            "(parked_at IS NULL) = (parked_reason IS NULL)"
            " AND (parked_at IS NULL) = (owner IS NULL)"
            " AND (parked_at IS NULL OR next_run_at IS NULL)",
            name=f"{table}_parked",
        )
    ]


def due_index(table: str) -> Index:
    """The sweep's index: as small as the work that is open, whatever the history."""
    return Index(f"{table}_due", "wake_at", postgresql_where=text("next_run_at IS NOT NULL"))
