"""Reconciliation: which windows were compared with a provider's list, and what differed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, UUID

from domain.reconcile import Difference
from domain.reconcile_books import Method
from domain.reconcile_ours import Move
from ops.store.columns import moment, one_of
from ops.store.tables.metadata import metadata
from ops.store.tables.payments import payment_attempts, transactions

RUN_STATUSES = ("due", "done", "failed", "split")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=sql("0"))


# One window of one gateway, to be compared or compared: the row is the job. A day is compared once.
# A gateway that never took a payment goes with its runs; a discrepancy keeps both.
reconciliation_runs = Table(
    "reconciliation_runs",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("gateway_id", ForeignKey("gateways.id", ondelete="CASCADE"), nullable=False),
    moment("since", null=False),
    moment("until", null=False),
    Column("asked_by", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=sql("'due'")),
    Column("method", Text),
    Column("cause", Text),
    # The run whose halves this and another one are, because it held too much.
    Column("split_from", ForeignKey("reconciliation_runs.id", ondelete="CASCADE")),
    _count("listed"),
    _count("compared"),
    _count("differing"),
    _count("settled"),
    _count("unjudged"),
    moment("created_at", null=False, default=True),
    moment("next_run_at"),
    moment("lease_until"),
    Column("lease_token", BigInteger, nullable=False, server_default=sql("0")),
    _count("starts"),
    moment("finished_at"),
    Column("request_id", Text, nullable=False, server_default=sql("''")),
    one_of("status", RUN_STATUSES, "reconciliation_runs_status"),
    one_of("method", Method, "reconciliation_runs_method"),
    CheckConstraint("since < until", name="reconciliation_runs_window"),
    CheckConstraint(
        "(status = 'due') = (finished_at IS NULL) AND (status = 'due') = (next_run_at IS NOT NULL)"
        " AND (status <> 'done' OR method IS NOT NULL)",
        name="reconciliation_runs_finished",
    ),
    Index(
        "reconciliation_runs_daily",
        "gateway_id",
        "since",
        "until",
        unique=True,
        postgresql_where=sql("asked_by = 'clock'"),
    ),
    Index("reconciliation_runs_due", "next_run_at", postgresql_where=sql("status = 'due'")),
    Index(
        "reconciliation_runs_split", "split_from", postgresql_where=sql("split_from IS NOT NULL")
    ),
)

# One discrepancy, from the run that found it until the run that finds it gone. It is no job: a
# person, its owner, finds out why. One of a kind is open about one subject.
reconciliation_items = Table(
    "reconciliation_items",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("run_id", ForeignKey("reconciliation_runs.id"), nullable=False),
    Column("seen_by", ForeignKey("reconciliation_runs.id"), nullable=False),
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("move", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payment_id", ForeignKey("payments.id")),
    Column("payout_id", ForeignKey("payouts.id")),
    Column("attempt_id", ForeignKey("payment_attempts.id")),
    Column("reference", Text),
    Column("provider_id", Text),
    Column("ours", JSONB),
    Column("theirs", JSONB),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=sql("'operations'")),
    # When it moved: at the provider, or as far as we believe.
    moment("moved_at"),
    moment("opened_at", null=False, default=True),
    moment("seen_at", null=False, default=True),
    moment("resolved_at"),
    Column("resolution", Text),
    one_of("kind", Difference, "reconciliation_items_kind"),
    one_of("move", Move, "reconciliation_items_move"),
    CheckConstraint("num_nonnulls(ours, theirs) > 0", name="reconciliation_items_sides"),
    CheckConstraint(
        "(resolved_at IS NULL) = (resolution IS NULL)", name="reconciliation_items_resolved"
    ),
    Index(
        "reconciliation_items_one_open",
        "gateway_id",
        "subject",
        "kind",
        unique=True,
        postgresql_where=sql("resolved_at IS NULL"),
    ),
    Index("reconciliation_items_seen", "seen_by"),
)

# What moved in a window is a few pages in a row, because both are written in order of time: block
# ranges find them and cost a payment nothing.
Index("transactions_by_time", transactions.c.created_at, postgresql_using="brin")
Index("payment_attempts_by_time", payment_attempts.c.created_at, postgresql_using="brin")
