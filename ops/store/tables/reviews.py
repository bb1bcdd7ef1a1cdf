"""Reviews: questions that only a person may decide."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID

from domain.review import CaseKind, Decision
from ops.store.columns import moment, one_of
from ops.store.tables.metadata import metadata

# One question about one payment, and who answered it how. It is no job: the payment waits, not it.
review_cases = Table(
    "review_cases",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("payment_id", ForeignKey("payments.id"), nullable=False, index=True),
    Column("attempt_id", ForeignKey("payment_attempts.id")),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("opened_at", null=False),
    Column("found_amount", BigInteger),
    Column("found_currency", Text),
    Column("found_held", Boolean, nullable=False, server_default=sql("false")),
    Column("found_ours", Boolean, nullable=False, server_default=sql("true")),
    Column("provider_id", Text),
    Column("decision", Text),
    Column("decided_by", Text),
    moment("decided_at"),
    Column("note", Text),
    one_of("kind", CaseKind, "review_cases_kind"),
    one_of("decision", Decision, "review_cases_decision"),
    CheckConstraint(
        "num_nonnulls(found_amount, found_currency) IN (0, 2) AND found_amount >= 0",
        name="review_cases_found",
    ),
    CheckConstraint(
        "num_nonnulls(decision, decided_by, decided_at) IN (0, 3)", name="review_cases_decided"
    ),
    Index(
        "review_cases_one_open",
        "payment_id",
        "kind",
        unique=True,
        postgresql_where=sql("decision IS NULL"),
    ),
)
