"""Operators: the people whose word about money counts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, LargeBinary, Table, Text

from ops.store.columns import moment
from ops.store.tables.metadata import metadata

# Who may settle parked rows by evidence. Only a peppered MAC of each token is kept. Nobody is ever
# deleted and no name is given twice, because the audit knows people by their names.
operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token_mac", LargeBinary, nullable=False, unique=True),
    moment("created_at", null=False, default=True),
    Column("created_by", Text, nullable=False),
    moment("revoked_at"),
    CheckConstraint("name ~ '^[a-z][a-z0-9-]{1,39}$'", name="operators_name"),
    CheckConstraint("length(token_mac) = 32", name="operators_token_mac"),
)
