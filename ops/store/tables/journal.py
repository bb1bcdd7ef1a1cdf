"""The journal: what came in, what was promised, and what happened."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from domain.webhook import RECEIVED, UNVERIFIED
from ops.store.columns import due, due_index, due_laws, moment, one_of
from ops.store.tables.metadata import metadata

NOTICE_STATUSES = (RECEIVED, UNVERIFIED, "processed", "orphan")

# Law 7: the answer is written with the work it promises, and given again for the same key.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("merchant_id", UUID(as_uuid=True), nullable=False),
    Column("mode", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("resource_id", UUID(as_uuid=True), nullable=False),
    moment("created_at", null=False, default=True),
    moment("expires_at", null=False),
    PrimaryKeyConstraint("merchant_id", "mode", "key", name="idempotency_keys_pk"),
    # Keys come in the order in which they expire, so this costs a write at the end of the index.
    Index("idempotency_keys_expiry", "expires_at"),
)

# The inbox: every verified webhook, once, and a bounded number of those whose sender a worker has
# still to check by the headers kept for it. Body and headers are sealed; the body is a hint, not the
# truth.
webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("gateway_id", ForeignKey("gateways.id"), nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", LargeBinary),
    Column("status", Text, nullable=False, server_default=text("'received'")),
    Column("attempt_id", UUID(as_uuid=True), index=True),
    Column("copies", Integer, nullable=False, server_default=text("1")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    moment("received_at", null=False, default=True),
    moment("last_copy_at", null=False, default=True),
    moment("read_began_at"),
    Column("request_id", Text, nullable=False),
    *due(),
    *due_laws("webhook_events"),
    one_of("status", NOTICE_STATUSES, "webhook_events_status"),
    CheckConstraint("status <> 'unverified' OR headers IS NOT NULL", name="webhook_events_headers"),
    UniqueConstraint("gateway_id", "dedupe_key", name="webhook_events_once"),
    Index("webhook_events_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    Index(
        "webhook_events_unverified",
        "gateway_id",
        postgresql_where=text("status = 'unverified'"),
    ),
    due_index("webhook_events"),
)

# Who did what: written in the move's transaction; a trigger refuses UPDATE, DELETE and TRUNCATE.
# A partition a month (see `ops.store.partitions`): the time is part of the key because it must be.
audit_logs = Table(
    "audit_logs",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("merchant_id", UUID(as_uuid=True)),
    Column("mode", Text),
    Column("actor", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    PrimaryKeyConstraint("id", "created_at"),
    Index("audit_logs_entity", "entity_id"),
    Index("audit_logs_created", "created_at"),
    postgresql_partition_by="RANGE (created_at)",
)

# Law 10: the sealed order of the audit entries; each hash covers the one before it. It stays whole:
# that a place and an entry are given once are two laws, and no partition key is part of both.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    moment("sealed_at", null=False, default=True),
)

# Keyed marks of the chain's length and head: a chain cut short or rewritten does not match them.
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("count", BigInteger, primary_key=True, autoincrement=False),
    Column("head", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    moment("created_at", null=False, default=True),
)

# Up to when every audit entry is known to be sealed: where looking for forgotten ones begins.
audit_progress = Table(
    "audit_progress",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default=text("1"), autoincrement=False),
    moment("sealed_until", null=False),
    CheckConstraint("id = 1", name="audit_progress_one_row"),
)

# Partitions that lie in files now, each with a keyed mark of what it held: entries that are missing
# from the audit without one of these have been taken away by somebody.
archives = Table(
    "archives",
    metadata,
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),
    moment("until", null=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_id", BigInteger),
    Column("last_id", BigInteger),
    Column("sha256", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    moment("archived_at", null=False, default=True),
    CheckConstraint(
        "rows >= 0 AND (rows = 0) = (first_id IS NULL) AND (rows = 0) = (last_id IS NULL)",
        name="archives_rows",
    ),
)

# What happened, for whoever listens: written in the move's transaction, drained in order. A
# partition a month, like the audit.
outbox_events = Table(
    "outbox_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("merchant_id", UUID(as_uuid=True)),
    Column("mode", Text),
    Column("type", Text, nullable=False),
    Column("aggregate", Text, nullable=False),
    Column("aggregate_id", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    moment("created_at", null=False, default=True),
    moment("published_at"),
    PrimaryKeyConstraint("id", "created_at"),
    Index("outbox_aggregate", "aggregate_id"),
    Index("outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    postgresql_partition_by="RANGE (created_at)",
)
