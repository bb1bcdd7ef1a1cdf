"""Gateways: the accounts at providers, where each is used, and what people and probes say of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.health import Health
from domain.payment import Mode
from domain.routing import ANY, ROUTED
from ops.store.columns import moment, one_of
from ops.store.tables.metadata import metadata

#: What is behind a gateway, and how it is spoken to.
TYPES = ("bank", "card", "soap", "wallet")
FORMATS = ("json", "xml")

# An account at a provider. Provider and mode never change (a trigger sees to it): another account
# is another gateway.
gateways = Table(
    "gateways",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=text("''")),
    Column("type", Text, nullable=False, server_default=text("'card'")),
    Column("data_format", Text, nullable=False, server_default=text("'json'")),
    Column("priority", Integer, nullable=False, server_default=text("100")),
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
    moment("updated_at", null=False, default=True),
    UniqueConstraint("id", "mode", name="gateways_id_mode"),
    CheckConstraint("max_in_flight > 0", name="gateways_max_in_flight"),
    CheckConstraint("priority >= 0", name="gateways_priority"),
    one_of("mode", Mode, "gateways_mode"),
    one_of("type", TYPES, "gateways_type"),
    one_of("data_format", FORMATS, "gateways_data_format"),
)

# Where a gateway may be used, and in which order: '*' and NULL match everything, a priority of NULL
# is the gateway's own. Bounds are minor units, which mean nothing without a currency.
gateway_routes = Table(
    "gateway_routes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("country", Text, nullable=False, server_default=text("'*'")),
    Column("currency", Text, nullable=False, server_default=text("'*'")),
    Column("method", Text, nullable=False, server_default=text("'*'")),
    Column("operation", Text, nullable=False, server_default=text("'*'")),
    Column("merchant_id", ForeignKey("merchants.id")),
    Column("min_amount", BigInteger),
    Column("max_amount", BigInteger),
    Column("priority", Integer),
    UniqueConstraint(
        *("gateway_id", "country", "currency", "method", "operation"),
        *("merchant_id", "min_amount", "max_amount"),
        name="gateway_routes_once",
        postgresql_nulls_not_distinct=True,
    ),
    CheckConstraint("country = '*' OR country ~ '^[A-Z]{2}$'", name="gateway_routes_country"),
    CheckConstraint("currency = '*' OR currency ~ '^[A-Z]{3}$'", name="gateway_routes_currency"),
    one_of("operation", (ANY, *ROUTED), "gateway_routes_operation"),
    CheckConstraint(
        "(min_amount IS NULL AND max_amount IS NULL) OR currency <> '*'",
        name="gateway_routes_amounts_have_a_currency",
    ),
    CheckConstraint(
        "min_amount >= 1 AND max_amount >= coalesce(min_amount, 1)", name="gateway_routes_amounts"
    ),
    CheckConstraint("priority >= 0", name="gateway_routes_priority"),
)

# A person's word about a gateway, with an end, which beats the breaker (whose state lives in
# Redis); and what regular probes found.
gateway_health = Table(
    "gateway_health",
    metadata,
    Column("gateway_id", ForeignKey("gateways.id"), primary_key=True),
    Column("forced", Text),
    moment("forced_until"),
    Column("reason", Text),
    Column("changed_by", Text),
    Column("state", Text, nullable=False, server_default=text("'up'")),
    Column("failed_probes", Integer, nullable=False, server_default=text("0")),
    moment("last_probe_at"),
    Column("last_error", Text),
    moment("changed_at", null=False, default=True),
    one_of("forced", ("up", "down"), "gateway_health_forced"),
    one_of("state", Health, "gateway_health_state"),
    CheckConstraint("failed_probes >= 0", name="gateway_health_failed_probes"),
    CheckConstraint(
        "num_nonnulls(forced, forced_until, reason, changed_by) IN (0, 4)",
        name="gateway_health_hold_is_whole",
    ),
)

# Certificates under whose keys a gateway's webhooks are signed, each checked for this gateway: what
# one gateway is told to trust says nothing about another.
webhook_certificates = Table(
    "webhook_certificates",
    metadata,
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("pem", LargeBinary, nullable=False),
    moment("not_after", null=False),
    moment("fetched_at", null=False, default=True),
    PrimaryKeyConstraint("gateway_id", "url", name="webhook_certificates_pk"),
)
