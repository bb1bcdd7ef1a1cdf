"""The whole life of a payment: captures, refunds, payouts, reviews."""

from alembic import op

revision = "0005"
down_revision = "0004"

#: With constant defaults, so that no row is rewritten and nobody waits.
PAYMENTS = """
ALTER TABLE payments
    ADD COLUMN kind TEXT DEFAULT 'checkout' NOT NULL,
    ADD COLUMN capture_method TEXT DEFAULT 'automatic' NOT NULL,
    ADD COLUMN confirmed BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN customer_id UUID,
    ADD COLUMN method_id UUID REFERENCES payment_methods (id),
    ADD COLUMN amount_reversed BIGINT DEFAULT 0 NOT NULL,
    ADD COLUMN capture_amount BIGINT,
    ADD COLUMN ending TEXT,
    ADD COLUMN review TEXT,
    ADD COLUMN authorized_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN authorization_expires_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN refunded_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN failed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN cancelled_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN expired_at TIMESTAMP WITH TIME ZONE,
    DROP CONSTRAINT payments_sums,
    DROP CONSTRAINT payments_captured,
    ADD CONSTRAINT payments_sums CHECK (
        amount_refunded >= 0 AND amount_refund_pending >= 0 AND amount_reversed >= 0
        AND amount_refunded + amount_refund_pending <= amount_captured
        AND amount_reversed <= amount_captured
        AND amount_captured <= amount_authorized AND amount_authorized <= amount
    ),
    ADD CONSTRAINT payments_capture_amount CHECK (capture_amount BETWEEN 0 AND amount),
    ADD CONSTRAINT payments_capture_method CHECK (capture_method IN ('automatic', 'manual')),
    ADD CONSTRAINT payments_ending CHECK (ending IN ('cancelled', 'expired', 'failed')),
    ADD CONSTRAINT payments_review CHECK (review IN ('approved', 'open', 'rejected')),
    ADD CONSTRAINT payments_captured CHECK (
        (status IN ('captured', 'partially_refunded', 'refunded', 'reversed'))
        <= (amount_captured > 0)
    ),
    ADD CONSTRAINT payments_customer FOREIGN KEY (customer_id, merchant_id, mode)
        REFERENCES customers (id, merchant_id, mode),
    ADD CONSTRAINT payments_owned UNIQUE (id, merchant_id, mode);
"""

ORDERS = """
CREATE TABLE refunds (
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    charge_id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    gateway_id TEXT NOT NULL,
    failure_code TEXT,
    failure_reason TEXT,
    runs INTEGER DEFAULT 0 NOT NULL,
    processed_at TIMESTAMP WITH TIME ZONE,
    request_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
    CONSTRAINT refunds_parked CHECK (
        (parked_at IS NULL) = (parked_reason IS NULL) AND (parked_at IS NULL) = (owner IS NULL)
        AND (parked_at IS NULL OR next_run_at IS NULL)
    ),
    CONSTRAINT refunds_amount CHECK (amount > 0),
    CONSTRAINT refunds_kind CHECK (kind IN ('late', 'refund', 'reversal')),
    CONSTRAINT refunds_status
        CHECK (status IN ('cancelled', 'failed', 'pending', 'processing', 'succeeded')),
    CONSTRAINT refunds_mode CHECK (mode IN ('live', 'test')),
    CONSTRAINT refunds_payment FOREIGN KEY(payment_id, merchant_id, mode)
        REFERENCES payments (id, merchant_id, mode),
    CONSTRAINT refunds_gateway FOREIGN KEY(gateway_id, mode) REFERENCES gateways (id, mode),
    CONSTRAINT refunds_of_payment UNIQUE (id, payment_id),
    FOREIGN KEY(charge_id) REFERENCES payment_attempts (id)
);

CREATE INDEX ix_refunds_payment_id ON refunds (payment_id);

CREATE INDEX refunds_by_merchant ON refunds (merchant_id, mode, id);

CREATE INDEX refunds_due ON refunds (wake_at) WHERE next_run_at IS NOT NULL;

CREATE UNIQUE INDEX refunds_late_once ON refunds (charge_id) WHERE kind = 'late';

CREATE INDEX refunds_parked ON refunds (parked_at) WHERE parked_at IS NOT NULL;

CREATE TABLE payouts (
    id UUID NOT NULL,
    merchant_id UUID NOT NULL,
    mode TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    country TEXT,
    destination_type TEXT NOT NULL,
    destination BYTEA NOT NULL,
    details BYTEA NOT NULL,
    customer_id UUID,
    preference TEXT,
    reference TEXT,
    description TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    status TEXT NOT NULL,
    gateway_id TEXT,
    failure_code TEXT,
    failure_reason TEXT,
    runs INTEGER DEFAULT 0 NOT NULL,
    skipped JSONB DEFAULT '{}' NOT NULL,
    processed_at TIMESTAMP WITH TIME ZONE,
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
    CONSTRAINT payouts_parked CHECK (
        (parked_at IS NULL) = (parked_reason IS NULL) AND (parked_at IS NULL) = (owner IS NULL)
        AND (parked_at IS NULL OR next_run_at IS NULL)
    ),
    CONSTRAINT payouts_amount CHECK (amount > 0),
    CONSTRAINT payouts_status CHECK (status IN ('failed', 'pending', 'processing', 'succeeded')),
    CONSTRAINT payouts_mode CHECK (mode IN ('live', 'test')),
    CONSTRAINT payouts_customer FOREIGN KEY(customer_id, merchant_id, mode)
        REFERENCES customers (id, merchant_id, mode),
    CONSTRAINT payouts_gateway FOREIGN KEY(gateway_id, mode) REFERENCES gateways (id, mode),
    CONSTRAINT payouts_owned UNIQUE (id, merchant_id, mode),
    FOREIGN KEY(merchant_id) REFERENCES merchants (id)
);

CREATE INDEX payouts_by_merchant ON payouts (merchant_id, mode, id);

CREATE INDEX payouts_due ON payouts (wake_at) WHERE next_run_at IS NOT NULL;

CREATE INDEX payouts_parked ON payouts (parked_at) WHERE parked_at IS NOT NULL;

CREATE TABLE review_cases (
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    attempt_id UUID,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    found_amount BIGINT,
    found_currency TEXT,
    found_held BOOLEAN DEFAULT false NOT NULL,
    found_ours BOOLEAN DEFAULT true NOT NULL,
    provider_id TEXT,
    decision TEXT,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    PRIMARY KEY (id),
    CONSTRAINT review_cases_kind CHECK (kind IN ('contradiction', 'fraud', 'mismatch')),
    CONSTRAINT review_cases_decision CHECK (decision IN ('approved', 'rejected', 'timed_out')),
    CONSTRAINT review_cases_found
        CHECK (num_nonnulls(found_amount, found_currency) IN (0, 2) AND found_amount >= 0),
    CONSTRAINT review_cases_decided
        CHECK (num_nonnulls(decision, decided_by, decided_at) IN (0, 3)),
    FOREIGN KEY(payment_id) REFERENCES payments (id),
    FOREIGN KEY(attempt_id) REFERENCES payment_attempts (id)
);

CREATE INDEX ix_review_cases_payment_id ON review_cases (payment_id);

CREATE UNIQUE INDEX review_cases_one_open ON review_cases (payment_id, kind)
    WHERE decision IS NULL;
"""

#: What was known of an attempt's money before there were columns for it: its transactions.
ATTEMPTS = """
ALTER TABLE payment_attempts
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN refund_id UUID,
    ADD COLUMN payout_id UUID,
    ADD COLUMN target TEXT,
    ADD COLUMN captures BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN held BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN released BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN captured BIGINT DEFAULT 0 NOT NULL,
    DROP CONSTRAINT payment_attempts_amount,
    DROP CONSTRAINT payment_attempts_payment,
    DROP CONSTRAINT payment_attempts_state,
    ADD CONSTRAINT payment_attempts_state CHECK (
        state IN ('authorized', 'captured', 'declined', 'expired', 'late_success', 'not_charged',
        'pending', 'requires_action', 'returned', 'reversed', 'sending', 'succeeded', 'unknown',
        'voided')
    ),
    ADD CONSTRAINT payment_attempts_operation
        CHECK (operation IN ('capture', 'charge', 'payout', 'refund', 'void')),
    ADD CONSTRAINT payment_attempts_amount CHECK (amount > 0 AND captured >= 0),
    ADD CONSTRAINT payment_attempts_root CHECK (
        num_nonnulls(payment_id, payout_id) = 1
        AND (operation = 'payout') = (payout_id IS NOT NULL)
        AND (refund_id IS NULL OR payment_id IS NOT NULL)
        AND CASE operation WHEN 'refund' THEN refund_id IS NOT NULL
        WHEN 'void' THEN true ELSE refund_id IS NULL END
    ),
    ADD CONSTRAINT payment_attempts_payment FOREIGN KEY (payment_id, merchant_id, mode)
        REFERENCES payments (id, merchant_id, mode),
    ADD CONSTRAINT payment_attempts_refund FOREIGN KEY (refund_id, payment_id)
        REFERENCES refunds (id, payment_id),
    ADD CONSTRAINT payment_attempts_payout FOREIGN KEY (payout_id, merchant_id, mode)
        REFERENCES payouts (id, merchant_id, mode),
    ADD CONSTRAINT payment_attempts_payout_number UNIQUE (payout_id, number);

CREATE UNIQUE INDEX payment_attempts_one_open_hold ON payment_attempts (payment_id)
    WHERE operation IN ('capture', 'void') AND refund_id IS NULL
    AND state NOT IN ('declined', 'expired', 'late_success', 'not_charged', 'voided');

CREATE UNIQUE INDEX payment_attempts_one_open_refund ON payment_attempts (refund_id)
    WHERE refund_id IS NOT NULL
    AND state NOT IN ('declined', 'expired', 'late_success', 'not_charged', 'voided');

CREATE UNIQUE INDEX payment_attempts_one_open_payout ON payment_attempts (payout_id)
    WHERE payout_id IS NOT NULL
    AND state NOT IN ('declined', 'expired', 'late_success', 'not_charged', 'voided');

ALTER TABLE payments DROP CONSTRAINT payments_id_mode;

ALTER TABLE transactions
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN refund_id UUID REFERENCES refunds (id),
    ADD COLUMN payout_id UUID REFERENCES payouts (id),
    ADD COLUMN total BIGINT,
    DROP CONSTRAINT transactions_once,
    DROP CONSTRAINT transactions_amount,
    DISABLE TRIGGER transactions_append_only;

UPDATE transactions SET total = amount;

ALTER TABLE transactions
    ENABLE TRIGGER transactions_append_only,
    ALTER COLUMN total SET NOT NULL,
    ADD CONSTRAINT transactions_once UNIQUE (attempt_id, type, total),
    ADD CONSTRAINT transactions_amount CHECK (amount > 0 AND total >= amount),
    ADD CONSTRAINT transactions_root CHECK (num_nonnulls(payment_id, payout_id) = 1);

CREATE INDEX ix_transactions_payout_id ON transactions (payout_id);

UPDATE payment_attempts a SET held = true
  FROM transactions t WHERE t.attempt_id = a.id AND t.type = 'authorization';

UPDATE payment_attempts a SET captured = t.amount
  FROM transactions t WHERE t.attempt_id = a.id AND t.type IN ('capture', 'sale');
"""

#: Back to what 0001 knew; rows that only this version can hold make it fail, which is right.
DOWN = """
ALTER TABLE transactions
    DROP CONSTRAINT transactions_root,
    DROP CONSTRAINT transactions_once,
    DROP CONSTRAINT transactions_amount,
    DROP COLUMN total,
    DROP COLUMN refund_id,
    DROP COLUMN payout_id,
    ALTER COLUMN payment_id SET NOT NULL,
    ADD CONSTRAINT transactions_once UNIQUE (attempt_id, type),
    ADD CONSTRAINT transactions_amount CHECK (amount > 0);

ALTER TABLE payments ADD CONSTRAINT payments_id_mode UNIQUE (id, mode);

ALTER TABLE payment_attempts
    DROP CONSTRAINT payment_attempts_root,
    DROP CONSTRAINT payment_attempts_payment,
    DROP CONSTRAINT payment_attempts_operation,
    DROP CONSTRAINT payment_attempts_state,
    DROP CONSTRAINT payment_attempts_amount,
    DROP COLUMN refund_id,
    DROP COLUMN payout_id,
    DROP COLUMN target,
    DROP COLUMN captures,
    DROP COLUMN held,
    DROP COLUMN released,
    DROP COLUMN captured,
    ALTER COLUMN payment_id SET NOT NULL,
    ADD CONSTRAINT payment_attempts_state CHECK (
        state IN ('authorized', 'captured', 'declined', 'expired', 'late_success', 'not_charged',
        'pending', 'requires_action', 'sending', 'unknown', 'voided')
    ),
    ADD CONSTRAINT payment_attempts_amount CHECK (amount > 0),
    ADD CONSTRAINT payment_attempts_payment FOREIGN KEY (payment_id, mode)
        REFERENCES payments (id, mode);

DROP TABLE review_cases;

DROP TABLE payouts;

DROP TABLE refunds;

ALTER TABLE payments
    DROP CONSTRAINT payments_sums,
    DROP CONSTRAINT payments_captured,
    DROP CONSTRAINT payments_owned,
    DROP COLUMN kind,
    DROP COLUMN capture_method,
    DROP COLUMN confirmed,
    DROP COLUMN customer_id,
    DROP COLUMN method_id,
    DROP COLUMN amount_reversed,
    DROP COLUMN capture_amount,
    DROP COLUMN ending,
    DROP COLUMN review,
    DROP COLUMN authorized_at,
    DROP COLUMN authorization_expires_at,
    DROP COLUMN refunded_at,
    DROP COLUMN failed_at,
    DROP COLUMN cancelled_at,
    DROP COLUMN expired_at,
    ADD CONSTRAINT payments_sums CHECK (
        amount_refunded >= 0 AND amount_refund_pending >= 0
        AND amount_refunded + amount_refund_pending <= amount_captured
        AND amount_captured <= amount_authorized AND amount_authorized <= amount
    ),
    ADD CONSTRAINT payments_captured CHECK ((status = 'captured') <= (amount_captured > 0));
"""


def upgrade() -> None:
    """Widen the payments, create the orders, then widen what refers to both."""
    _run(PAYMENTS + ORDERS + ATTEMPTS)


def downgrade() -> None:
    """Take all of it away again. Refunds, payouts and cases are gone after this."""
    _run(DOWN)


def _run(statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            op.execute(statement)
