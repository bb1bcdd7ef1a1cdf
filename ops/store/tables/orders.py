"""Orders to send money: back to a payer, and out to somebody."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from domain.payment import Mode
from domain.payout import PayoutStatus
from domain.refund import RefundKind, RefundStatus
from ops.store.columns import due, due_index, due_laws, moment, one_of
from ops.store.tables.metadata import metadata

# Money on its way back. What merchants ask for is counted in their payment's sums; late money is
# nobody's, and goes back once per charge.
refunds = Table(
    "refunds",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("charge_id", ForeignKey("payment_attempts.id"), nullable=False),
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("failure_code", Text),
    Column("failure_reason", Text),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    moment("processed_at"),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    *due(),
    *due_laws("refunds"),
    CheckConstraint("amount > 0", name="refunds_amount"),
    one_of("kind", RefundKind, "refunds_kind"),
    one_of("status", RefundStatus, "refunds_status"),
    one_of("mode", Mode, "refunds_mode"),
    ForeignKeyConstraint(
        ["payment_id", "merchant_id", "mode"],
        ["payments.id", "payments.merchant_id", "payments.mode"],
        name="refunds_payment",
    ),
    ForeignKeyConstraint(
        ["gateway_id", "mode"], ["gateways.id", "gateways.mode"], name="refunds_gateway"
    ),
    # What an attempt's foreign key points at: no other payment's refund fits it.
    UniqueConstraint("id", "payment_id", name="refunds_of_payment"),
    # Law 9: late money is given back once.
    Index("refunds_late_once", "charge_id", unique=True, postgresql_where=text("kind = 'late'")),
    Index("refunds_by_merchant", "merchant_id", "mode", "id"),
    Index("refunds_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("refunds"),
)

# A merchant's money on its way out. `destination` seals the account and never changes; `details`
# seals the customer's personal data, which may have to be erased.
payouts = Table(
    "payouts",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("country", Text),
    Column("destination_type", Text, nullable=False),
    Column("destination", LargeBinary, nullable=False),
    Column("details", LargeBinary, nullable=False),
    Column("customer_id", UUID(as_uuid=True)),
    Column("preference", Text),
    Column("reference", Text),
    Column("description", Text),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("status", Text, nullable=False),
    Column("gateway_id", Text),
    Column("failure_code", Text),
    Column("failure_reason", Text),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("skipped", JSONB, nullable=False, server_default=text("'{}'")),
    moment("processed_at"),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False),
    moment("expires_at", null=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    *due(),
    *due_laws("payouts"),
    CheckConstraint("amount > 0", name="payouts_amount"),
    one_of("status", PayoutStatus, "payouts_status"),
    one_of("mode", Mode, "payouts_mode"),
    ForeignKeyConstraint(
        ["customer_id", "merchant_id", "mode"],
        ["customers.id", "customers.merchant_id", "customers.mode"],
        name="payouts_customer",
    ),
    ForeignKeyConstraint(
        ["gateway_id", "mode"], ["gateways.id", "gateways.mode"], name="payouts_gateway"
    ),
    # What an attempt's foreign key points at: nobody else's payout fits it.
    UniqueConstraint("id", "merchant_id", "mode", name="payouts_owned"),
    Index("payouts_by_merchant", "merchant_id", "mode", "id"),
    Index("payouts_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payouts"),
)
