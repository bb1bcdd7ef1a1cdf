"""Every table, with the sentence that says why it exists. The migrations build exactly these."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from domain.attempt import HARMLESS, State
from domain.payment import INACTIVE, Mode, Status
from ops.store.columns import amount, due, due_index, due_laws, moment, one_of

metadata = MetaData()

# Tenants. Everything a merchant owns carries (merchant_id, mode).
merchants = Table(
    "merchants",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("rate_limit_per_minute", Integer, nullable=False, server_default=text("100")),
    Column("ip_allowlist", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    moment("created_at", null=False, default=True),
    CheckConstraint("rate_limit_per_minute > 0", name="merchants_rate_limit"),
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

# Configured accounts at providers. What identifies the account never changes (a trigger refuses):
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

# The aggregate a merchant asked for. `details` seals the token and the customer's personal data.
payments = Table(
    "payments",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("order_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("country", Text),
    Column("method_type", Text, nullable=False),
    Column("preference", Text),
    Column("details", LargeBinary, nullable=False),
    Column("description", Text),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("status", Text, nullable=False),
    amount("amount_authorized"),
    amount("amount_captured"),
    amount("amount_refunded"),
    amount("amount_refund_pending"),
    Column("gateway_id", ForeignKey("gateways.id")),
    Column("action_url", LargeBinary),
    Column("failure_code", Text),
    Column("failure_reason", Text),
    Column("risk_score", Text),
    Column("risk_level", Text),
    Column("wants_3ds", Boolean, nullable=False, server_default=text("false")),
    Column("next_command", Text, nullable=False),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("skipped", JSONB, nullable=False, server_default=text("'{}'")),
    moment("cancel_requested_at"),
    moment("captured_at"),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False),
    moment("expires_at", null=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    *due(),
    *due_laws("payments"),
    CheckConstraint("amount > 0", name="payments_amount"),
    CheckConstraint(
        "amount_refunded >= 0 AND amount_refund_pending >= 0"
        " AND amount_refunded + amount_refund_pending <= amount_captured"
        " AND amount_captured <= amount_authorized AND amount_authorized <= amount",
        name="payments_sums",
    ),
    one_of("status", Status, "payments_status"),
    one_of("mode", Mode, "payments_mode"),
    CheckConstraint("(status = 'captured') <= (amount_captured > 0)", name="payments_captured"),
    UniqueConstraint("id", "mode", name="payments_id_mode"),
    Index(
        "payments_active_order",
        "merchant_id",
        "mode",
        "order_id",
        unique=True,
        postgresql_where=text(
            "order_id IS NOT NULL AND status NOT IN ("
            + ", ".join(f"'{status}'" for status in sorted(INACTIVE))
            + ")"
        ),
    ),
    Index("payments_by_merchant", "merchant_id", "mode", "id"),
    Index("payments_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payments"),
)

# One try of one money operation at one gateway, committed before a byte is sent. The partial unique
# index is law 1: at most one charge per payment that is not proven harmless.
payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", UUID(as_uuid=True), nullable=False),
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("adapter_version", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("provider_id", Text),
    Column("proof", Text),
    Column("code", Text),
    Column("cause", Text),
    Column("polls", Integer, nullable=False, server_default=text("0")),
    moment("send_before", null=False),
    moment("deadline_at", null=False),
    moment("key_window_ends", null=False),
    moment("created_at", null=False),
    moment("finished_at"),
    Column("request_id", Text, nullable=False),
    *due(),
    *due_laws("payment_attempts"),
    one_of("state", State, "payment_attempts_state"),
    CheckConstraint(
        "(state IN ('declined', 'not_charged', 'voided', 'expired')) <= (proof IS NOT NULL)",
        name="payment_attempts_proof",
    ),
    CheckConstraint("amount > 0", name="payment_attempts_amount"),
    ForeignKeyConstraint(
        ["payment_id", "mode"], ["payments.id", "payments.mode"], name="payment_attempts_payment"
    ),
    ForeignKeyConstraint(
        ["gateway_id", "mode"], ["gateways.id", "gateways.mode"], name="payment_attempts_gateway"
    ),
    UniqueConstraint("payment_id", "operation", "number", name="payment_attempts_number"),
    Index(
        "payment_attempts_one_open_charge",
        "payment_id",
        unique=True,
        postgresql_where=text(
            "operation = 'charge' AND state NOT IN ("
            + ", ".join(f"'{state}'" for state in sorted(HARMLESS))
            + ")"
        ),
    ),
    Index("payment_attempts_provider", "gateway_id", "provider_id"),
    Index("payment_attempts_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payment_attempts"),
)

# What providers told us, as told: append-only, the evidence behind every state.
attempt_facts = Table(
    "attempt_facts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("attempt_id", ForeignKey("payment_attempts.id"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("told", JSONB, nullable=False),
    moment("observed_at", null=False, default=True),
)

# Money that moved: append-only, without a status; once per attempt and kind.
transactions = Table(
    "transactions",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", ForeignKey("payments.id"), nullable=False, index=True),
    Column("attempt_id", ForeignKey("payment_attempts.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    UniqueConstraint("attempt_id", "type", name="transactions_once"),
    CheckConstraint("amount > 0", name="transactions_amount"),
)

# Law 7: the answer is written with the work it promises, and given again for the same key.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("resource_id", UUID(as_uuid=True), nullable=False),
    moment("created_at", null=False, default=True),
    moment("expires_at", null=False),
    PrimaryKeyConstraint("merchant_id", "mode", "key", name="idempotency_keys_pk"),
)

# The inbox: every verified webhook, once. The body is sealed; it is a hint, not the truth.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'received'")),
    Column("attempt_id", UUID(as_uuid=True), index=True),
    Column("copies", Integer, nullable=False, server_default=text("1")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    moment("received_at", null=False, default=True),
    moment("last_copy_at", null=False, default=True),
    moment("read_began_at"),
    Column("request_id", Text, nullable=False),
    *due(),
    *due_laws("webhook_events"),
    one_of("status", ("received", "processed", "orphan"), "webhook_events_status"),
    UniqueConstraint("gateway_id", "dedupe_key", name="webhook_events_once"),
    Index("webhook_events_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("webhook_events"),
)

# One fraud decision per payment, with everything it was made of.
fraud_checks = Table(
    "fraud_checks",
    metadata,
    Column("payment_id", ForeignKey("payments.id"), primary_key=True),
    Column("score", Numeric(5, 4), nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    Column("factors", JSONB, nullable=False),
    Column("mode", Text, nullable=False),
    Column("ruleset_version", Text, nullable=False),
    Column("model_id", Text),
    Column("feature_set_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    CheckConstraint("score BETWEEN 0 AND 1", name="fraud_checks_score"),
)

# Who did what: written in the move's transaction; a trigger refuses UPDATE, DELETE and TRUNCATE.
audit_logs = Table(
    "audit_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("merchant_id", UUID(as_uuid=True)),
    Column("mode", Text),
    Column("actor", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    Index("audit_logs_entity", "entity_id"),
    Index("audit_logs_created", "created_at"),
)

# Law 10: the sealed order of the audit entries; each hash covers the one before it.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    moment("sealed_at", null=False, default=True),
)

# Keyed marks of the chain's length and head: a chain cut short or rewritten does not match them.
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("count", BigInteger, primary_key=True, autoincrement=False),
    Column("head", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    moment("created_at", null=False, default=True),
)

# What happened, for whoever listens: written in the move's transaction, drained in order.
outbox_events = Table(
    "outbox_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("merchant_id", UUID(as_uuid=True)),
    Column("mode", Text),
    Column("type", Text, nullable=False),
    Column("aggregate", Text, nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    moment("published_at"),
    Index("outbox_aggregate", "aggregate_id"),
    Index("outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
)
