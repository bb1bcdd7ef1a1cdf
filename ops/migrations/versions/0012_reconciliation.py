"""Reconciliation: the windows that were compared with a provider's list, and what differed."""

from alembic import op

revision = "0012"
down_revision = "0011"

UP = """
CREATE TABLE reconciliation_runs (
    id UUID NOT NULL,
    gateway_id TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_by TEXT NOT NULL,
    status TEXT DEFAULT 'due' NOT NULL,
    method TEXT,
    cause TEXT,
    split_from UUID,
    listed INTEGER DEFAULT 0 NOT NULL,
    compared INTEGER DEFAULT 0 NOT NULL,
    differing INTEGER DEFAULT 0 NOT NULL,
    settled INTEGER DEFAULT 0 NOT NULL,
    unjudged INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    next_run_at TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    lease_token BIGINT DEFAULT 0 NOT NULL,
    starts INTEGER DEFAULT 0 NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    request_id TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT reconciliation_runs_status CHECK (status IN ('done', 'due', 'failed', 'split')),
    CONSTRAINT reconciliation_runs_method CHECK (method IN ('asked', 'listed')),
    CONSTRAINT reconciliation_runs_window CHECK (since < until),
    CONSTRAINT reconciliation_runs_finished
        CHECK ((status = 'due') = (finished_at IS NULL)
               AND (status = 'due') = (next_run_at IS NOT NULL)
               AND (status <> 'done' OR method IS NOT NULL)),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id) ON DELETE CASCADE,
    FOREIGN KEY(split_from) REFERENCES reconciliation_runs (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX reconciliation_runs_daily ON reconciliation_runs (gateway_id, since, until)
    WHERE asked_by = 'clock';
CREATE INDEX reconciliation_runs_due ON reconciliation_runs (next_run_at) WHERE status = 'due';
CREATE INDEX reconciliation_runs_split ON reconciliation_runs (split_from)
    WHERE split_from IS NOT NULL;

CREATE TABLE reconciliation_items (
    id UUID NOT NULL,
    run_id UUID NOT NULL,
    seen_by UUID NOT NULL,
    gateway_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    move TEXT NOT NULL,
    subject TEXT NOT NULL,
    payment_id UUID,
    payout_id UUID,
    attempt_id UUID,
    reference TEXT,
    provider_id TEXT,
    ours JSONB,
    theirs JSONB,
    reason TEXT NOT NULL,
    owner TEXT DEFAULT 'operations' NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolution TEXT,
    PRIMARY KEY (id),
    CONSTRAINT reconciliation_items_kind
        CHECK (kind IN ('amount', 'currency', 'missing_here', 'missing_there', 'status')),
    CONSTRAINT reconciliation_items_move
        CHECK (move IN ('charge', 'chargeback', 'payout', 'payout_failure', 'refund',
                        'refund_failure')),
    CONSTRAINT reconciliation_items_sides CHECK (num_nonnulls(ours, theirs) > 0),
    CONSTRAINT reconciliation_items_resolved
        CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
    FOREIGN KEY(run_id) REFERENCES reconciliation_runs (id),
    FOREIGN KEY(seen_by) REFERENCES reconciliation_runs (id),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id),
    FOREIGN KEY(payment_id) REFERENCES payments (id),
    FOREIGN KEY(payout_id) REFERENCES payouts (id),
    FOREIGN KEY(attempt_id) REFERENCES payment_attempts (id)
);

CREATE UNIQUE INDEX reconciliation_items_one_open
    ON reconciliation_items (gateway_id, subject, kind) WHERE resolved_at IS NULL;
CREATE INDEX reconciliation_items_seen ON reconciliation_items (seen_by);

CREATE INDEX transactions_by_time ON transactions USING brin (created_at);
CREATE INDEX payment_attempts_by_time ON payment_attempts USING brin (created_at);
"""

DOWN = """
DROP INDEX payment_attempts_by_time;
DROP INDEX transactions_by_time;
DROP TABLE reconciliation_items;
DROP TABLE reconciliation_runs;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away again."""
    op.execute(DOWN)
