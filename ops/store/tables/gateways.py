"""Gateways: the accounts at providers, where each is used, and what people say of them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.payment import Mode
from ops.store.columns import moment, one_of
from ops.store.tables.metadata import metadata

# another account is another gateway.
gateways = Table(
    "gateways",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("credentials", LargeBinary, nullable=False),
    Column("webhook_scheme", JSONB, nullable=False),
    Column("webhook_secrets", LargeBinary, nullable=False),
    Column("ip_allowlist", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("max_in_flight", Integer, nullable=False, server_default=text("32")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    moment("created_at", null=False, default=True),
    UniqueConstraint("id", "mode", name="gateways_id_mode"),
    CheckConstraint("max_in_flight > 0", name="gateways_max_in_flight"),
    one_of("mode", Mode, "gateways_mode"),
)

# Where a gateway may be used, and in which order: '*' matches everything.
gateway_routes = Table(
    "gateway_routes",
    metadata,
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("country", Text, nullable=False, server_default=text("'*'")),
    Column("currency", Text, nullable=False, server_default=text("'*'")),
    Column("method", Text, nullable=False, server_default=text("'*'")),
    Column("priority", Integer, nullable=False, server_default=text("100")),
    PrimaryKeyConstraint("gateway_id", "country", "currency", "method", name="gateway_routes_pk"),
)

# A person's word about a gateway, with an end: it beats the breaker, whose state lives in Redis.
gateway_health = Table(
    "gateway_health",
    metadata,
    Column("gateway_id", ForeignKey("gateways.id"), primary_key=True),
    Column("forced", Text, nullable=False),
    moment("forced_until", null=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    moment("changed_at", null=False, default=True),
    one_of("forced", ("up", "down"), "gateway_health_forced"),
)
