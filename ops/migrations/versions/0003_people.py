"""Customers and their saved payment methods; what a merchant may set."""

from alembic import op

revision = "0003"
down_revision = "0002"

#: With constant defaults, so that no row is rewritten and nobody waits.
MERCHANTS = """
ALTER TABLE merchants
    ADD COLUMN email BYTEA,
    ADD COLUMN settlement_currency TEXT,
    ADD COLUMN default_country TEXT,
    ADD COLUMN fallback_enabled BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN return_url_hosts TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN metadata JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN deleted_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT merchants_currency CHECK (settlement_currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT merchants_country CHECK (default_country ~ '^[A-Z]{2}$'),
    ADD CONSTRAINT merchants_deleted CHECK (deleted_at IS NULL OR NOT is_active),
    ADD CONSTRAINT merchants_metadata CHECK (jsonb_typeof(metadata) = 'object');

UPDATE merchants SET updated_at = created_at;

ALTER TABLE merchants
    ALTER COLUMN updated_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN updated_at SET NOT NULL;
"""

TABLES = """
CREATE TABLE customers (
    id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    external_id TEXT,
    username TEXT,
    details BYTEA,
    country_code TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    anonymized_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT customers_mode CHECK (mode IN ('live', 'test')),
    CONSTRAINT customers_country CHECK (country_code ~ '^[A-Z]{2}$'),
    CONSTRAINT customers_metadata_object CHECK (jsonb_typeof(metadata) = 'object'),
    CONSTRAINT customers_anonymized CHECK (
        anonymized_at IS NULL OR (external_id IS NULL AND username IS NULL AND details IS NULL
        AND country_code IS NULL AND metadata = '{}')
    ),
    CONSTRAINT customers_owned UNIQUE (id, merchant_id, mode),
    FOREIGN KEY(merchant_id) REFERENCES merchants (id)
);

CREATE INDEX customers_by_merchant ON customers (merchant_id, mode, id);

CREATE UNIQUE INDEX customers_external_id ON customers (merchant_id, mode, external_id)
    WHERE external_id IS NOT NULL;

CREATE INDEX customers_metadata ON customers USING gin (metadata jsonb_path_ops);

CREATE TABLE payment_methods (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    type TEXT NOT NULL,
    gateway_id TEXT,
    token BYTEA,
    fingerprint TEXT,
    brand TEXT,
    last4 TEXT,
    exp_month INTEGER,
    exp_year INTEGER,
    card_country TEXT,
    funding TEXT DEFAULT 'unknown' NOT NULL,
    paypal_email BYTEA,
    wallet_id BYTEA,
    is_default BOOLEAN DEFAULT false NOT NULL,
    request_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    next_run_at TIMESTAMP WITH TIME ZONE,
    wake_at TIMESTAMP WITH TIME ZONE,
    wakes INTEGER DEFAULT 0 NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    lease_owner BIGINT,
    lease_token BIGINT DEFAULT 0 NOT NULL,
    starts INTEGER DEFAULT 0 NOT NULL,
    parked_at TIMESTAMP WITH TIME ZONE,
    parked_reason TEXT,
    owner TEXT,
    PRIMARY KEY (id),
    CONSTRAINT payment_methods_parked CHECK (
        (parked_at IS NULL) = (parked_reason IS NULL) AND (parked_at IS NULL) = (owner IS NULL)
        AND (parked_at IS NULL OR next_run_at IS NULL)
    ),
    CONSTRAINT payment_methods_mode CHECK (mode IN ('live', 'test')),
    CONSTRAINT payment_methods_type
        CHECK (type IN ('bank_transfer', 'card', 'paypal', 'wallet')),
    CONSTRAINT payment_methods_funding
        CHECK (funding IN ('credit', 'debit', 'prepaid', 'unknown')),
    CONSTRAINT payment_methods_last4 CHECK (last4 ~ '^[0-9]{4}$'),
    CONSTRAINT payment_methods_exp_month CHECK (exp_month BETWEEN 1 AND 12),
    CONSTRAINT payment_methods_exp_year CHECK (exp_year BETWEEN 2000 AND 2100),
    CONSTRAINT payment_methods_card_country CHECK (card_country ~ '^[A-Z]{2}$'),
    CONSTRAINT payment_methods_payable
        CHECK (deleted_at IS NOT NULL OR token IS NOT NULL OR wallet_id IS NOT NULL),
    CONSTRAINT payment_methods_live_token_has_a_vault
        CHECK (mode = 'test' OR token IS NULL OR gateway_id IS NOT NULL),
    CONSTRAINT payment_methods_job_after_deletion
        CHECK (deleted_at IS NOT NULL OR next_run_at IS NULL),
    CONSTRAINT payment_methods_deleted_is_no_default
        CHECK (deleted_at IS NULL OR NOT is_default),
    CONSTRAINT payment_methods_customer FOREIGN KEY(customer_id, merchant_id, mode)
        REFERENCES customers (id, merchant_id, mode),
    CONSTRAINT payment_methods_gateway FOREIGN KEY(gateway_id, mode)
        REFERENCES gateways (id, mode)
);

CREATE INDEX ix_payment_methods_customer_id ON payment_methods (customer_id);

CREATE INDEX payment_methods_due ON payment_methods (wake_at) WHERE next_run_at IS NOT NULL;

CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (customer_id)
    WHERE is_default AND deleted_at IS NULL;

CREATE INDEX payment_methods_parked ON payment_methods (parked_at) WHERE parked_at IS NOT NULL;
"""

NAMES = ("customers", "payment_methods")
COLUMNS = (
    "email",
    "settlement_currency",
    "default_country",
    "fallback_enabled",
    "return_url_hosts",
    "metadata",
    "updated_at",
    "deleted_at",
)


def upgrade() -> None:
    """Widen the merchants, then create the tables and their indexes."""
    for statement in (MERCHANTS + TABLES).split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Take all of it away again. Customers are gone after this."""
    for name in reversed(NAMES):
        op.execute(f"DROP TABLE {name}")
    for column in COLUMNS:
        op.execute(f"ALTER TABLE merchants DROP COLUMN {column}")
