"""Operators who may settle parked rows by evidence, and how often each card was tried."""

from alembic import op

revision = "0011"
down_revision = "0010"

UP = """
CREATE TABLE operators (
    name TEXT NOT NULL,
    token_mac BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (name),
    CONSTRAINT operators_token_mac_key UNIQUE (token_mac),
    CONSTRAINT operators_name CHECK (name ~ '^[a-z][a-z0-9-]{1,39}$'),
    CONSTRAINT operators_token_mac CHECK (length(token_mac) = 32)
);

ALTER TABLE payment_attempts
    ADD COLUMN card BYTEA,
    ADD CONSTRAINT payment_attempts_card
        CHECK (card IS NULL OR (operation = 'charge' AND length(card) = 32));

CREATE INDEX payment_attempts_tries ON payment_attempts (card, created_at)
    WHERE card IS NOT NULL AND state IN ('declined', 'sending', 'unknown');
"""

DOWN = """
DROP INDEX payment_attempts_tries;

ALTER TABLE payment_attempts
    DROP CONSTRAINT payment_attempts_card,
    DROP COLUMN card;

DROP TABLE operators;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away again."""
    op.execute(DOWN)
