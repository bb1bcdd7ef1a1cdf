"""Split operations: an object first, its money second. What may change in between, and only once."""

from alembic import op

revision = "0009"
down_revision = "0008"

COLUMN = "ALTER TABLE payment_attempts ADD COLUMN confirming BOOLEAN NOT NULL DEFAULT true"

#: What an intent is made of: it never changes.
INTENT = (
    "id, payment_id, refund_id, payout_id, merchant_id, mode, operation, number, gateway_id,"
    " amount, currency, target, captures, request"
)
#: The times of a call. The one that moves money gets its own, when it is allowed to be sent.
TIMES = "send_before, deadline_at, key_window_ends"

GUARD = """
CREATE OR REPLACE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({new_intent}) IS DISTINCT FROM ({old_intent}) THEN
        RAISE EXCEPTION 'attempt %: an intent never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (NEW.confirming AND NOT OLD.confirming)
       AND ({new_times}) IS DISTINCT FROM ({old_times}) THEN
        RAISE EXCEPTION 'attempt %: its times never change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""

BEFORE = """
CREATE OR REPLACE FUNCTION attempts_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({new_intent}) IS DISTINCT FROM ({old_intent}) THEN
        RAISE EXCEPTION 'attempt %: an intent never changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _columns(row: str, names: str) -> str:
    return ", ".join(f"{row}.{name.strip()}" for name in names.split(","))


def upgrade() -> None:
    """Let an attempt be confirmed once."""
    op.execute(COLUMN)
    times = f"confirming, {TIMES}"
    op.execute(
        GUARD.format(
            new_intent=_columns("NEW", INTENT),
            old_intent=_columns("OLD", INTENT),
            new_times=_columns("NEW", times),
            old_times=_columns("OLD", times),
        )
    )


def downgrade() -> None:
    """Forbid it again. Attempts that are not confirmed lose the proof that they moved no money, and
    are looked up like all others."""
    whole = f"{INTENT}, {TIMES}"
    op.execute(BEFORE.format(new_intent=_columns("NEW", whole), old_intent=_columns("OLD", whole)))
    op.execute("ALTER TABLE payment_attempts DROP COLUMN confirming")
