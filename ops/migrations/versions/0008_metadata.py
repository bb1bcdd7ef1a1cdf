"""Payments are found by their metadata; those without any cost the index nothing."""

from alembic import op

revision = "0008"
down_revision = "0007"

UP = """
CREATE INDEX payments_by_metadata ON payments USING gin (metadata jsonb_path_ops)
    WHERE metadata <> '{}'
"""


def upgrade() -> None:
    """Build the index."""
    op.execute(UP)


def downgrade() -> None:
    """Take it away again."""
    op.execute("DROP INDEX payments_by_metadata")
