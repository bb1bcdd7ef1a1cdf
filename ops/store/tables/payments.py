"""Payments, their attempts, and the evidence of what providers did."""

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
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from domain.attempt import HARMLESS, State
from domain.payment import INACTIVE, Mode, Status
from ops.store.columns import amount, due, due_index, due_laws, moment, one_of
from ops.store.tables.metadata import metadata

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
