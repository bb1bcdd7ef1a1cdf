"""Payments, their attempts, and the evidence of what providers did."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from domain.attempt import HARMLESS, TRIES, Operation, State
from domain.payment import INACTIVE, PAID, CaptureMethod, Mode, Review, Status
from ops.store.columns import amount, due, due_index, due_laws, listed, moment, one_of
from ops.store.tables.metadata import metadata


def _one_open(name: str, column: str, which: str) -> Index:
    """At most one attempt of this kind may move money, or have moved it."""
    return Index(
        f"payment_attempts_one_open_{name}",
        column,
        unique=True,
        postgresql_where=text(f"{which} AND state NOT IN ({listed(HARMLESS)})"),
    )


# The aggregate a merchant asked for. `details` seals the token and the customer's personal data.
payments = Table(
    "payments",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("order_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("country", Text),
    Column("method_type", Text, nullable=False),
    Column("preference", Text),
    Column("details", LargeBinary, nullable=False),
    Column("description", Text),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("kind", Text, nullable=False, server_default=text("'checkout'")),
    Column("capture_method", Text, nullable=False, server_default=text("'automatic'")),
    Column("confirmed", Boolean, nullable=False, server_default=text("true")),
    Column("customer_id", UUID(as_uuid=True)),
    Column("method_id", ForeignKey("payment_methods.id")),
    Column("status", Text, nullable=False),
    amount("amount_authorized"),
    amount("amount_captured"),
    amount("amount_refunded"),
    amount("amount_refund_pending"),
    amount("amount_reversed"),
    Column("capture_amount", BigInteger),
    Column("ending", Text),
    Column("review", Text),
    Column("gateway_id", ForeignKey("gateways.id")),
    Column("action_url", LargeBinary),
    Column("failure_code", Text),
    Column("failure_reason", Text),
    Column("risk_score", Text),
    Column("risk_level", Text),
    Column("wants_3ds", Boolean, nullable=False, server_default=text("false")),
    Column("next_command", Text, nullable=False),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("skipped", JSONB, nullable=False, server_default=text("'{}'")),
    moment("cancel_requested_at"),
    moment("authorized_at"),
    moment("authorization_expires_at"),
    moment("captured_at"),
    # A trigger keeps these: when the payment last came to this status.
    moment("refunded_at"),
    moment("failed_at"),
    moment("cancelled_at"),
    moment("expired_at"),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False),
    moment("expires_at", null=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    *due(),
    *due_laws("payments"),
    CheckConstraint("amount > 0", name="payments_amount"),
    # A request may never ask back more than is left (a trigger sees to it); a provider may take
    # back what has been refunded already, and its word must be written down.
    CheckConstraint(
        "amount_refunded >= 0 AND amount_refund_pending >= 0 AND amount_reversed >= 0"
        " AND amount_refunded + amount_refund_pending <= amount_captured"
        " AND amount_reversed <= amount_captured"
        " AND amount_captured <= amount_authorized AND amount_authorized <= amount",
        name="payments_sums",
    ),
    CheckConstraint("capture_amount BETWEEN 0 AND amount", name="payments_capture_amount"),
    one_of("status", Status, "payments_status"),
    one_of("mode", Mode, "payments_mode"),
    one_of("capture_method", CaptureMethod, "payments_capture_method"),
    one_of("ending", INACTIVE, "payments_ending"),
    one_of("review", Review, "payments_review"),
    CheckConstraint(
        f"(status IN ({listed(PAID)})) <= (amount_captured > 0)", name="payments_captured"
    ),
    ForeignKeyConstraint(
        ["customer_id", "merchant_id", "mode"],
        ["customers.id", "customers.merchant_id", "customers.mode"],
        name="payments_customer",
    ),
    # What attempts and refunds point at: nobody else's payment fits them.
    UniqueConstraint("id", "merchant_id", "mode", name="payments_owned"),
    Index(
        "payments_active_order",
        "merchant_id",
        "mode",
        "order_id",
        unique=True,
        postgresql_where=text(f"order_id IS NOT NULL AND status NOT IN ({listed(INACTIVE)})"),
    ),
    Index("payments_by_merchant", "merchant_id", "mode", "id"),
    Index("payments_by_status", "merchant_id", "mode", "status", "id"),
    Index(
        "payments_by_order",
        "merchant_id",
        "mode",
        "order_id",
        "id",
        postgresql_where=text("order_id IS NOT NULL"),
    ),
    Index(
        "payments_by_customer",
        "customer_id",
        "id",
        postgresql_where=text("customer_id IS NOT NULL"),
    ),
    # Every change of a row writes its index entries again: payments without metadata have none.
    Index(
        "payments_by_metadata",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
        postgresql_where=text("metadata <> '{}'"),
    ),
    Index("payments_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payments"),
)

# One try of one money operation, written down before a byte is sent. Each of its partial unique
# indexes is law 1 for one kind: another try needs the first proven harmless.
payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", UUID(as_uuid=True)),
    Column("refund_id", UUID(as_uuid=True)),
    Column("payout_id", UUID(as_uuid=True)),
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("adapter_version", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("target", Text),
    Column("captures", Boolean, nullable=False, server_default=text("true")),
    # Whether the call that moves the money may have been sent; see the trigger in 0009.
    Column("confirming", Boolean, nullable=False, server_default=text("true")),
    Column("state", Text, nullable=False),
    Column("held", Boolean, nullable=False, server_default=text("false")),
    Column("released", Boolean, nullable=False, server_default=text("false")),
    amount("captured"),
    Column("request", LargeBinary, nullable=False),
    Column("provider_id", Text),
    Column("proof", Text),
    Column("code", Text),
    Column("cause", Text),
    Column("polls", Integer, nullable=False, server_default=text("0")),
    moment("send_before", null=False),
    moment("deadline_at", null=False),
    moment("key_window_ends", null=False),
    moment("created_at", null=False),
    moment("finished_at"),
    Column("request_id", Text, nullable=False),
    # The card's name in its scheme's counts (see `domain.schemes`): a digest, of charges only.
    Column("card", LargeBinary),
    *due(),
    *due_laws("payment_attempts"),
    one_of("state", State, "payment_attempts_state"),
    one_of("operation", Operation, "payment_attempts_operation"),
    CheckConstraint(
        "(state IN ('declined', 'not_charged', 'voided', 'expired')) <= (proof IS NOT NULL)",
        name="payment_attempts_proof",
    ),
    CheckConstraint("amount > 0 AND captured >= 0", name="payment_attempts_amount"),
    CheckConstraint(
        "card IS NULL OR (operation = 'charge' AND length(card) = 32)",
        name="payment_attempts_card",
    ),
    CheckConstraint(
        "num_nonnulls(payment_id, payout_id) = 1"
        " AND (operation = 'payout') = (payout_id IS NOT NULL)"
        " AND (refund_id IS NULL OR payment_id IS NOT NULL)"
        " AND CASE operation WHEN 'refund' THEN refund_id IS NOT NULL"
        " WHEN 'void' THEN true ELSE refund_id IS NULL END",
        name="payment_attempts_root",
    ),
    ForeignKeyConstraint(
        ["payment_id", "merchant_id", "mode"],
        ["payments.id", "payments.merchant_id", "payments.mode"],
        name="payment_attempts_payment",
    ),
    # A refund names its charge and an attempt its refund: this one is added after both tables.
    ForeignKeyConstraint(
        ["refund_id", "payment_id"],
        ["refunds.id", "refunds.payment_id"],
        name="payment_attempts_refund",
        use_alter=True,
    ),
    ForeignKeyConstraint(
        ["payout_id", "merchant_id", "mode"],
        ["payouts.id", "payouts.merchant_id", "payouts.mode"],
        name="payment_attempts_payout",
    ),
    ForeignKeyConstraint(
        ["gateway_id", "mode"], ["gateways.id", "gateways.mode"], name="payment_attempts_gateway"
    ),
    UniqueConstraint("payment_id", "operation", "number", name="payment_attempts_number"),
    UniqueConstraint("payout_id", "number", name="payment_attempts_payout_number"),
    _one_open("charge", "payment_id", "operation = 'charge'"),
    _one_open("hold", "payment_id", "operation IN ('capture', 'void') AND refund_id IS NULL"),
    _one_open("refund", "refund_id", "refund_id IS NOT NULL"),
    _one_open("payout", "payout_id", "payout_id IS NOT NULL"),
    Index("payment_attempts_provider", "gateway_id", "provider_id"),
    # A scheme's tries of a card: what was paid leaves it again, so it stays as small as the trouble.
    Index(
        "payment_attempts_tries",
        "card",
        "created_at",
        postgresql_where=text(f"card IS NOT NULL AND state IN ({listed(TRIES)})"),
    ),
    Index("payment_attempts_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    due_index("payment_attempts"),
)

# What providers told us, as told: append-only, the evidence behind every state. A partition a month
# of when it was told: what is told late about an old attempt finds its place.
attempt_facts = Table(
    "attempt_facts",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("attempt_id", ForeignKey("payment_attempts.id"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("told", JSONB, nullable=False),
    moment("observed_at", null=False, default=True),
    PrimaryKeyConstraint("id", "observed_at"),
    postgresql_partition_by="RANGE (observed_at)",
)

# Money that moved: append-only, without a status. `total` is what this kind has come to for the
# attempt: providers tell totals, so what is told again is the row that is there. Whose it is, a
# trigger takes from the attempt: nobody can write it down for somebody else. It stays whole: that a
# movement is booked once holds for all times, and one may follow a year after its charge.
transactions = Table(
    "transactions",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", ForeignKey("payments.id"), index=True),
    Column("refund_id", ForeignKey("refunds.id")),
    Column("payout_id", ForeignKey("payouts.id"), index=True),
    Column("attempt_id", ForeignKey("payment_attempts.id"), nullable=False),
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    UniqueConstraint("attempt_id", "type", "total", name="transactions_once"),
    CheckConstraint("amount > 0 AND total >= amount", name="transactions_amount"),
    CheckConstraint("num_nonnulls(payment_id, payout_id) = 1", name="transactions_root"),
    Index("transactions_by_merchant", "merchant_id", "mode", "id"),
)

# One fraud decision per payment, with everything it was made of.
fraud_checks = Table(
    "fraud_checks",
    metadata,
    Column("payment_id", ForeignKey("payments.id"), primary_key=True),
    Column("score", Numeric(5, 4), nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    Column("factors", JSONB, nullable=False),
    Column("mode", Text, nullable=False),
    Column("ruleset_version", Text, nullable=False),
    Column("model_id", Text),
    Column("feature_set_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    CheckConstraint("score BETWEEN 0 AND 1", name="fraud_checks_score"),
)
