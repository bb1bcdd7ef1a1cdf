"""Tenants: who uses us, and with which keys."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from domain.payment import Mode
from ops.store.columns import moment, one_of
from ops.store.tables.metadata import metadata

# Tenants. Everything a merchant owns carries (merchant_id, mode).
# The rate has no upper bound here: the door's load tests use a merchant that is never throttled.
merchants = Table(
    "merchants",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", LargeBinary),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("rate_limit_per_minute", Integer, nullable=False, server_default=text("100")),
    Column("ip_allowlist", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("settlement_currency", Text),
    Column("default_country", Text),
    Column("fallback_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("return_url_hosts", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    moment("created_at", null=False, default=True),
    moment("updated_at", null=False, default=True),
    moment("deleted_at"),
    CheckConstraint("rate_limit_per_minute > 0", name="merchants_rate_limit"),
    CheckConstraint("settlement_currency ~ '^[A-Z]{3}$'", name="merchants_currency"),
    CheckConstraint("default_country ~ '^[A-Z]{2}$'", name="merchants_country"),
    CheckConstraint("deleted_at IS NULL OR NOT is_active", name="merchants_deleted"),
    CheckConstraint("jsonb_typeof(metadata) = 'object'", name="merchants_metadata"),
)

# API keys: an own table, so that a key is rotated without an outage. Only a peppered MAC is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False, index=True),
    Column("mode", Text, nullable=False),
    Column("secret_mac", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("expires_at"),
    moment("revoked_at"),
    moment("created_at", null=False, default=True),
    one_of("mode", Mode, "api_keys_mode"),
)
