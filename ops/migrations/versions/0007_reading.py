"""What the door's lists stand on: whose a transaction is, and an index for each list."""

from alembic import op

revision = "0007"
down_revision = "0006"

#: A transaction is its attempt's merchant's, whoever writes it (law 15).
OWNER = """
CREATE FUNCTION transactions_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT merchant_id, mode INTO NEW.merchant_id, NEW.mode
      FROM payment_attempts WHERE id = NEW.attempt_id;
    RETURN NEW;
END $$
"""

UP = """
ALTER TABLE transactions
    ADD COLUMN merchant_id UUID,
    ADD COLUMN mode TEXT,
    DISABLE TRIGGER transactions_append_only;

UPDATE transactions t SET merchant_id = a.merchant_id, mode = a.mode
  FROM payment_attempts a WHERE a.id = t.attempt_id;

ALTER TABLE transactions
    ENABLE TRIGGER transactions_append_only,
    ALTER COLUMN merchant_id SET NOT NULL,
    ALTER COLUMN mode SET NOT NULL;

CREATE TRIGGER transactions_owner BEFORE INSERT ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_owner();

CREATE INDEX transactions_by_merchant ON transactions (merchant_id, mode, id);

CREATE INDEX payments_by_status ON payments (merchant_id, mode, status, id);

CREATE INDEX payments_by_order ON payments (merchant_id, mode, order_id, id)
    WHERE order_id IS NOT NULL;

CREATE INDEX payments_by_customer ON payments (customer_id, id) WHERE customer_id IS NOT NULL;
"""

DOWN = """
DROP FUNCTION transactions_owner CASCADE;

DROP INDEX payments_by_customer;

DROP INDEX payments_by_order;

DROP INDEX payments_by_status;

ALTER TABLE transactions DROP COLUMN merchant_id, DROP COLUMN mode;
"""


def upgrade() -> None:
    """Give every transaction its owner, then build the indexes."""
    op.execute(OWNER)
    _run(UP)


def downgrade() -> None:
    """Take both away again."""
    _run(DOWN)


def _run(statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            op.execute(statement)
