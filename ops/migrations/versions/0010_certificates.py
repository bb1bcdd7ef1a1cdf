"""Webhooks whose sender is proven by a certificate: the certificates, and who waits for one."""

from alembic import op

revision = "0010"
down_revision = "0009"

UP = """
CREATE TABLE webhook_certificates (
    gateway_id TEXT NOT NULL,
    url TEXT NOT NULL,
    pem BYTEA NOT NULL,
    not_after TIMESTAMP WITH TIME ZONE NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT webhook_certificates_pk PRIMARY KEY (gateway_id, url),
    FOREIGN KEY(gateway_id) REFERENCES gateways (id)
);

ALTER TABLE webhook_events
    ADD COLUMN headers BYTEA,
    DROP CONSTRAINT webhook_events_status,
    ADD CONSTRAINT webhook_events_status
        CHECK (status IN ('orphan', 'processed', 'received', 'unverified')),
    ADD CONSTRAINT webhook_events_headers
        CHECK (status <> 'unverified' OR headers IS NOT NULL);

CREATE INDEX webhook_events_unverified ON webhook_events (gateway_id)
    WHERE status = 'unverified';
"""

#: Who is not proven yet is nobody's word: without certificates it never will be.
DOWN = """
DELETE FROM webhook_events WHERE status = 'unverified';

DROP INDEX webhook_events_unverified;

ALTER TABLE webhook_events
    DROP CONSTRAINT webhook_events_headers,
    DROP COLUMN headers,
    DROP CONSTRAINT webhook_events_status,
    ADD CONSTRAINT webhook_events_status CHECK (status IN ('orphan', 'processed', 'received'));

DROP TABLE webhook_certificates;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away again."""
    op.execute(DOWN)
