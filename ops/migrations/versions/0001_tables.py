"""The tables of the main job: checkout, charge, webhook, audit. Same as ops/store/tables/."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE audit_chain (
    seq BIGINT NOT NULL,
    entry_id BIGINT NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (seq),
    UNIQUE (entry_id)
);

CREATE TABLE audit_checkpoints (
    count BIGINT NOT NULL,
    head BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (count)
);

CREATE TABLE audit_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    merchant_id UUID,
    mode TEXT,
    actor TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    request_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX audit_logs_created ON audit_logs (created_at);

CREATE INDEX audit_logs_entity ON audit_logs (entity_id);

CREATE TABLE gateways (
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    mode TEXT NOT NULL,
    base_url TEXT NOT NULL,
    credentials BYTEA NOT NULL,
    webhook_scheme JSONB NOT NULL,
    webhook_secrets BYTEA NOT NULL,
    ip_allowlist TEXT[] DEFAULT '{}' NOT NULL,
    settings JSONB DEFAULT '{}' NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    max_in_flight INTEGER DEFAULT 32 NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT gateways_id_mode UNIQUE (id, mode),
    CONSTRAINT gateways_max_in_flight CHECK (max_in_flight > 0),
    CONSTRAINT gateways_mode CHECK (mode IN ('live', 'test'))
);

CREATE TABLE idempotency_keys (
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status INTEGER NOT NULL,
    body BYTEA NOT NULL,
    resource_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (merchant_id, mode, key)
);

CREATE TABLE merchants (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    rate_limit_per_minute INTEGER DEFAULT 100 NOT NULL,
    ip_allowlist TEXT[] DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT merchants_rate_limit CHECK (rate_limit_per_minute > 0)
);

CREATE TABLE outbox_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    merchant_id UUID,
    mode TEXT,
    type TEXT NOT NULL,
    aggregate TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    payload JSONB NOT NULL,
    request_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);

CREATE INDEX outbox_aggregate ON outbox_events (aggregate_id);

CREATE INDEX outbox_unpublished ON outbox_events (id) WHERE published_at IS NULL;

CREATE TABLE api_keys (
    id TEXT NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    secret_mac BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT api_keys_mode CHECK (mode IN ('live', 'test')),
    FOREIGN KEY(merchant_id) REFERENCES merchants (id)
);

CREATE INDEX ix_api_keys_merchant_id ON api_keys (merchant_id);

CREATE TABLE gateway_health (
    gateway_id TEXT NOT NULL,
    forced TEXT NOT NULL,
    forced_until TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (gateway_id),
    CONSTRAINT gateway_health_forced CHECK (forced IN ('down', 'up')),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id)
);

CREATE TABLE gateway_routes (
    gateway_id TEXT NOT NULL,
    country TEXT DEFAULT '*' NOT NULL,
    currency TEXT DEFAULT '*' NOT NULL,
    method TEXT DEFAULT '*' NOT NULL,
    priority INTEGER DEFAULT 100 NOT NULL,
    CONSTRAINT gateway_routes_pk PRIMARY KEY (gateway_id, country, currency, method),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id)
);

CREATE TABLE payments (
    id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    order_id TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    country TEXT,
    method_type TEXT NOT NULL,
    preference TEXT,
    details BYTEA NOT NULL,
    description TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    status TEXT NOT NULL,
    amount_authorized BIGINT DEFAULT 0 NOT NULL,
    amount_captured BIGINT DEFAULT 0 NOT NULL,
    amount_refunded BIGINT DEFAULT 0 NOT NULL,
    amount_refund_pending BIGINT DEFAULT 0 NOT NULL,
    gateway_id TEXT,
    action_url BYTEA,
    failure_code TEXT,
    failure_reason TEXT,
    risk_score TEXT,
    risk_level TEXT,
    wants_3ds BOOLEAN DEFAULT false NOT NULL,
    next_command TEXT NOT NULL,
    runs INTEGER DEFAULT 0 NOT NULL,
    skipped JSONB DEFAULT '{}' NOT NULL,
    cancel_requested_at TIMESTAMP WITH TIME ZONE,
    captured_at TIMESTAMP WITH TIME ZONE,
    request_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
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
    CONSTRAINT payments_parked CHECK ((parked_at IS NULL) = (parked_reason IS NULL) AND (parked_at
            IS NULL) = (owner IS NULL) AND (parked_at IS NULL OR next_run_at IS NULL)),
    CONSTRAINT payments_amount CHECK (amount > 0),
    CONSTRAINT payments_sums CHECK (amount_refunded >= 0 AND amount_refund_pending >= 0 AND
            amount_refunded + amount_refund_pending <= amount_captured AND amount_captured <=
            amount_authorized AND amount_authorized <= amount),
    CONSTRAINT payments_status CHECK (status IN ('authorized', 'cancelled', 'captured', 'expired',
            'failed', 'in_review', 'partially_refunded', 'pending', 'processing', 'refunded',
            'requires_action', 'reversed')),
    CONSTRAINT payments_mode CHECK (mode IN ('live', 'test')),
    CONSTRAINT payments_captured CHECK ((status = 'captured') <= (amount_captured > 0)),
    CONSTRAINT payments_id_mode UNIQUE (id, mode),
    FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id)
);

CREATE UNIQUE INDEX payments_active_order ON payments (merchant_id, mode, order_id) WHERE order_id
        IS NOT NULL AND status NOT IN ('cancelled', 'expired', 'failed');

CREATE INDEX payments_by_merchant ON payments (merchant_id, mode, id);

CREATE INDEX payments_due ON payments (wake_at) WHERE next_run_at IS NOT NULL;

CREATE INDEX payments_parked ON payments (parked_at) WHERE parked_at IS NOT NULL;

CREATE TABLE webhook_events (
    id UUID NOT NULL,
    gateway_id TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    body BYTEA NOT NULL,
    status TEXT DEFAULT 'received' NOT NULL,
    attempt_id UUID,
    copies INTEGER DEFAULT 1 NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    last_copy_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    read_began_at TIMESTAMP WITH TIME ZONE,
    request_id TEXT NOT NULL,
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
    CONSTRAINT webhook_events_parked CHECK ((parked_at IS NULL) = (parked_reason IS NULL) AND
            (parked_at IS NULL) = (owner IS NULL) AND (parked_at IS NULL OR next_run_at IS NULL)),
    CONSTRAINT webhook_events_status CHECK (status IN ('orphan', 'processed', 'received')),
    CONSTRAINT webhook_events_once UNIQUE (gateway_id, dedupe_key),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id)
);

CREATE INDEX ix_webhook_events_attempt_id ON webhook_events (attempt_id);

CREATE INDEX webhook_events_due ON webhook_events (wake_at) WHERE next_run_at IS NOT NULL;

CREATE INDEX webhook_events_parked ON webhook_events (parked_at) WHERE parked_at IS NOT NULL;

CREATE TABLE fraud_checks (
    payment_id UUID NOT NULL,
    score NUMERIC(5, 4) NOT NULL,
    risk_level TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT,
    factors JSONB NOT NULL,
    mode TEXT NOT NULL,
    ruleset_version TEXT NOT NULL,
    model_id TEXT,
    feature_set_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (payment_id),
    CONSTRAINT fraud_checks_score CHECK (score BETWEEN 0 AND 1),
    FOREIGN KEY(payment_id) REFERENCES payments (id)
);

CREATE TABLE payment_attempts (
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    operation TEXT NOT NULL,
    number INTEGER NOT NULL,
    gateway_id TEXT NOT NULL,
    adapter_version INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    request BYTEA NOT NULL,
    provider_id TEXT,
    proof TEXT,
    code TEXT,
    cause TEXT,
    polls INTEGER DEFAULT 0 NOT NULL,
    send_before TIMESTAMP WITH TIME ZONE NOT NULL,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key_window_ends TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    request_id TEXT NOT NULL,
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
    CONSTRAINT payment_attempts_parked CHECK ((parked_at IS NULL) = (parked_reason IS NULL) AND
            (parked_at IS NULL) = (owner IS NULL) AND (parked_at IS NULL OR next_run_at IS NULL)),
    CONSTRAINT payment_attempts_state CHECK (state IN ('authorized', 'captured', 'declined',
            'expired', 'late_success', 'not_charged', 'pending', 'requires_action', 'sending',
            'unknown', 'voided')),
    CONSTRAINT payment_attempts_proof CHECK ((state IN ('declined', 'not_charged', 'voided',
            'expired')) <= (proof IS NOT NULL)),
    CONSTRAINT payment_attempts_amount CHECK (amount > 0),
    CONSTRAINT payment_attempts_payment FOREIGN KEY(payment_id, mode) REFERENCES payments (id,
            mode),
    CONSTRAINT payment_attempts_gateway FOREIGN KEY(gateway_id, mode) REFERENCES gateways (id,
            mode),
    CONSTRAINT payment_attempts_number UNIQUE (payment_id, operation, number)
);

CREATE INDEX payment_attempts_due ON payment_attempts (wake_at) WHERE next_run_at IS NOT NULL;

CREATE UNIQUE INDEX payment_attempts_one_open_charge ON payment_attempts (payment_id) WHERE
        operation = 'charge' AND state NOT IN ('declined', 'expired', 'late_success', 'not_charged',
        'voided');

CREATE INDEX payment_attempts_parked ON payment_attempts (parked_at) WHERE parked_at IS NOT NULL;

CREATE INDEX payment_attempts_provider ON payment_attempts (gateway_id, provider_id);

CREATE TABLE attempt_facts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    attempt_id UUID NOT NULL,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    told JSONB NOT NULL,
    observed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(attempt_id) REFERENCES payment_attempts (id)
);

CREATE INDEX ix_attempt_facts_attempt_id ON attempt_facts (attempt_id);

CREATE TABLE transactions (
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    attempt_id UUID NOT NULL,
    type TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    gateway_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT transactions_once UNIQUE (attempt_id, type),
    CONSTRAINT transactions_amount CHECK (amount > 0),
    FOREIGN KEY(payment_id) REFERENCES payments (id),
    FOREIGN KEY(attempt_id) REFERENCES payment_attempts (id)
);

CREATE INDEX ix_transactions_payment_id ON transactions (payment_id);
"""


def upgrade() -> None:
    """Create every table, then its indexes."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Drop them in the opposite order. The books are gone after this: only for empty databases."""
    for name in reversed(NAMES):
        op.execute(f"DROP TABLE {name}")


NAMES = (
    "audit_chain",
    "audit_checkpoints",
    "audit_logs",
    "gateways",
    "idempotency_keys",
    "merchants",
    "outbox_events",
    "api_keys",
    "gateway_health",
    "gateway_routes",
    "payments",
    "webhook_events",
    "fraud_checks",
    "payment_attempts",
    "attempt_facts",
    "transactions",
)
