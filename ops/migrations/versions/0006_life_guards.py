"""What the database refuses of refunds, payouts and reviews by itself, and of payments since 0005."""

from importlib import import_module
from types import ModuleType

from alembic import op

revision = "0006"
down_revision = "0005"

#: The same tables as `domain.refund.REFUND_MOVES` and `domain.payout.PAYOUT_MOVES`; a test holds
#: them together. The moves of payments are those of 0002.
REFUND_MOVES = """
pending>processing pending>failed pending>cancelled
processing>succeeded processing>failed processing>cancelled
succeeded>failed
"""
PAYOUT_MOVES = """
pending>processing pending>failed
processing>succeeded processing>failed
succeeded>failed
"""

FUNCTIONS = """
CREATE OR REPLACE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.merchant_id, NEW.mode, NEW.kind, NEW.amount, NEW.currency, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.merchant_id, OLD.mode, OLD.kind, OLD.amount, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'payment %: what was asked for never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.amount_refund_pending > OLD.amount_refund_pending
       AND NEW.amount_refunded + NEW.amount_refund_pending + NEW.amount_reversed
           > NEW.amount_captured THEN
        RAISE EXCEPTION 'payment %: more is asked back than is left', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status <> OLD.status THEN
        IF NOT (OLD.status || '>' || NEW.status = ANY (string_to_array('{payment_moves}', ' '))) THEN
            RAISE EXCEPTION 'payment %: illegal move from % to %', OLD.id, OLD.status, NEW.status
                USING ERRCODE = 'check_violation';
        END IF;
        CASE NEW.status
            WHEN 'failed' THEN NEW.failed_at = clock_timestamp();
            WHEN 'refunded' THEN NEW.refunded_at = clock_timestamp();
            WHEN 'cancelled' THEN NEW.cancelled_at = clock_timestamp();
            WHEN 'expired' THEN NEW.expired_at = clock_timestamp();
            ELSE NULL;
        END CASE;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payment_id, NEW.refund_id, NEW.payout_id, NEW.merchant_id, NEW.mode,
        NEW.operation, NEW.number, NEW.gateway_id, NEW.amount, NEW.currency, NEW.target,
        NEW.captures, NEW.request, NEW.send_before, NEW.deadline_at, NEW.key_window_ends)
       IS DISTINCT FROM
       (OLD.id, OLD.payment_id, OLD.refund_id, OLD.payout_id, OLD.merchant_id, OLD.mode,
        OLD.operation, OLD.number, OLD.gateway_id, OLD.amount, OLD.currency, OLD.target,
        OLD.captures, OLD.request, OLD.send_before, OLD.deadline_at, OLD.key_window_ends) THEN
        RAISE EXCEPTION 'attempt %: an intent never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refunds_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Late money is given back in the currency it came in, whatever was asked for.
    IF NOT EXISTS (
        SELECT 1 FROM payment_attempts a
         WHERE a.id = NEW.charge_id AND a.payment_id = NEW.payment_id AND a.operation = 'charge'
           AND (NEW.kind = 'late' OR a.currency = NEW.currency)
    ) THEN
        RAISE EXCEPTION 'refund %: it is not of a charge of its payment', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refunds_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payment_id, NEW.charge_id, NEW.merchant_id, NEW.mode, NEW.amount, NEW.currency,
        NEW.kind, NEW.reason, NEW.requested_by, NEW.gateway_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.payment_id, OLD.charge_id, OLD.merchant_id, OLD.mode, OLD.amount, OLD.currency,
        OLD.kind, OLD.reason, OLD.requested_by, OLD.gateway_id, OLD.created_at) THEN
        RAISE EXCEPTION 'refund %: what was asked for never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status <> OLD.status
       AND NOT (OLD.status || '>' || NEW.status = ANY (string_to_array('{refund_moves}', ' '))) THEN
        RAISE EXCEPTION 'refund %: illegal move from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION payouts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.merchant_id, NEW.mode, NEW.amount, NEW.currency, NEW.country,
        NEW.destination_type, NEW.destination, NEW.customer_id, NEW.reference, NEW.created_at,
        NEW.expires_at)
       IS DISTINCT FROM
       (OLD.id, OLD.merchant_id, OLD.mode, OLD.amount, OLD.currency, OLD.country,
        OLD.destination_type, OLD.destination, OLD.customer_id, OLD.reference, OLD.created_at,
        OLD.expires_at) THEN
        RAISE EXCEPTION 'payout %: what was asked for never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status <> OLD.status
       AND NOT (OLD.status || '>' || NEW.status = ANY (string_to_array('{payout_moves}', ' '))) THEN
        RAISE EXCEPTION 'payout %: illegal move from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION review_cases_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decision IS NOT NULL THEN
        RAISE EXCEPTION 'case %: a decision is final', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.payment_id, NEW.attempt_id, NEW.kind, NEW.opened_at, NEW.found_amount,
        NEW.found_currency, NEW.found_held, NEW.found_ours)
       IS DISTINCT FROM
       (OLD.id, OLD.payment_id, OLD.attempt_id, OLD.kind, OLD.opened_at, OLD.found_amount,
        OLD.found_currency, OLD.found_held, OLD.found_ours) THEN
        RAISE EXCEPTION 'case %: a question never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refunds_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    about uuid;
BEGIN
    IF TG_TABLE_NAME = 'payments' THEN
        about = NEW.id;
    ELSE
        about = NEW.payment_id;
    END IF;
    PERFORM 1 FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id AND r.kind <> 'late'
      WHERE p.id = about GROUP BY p.id
      HAVING coalesce(sum(r.amount) FILTER (WHERE r.status IN ('pending', 'processing')), 0)
             = p.amount_refund_pending
         AND coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0) = p.amount_refunded;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'payment %: its refunds do not add up to its sums', about
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER refunds_begin BEFORE INSERT ON refunds
    FOR EACH ROW EXECUTE FUNCTION refunds_begin();

CREATE TRIGGER refunds_guard BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refunds_guard();

CREATE TRIGGER payouts_guard BEFORE UPDATE ON payouts
    FOR EACH ROW EXECUTE FUNCTION payouts_guard();

CREATE TRIGGER review_cases_guard BEFORE UPDATE ON review_cases
    FOR EACH ROW EXECUTE FUNCTION review_cases_guard();

-- At the commit, because a refund and its payment's sums are two statements.
CREATE CONSTRAINT TRIGGER refunds_add_up AFTER INSERT OR UPDATE OF status ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind <> 'late')
    EXECUTE FUNCTION refunds_add_up();

CREATE CONSTRAINT TRIGGER payments_add_up
    AFTER UPDATE OF amount_refunded, amount_refund_pending ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.amount_refunded, OLD.amount_refund_pending)
          IS DISTINCT FROM (NEW.amount_refunded, NEW.amount_refund_pending))
    EXECUTE FUNCTION refunds_add_up()
"""

#: Those that this version brings; the triggers go with their functions.
NEW = ("refunds_begin", "refunds_guard", "payouts_guard", "review_cases_guard", "refunds_add_up")
_REPLACED = ("CREATE FUNCTION payments_guard", "CREATE FUNCTION attempts_guard")


def upgrade() -> None:
    """Replace the guards that 0005 widened, then create those of its tables."""
    moves = (("payment", _before().MOVES), ("refund", REFUND_MOVES), ("payout", PAYOUT_MOVES))
    functions = FUNCTIONS
    for name, table in moves:
        functions = functions.replace(f"{{{name}_moves}}", " ".join(table.split()))
    for statement in functions.split(";\n\n"):
        op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Take the new guards away and give the old ones back their text."""
    for name in NEW:
        op.execute(f"DROP FUNCTION {name} CASCADE")
    before = _before()
    for statement in before.FUNCTIONS.split(";\n\n"):
        if statement.lstrip().startswith(_REPLACED):
            again = statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
            moves = " ".join(before.MOVES.split())
            op.execute(again.replace("{moves}", moves).replace(":", "\\:"))


def _before() -> ModuleType:
    return import_module("ops.migrations.versions.0002_guards")
