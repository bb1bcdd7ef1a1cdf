"""Directory: the currencies and countries we do business in."""

from __future__ import annotations

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    SmallInteger,
    Table,
    Text,
    text,
)

from domain.money import MAX_MINOR
from ops.store.columns import moment
from ops.store.tables.metadata import metadata

# What is accepted, and between which amounts: operators change it without a release.
currencies = Table(
    "currencies",
    metadata,
    Column("code", CHAR(3), primary_key=True),
    Column("name", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("exponent", SmallInteger, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("min_amount", BigInteger, nullable=False, server_default=text("1")),
    Column("max_amount", BigInteger, nullable=False),
    moment("updated_at", null=False, default=True),
    CheckConstraint("code ~ '^[A-Z]{3}$'", name="currencies_code"),
    CheckConstraint("exponent IN (0, 2, 3)", name="currencies_exponent"),
    CheckConstraint(
        f"min_amount >= 1 AND min_amount <= max_amount AND max_amount <= {MAX_MINOR}",
        name="currencies_amounts",
    ),
)

# Whose payers are served.
countries = Table(
    "countries",
    metadata,
    Column("code", CHAR(2), primary_key=True),
    Column("name", Text, nullable=False),
    Column("default_currency", ForeignKey("currencies.code"), nullable=False),
    Column("is_supported", Boolean, nullable=False, server_default=text("true")),
    moment("updated_at", null=False, default=True),
    CheckConstraint("code ~ '^[A-Z]{2}$'", name="countries_code"),
)
