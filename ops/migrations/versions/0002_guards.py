"""What the database itself refuses: illegal moves, rewritten history, another provider account."""

from alembic import op

revision = "0002"
down_revision = "0001"

#: The same table as `domain.payment.MOVES`; a test holds the two together.
MOVES = """
pending>in_review pending>processing pending>cancelled pending>expired pending>failed
in_review>authorized in_review>captured in_review>processing in_review>cancelled
in_review>failed in_review>expired
processing>in_review processing>requires_action processing>authorized processing>captured
processing>failed processing>cancelled processing>expired
requires_action>in_review requires_action>processing requires_action>authorized
requires_action>captured requires_action>failed requires_action>cancelled
requires_action>expired
authorized>in_review authorized>captured authorized>cancelled authorized>expired
authorized>failed
captured>partially_refunded captured>refunded captured>reversed
partially_refunded>refunded partially_refunded>captured partially_refunded>reversed
refunded>captured refunded>partially_refunded refunded>reversed
"""

FUNCTIONS = """
CREATE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.merchant_id, NEW.mode, NEW.amount, NEW.currency, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.merchant_id, OLD.mode, OLD.amount, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'payment %: what was asked for never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status <> OLD.status
       AND NOT (OLD.status || '>' || NEW.status = ANY (string_to_array('{moves}', ' '))) THEN
        RAISE EXCEPTION 'payment %: illegal move from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payment_id, NEW.mode, NEW.operation, NEW.number, NEW.gateway_id, NEW.amount,
        NEW.currency, NEW.request, NEW.send_before, NEW.deadline_at, NEW.key_window_ends)
       IS DISTINCT FROM
       (OLD.id, OLD.payment_id, OLD.mode, OLD.operation, OLD.number, OLD.gateway_id, OLD.amount,
        OLD.currency, OLD.request, OLD.send_before, OLD.deadline_at, OLD.key_window_ends) THEN
        RAISE EXCEPTION 'attempt %: an intent never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION gateways_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.provider, NEW.mode) IS DISTINCT FROM (OLD.id, OLD.provider, OLD.mode) THEN
        RAISE EXCEPTION 'gateway %: another account is another gateway', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION lease_is_free(until timestamptz, owner bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF until IS NULL OR until <= clock_timestamp() THEN
        RETURN true;
    END IF;
    -- A living worker holds this lock for as long as its session lives.
    RETURN pg_try_advisory_xact_lock_shared(owner);
END $$;

CREATE TRIGGER payments_guard BEFORE UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_guard();

CREATE TRIGGER attempts_guard BEFORE UPDATE ON payment_attempts
    FOR EACH ROW EXECUTE FUNCTION attempts_guard();

CREATE TRIGGER gateways_guard BEFORE UPDATE ON gateways
    FOR EACH ROW EXECUTE FUNCTION gateways_guard()
"""

APPEND_ONLY = (
    "attempt_facts",
    "audit_chain",
    "audit_checkpoints",
    "audit_logs",
    "transactions",
)


def upgrade() -> None:
    """Create the functions, then the triggers that call them."""
    for statement in FUNCTIONS.split(";\n\n"):
        op.execute(statement.replace("{moves}", " ".join(MOVES.split())).replace(":", "\\:"))
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )


def downgrade() -> None:
    """Take the guards away; the triggers go with their functions."""
    for name in ("payments_guard", "attempts_guard", "gateways_guard", "append_only"):
        op.execute(f"DROP FUNCTION {name} CASCADE")
    op.execute("DROP FUNCTION lease_is_free")
