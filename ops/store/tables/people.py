"""People: the merchants' customers, and the ways to pay that they have saved."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
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
from domain.people import EXPIRY_YEARS, Funding, MethodType
from ops.store.columns import due, due_index, due_laws, moment, one_of
from ops.store.tables.metadata import metadata

# Payers whom a merchant knows by name. `details` seals e-mail, name, phone and address; when a
# customer is anonymized the row stays, because payment methods and the audit refer to it.
customers = Table(
    "customers",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("external_id", Text),
    Column("username", Text),
    Column("details", LargeBinary),
    Column("country_code", Text),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    moment("created_at", null=False, default=True),
    moment("updated_at", null=False, default=True),
    moment("anonymized_at"),
    one_of("mode", Mode, "customers_mode"),
    CheckConstraint("country_code ~ '^[A-Z]{2}$'", name="customers_country"),
    CheckConstraint("jsonb_typeof(metadata) = 'object'", name="customers_metadata_object"),
    CheckConstraint(
        "anonymized_at IS NULL OR (external_id IS NULL AND username IS NULL AND details IS NULL"
        " AND country_code IS NULL AND metadata = '{}')",
        name="customers_anonymized",
    ),
    # What a payment method's foreign key points at: nobody else's customer fits it.
    UniqueConstraint("id", "merchant_id", "mode", name="customers_owned"),
    Index(
        "customers_external_id",
        "merchant_id",
        "mode",
        "external_id",
        unique=True,
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    Index("customers_by_merchant", "merchant_id", "mode", "id"),
    Index(
        "customers_metadata",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    ),
)

# Saved ways to pay: tokens, never numbers. A deleted one is a job until its gateway has forgotten
# the token; without a gateway the token is a portable one of the simulators.
payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("customer_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("gateway_id", Text),
    Column("token", LargeBinary),
    Column("fingerprint", Text),
    Column("brand", Text),
    Column("last4", Text),
    Column("exp_month", Integer),
    Column("exp_year", Integer),
    Column("card_country", Text),
    Column("funding", Text, nullable=False, server_default=text("'unknown'")),
    Column("paypal_email", LargeBinary),
    Column("wallet_id", LargeBinary),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    moment("updated_at", null=False, default=True),
    moment("deleted_at"),
    *due(),
    *due_laws("payment_methods"),
    one_of("mode", Mode, "payment_methods_mode"),
    one_of("type", MethodType, "payment_methods_type"),
    one_of("funding", Funding, "payment_methods_funding"),
    CheckConstraint("last4 ~ '^[0-9]{4}$'", name="payment_methods_last4"),
    CheckConstraint("exp_month BETWEEN 1 AND 12", name="payment_methods_exp_month"),
    CheckConstraint(
        f"exp_year BETWEEN {EXPIRY_YEARS[0]} AND {EXPIRY_YEARS[1]}",
        name="payment_methods_exp_year",
    ),
    CheckConstraint("card_country ~ '^[A-Z]{2}$'", name="payment_methods_card_country"),
    CheckConstraint(
        "deleted_at IS NOT NULL OR token IS NOT NULL OR wallet_id IS NOT NULL",
        name="payment_methods_payable",
    ),
    # Only the simulators' tokens are good at every gateway.
    CheckConstraint(
        "mode = 'test' OR token IS NULL OR gateway_id IS NOT NULL",
        name="payment_methods_live_token_has_a_vault",
    ),
    CheckConstraint(
        "deleted_at IS NOT NULL OR next_run_at IS NULL", name="payment_methods_job_after_deletion"
    ),
    CheckConstraint(
        "deleted_at IS NULL OR NOT is_default", name="payment_methods_deleted_is_no_default"
    ),
    ForeignKeyConstraint(
        ["customer_id", "merchant_id", "mode"],
        ["customers.id", "customers.merchant_id", "customers.mode"],
        name="payment_methods_customer",
    ),
    ForeignKeyConstraint(
        ["gateway_id", "mode"], ["gateways.id", "gateways.mode"], name="payment_methods_gateway"
    ),
    # Law 6: one default, whoever asks at the same time.
    Index(
        "payment_methods_one_default",
        "customer_id",
        unique=True,
        postgresql_where=text("is_default AND deleted_at IS NULL"),
    ),
    Index("payment_methods_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payment_methods"),
)
