"""Growth: history in monthly partitions, what is archived of it, and vacuum that keeps up."""

from alembic import op

revision = "0013"
down_revision = "0012"

#: What only grows, and the column that says when a row was written.
HISTORY = {
    "audit_logs": "created_at",
    "attempt_facts": "observed_at",
    "outbox_events": "created_at",
}
_GUARDED = ("audit_logs", "attempt_facts")

#: Everything so far, and the next month or two, is one partition: nothing is copied.
_BOUND = "date_trunc('month', now(), 'UTC') + interval '2 months'"
#: Months after that one, so that half a year is there before the clock makes the next.
AHEAD = 5

INDEXES = {
    "audit_logs": (
        "CREATE INDEX audit_logs_entity ON audit_logs (entity_id)",
        "CREATE INDEX audit_logs_created ON audit_logs (created_at)",
    ),
    "attempt_facts": (
        "CREATE INDEX ix_attempt_facts_attempt_id ON attempt_facts (attempt_id)",
        "ALTER TABLE attempt_facts ADD FOREIGN KEY (attempt_id) REFERENCES payment_attempts (id)",
    ),
    "outbox_events": (
        "CREATE INDEX outbox_aggregate ON outbox_events (aggregate_id)",
        "CREATE INDEX outbox_unpublished ON outbox_events (id) WHERE published_at IS NULL",
    ),
}

# Attaching an empty table locks out no writer of the parent; creating it in place would. Triggers
# for rows come with the parent, those for TRUNCATE do not.
ADD = """
CREATE FUNCTION partitions.add(parent text, since timestamptz, until timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    made text = parent || to_char(since AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
BEGIN
    EXECUTE format('CREATE TABLE partitions.%I (LIKE public.%I INCLUDING DEFAULTS'
                   ' INCLUDING CONSTRAINTS INCLUDING STORAGE)', made, parent);
    PERFORM partitions.keep(parent, made);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, made, since, until);
    RETURN made;
END $$
"""
# Rows of history are written once: vacuum has little to clean there, but must freeze them while they
# are in memory. Events are changed once, when they are published.
KEEP = """
CREATE FUNCTION partitions.keep(parent text, made text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF parent = 'outbox_events' THEN
        EXECUTE format('ALTER TABLE partitions.%I SET (autovacuum_vacuum_scale_factor = 0.01,'
                       ' autovacuum_vacuum_threshold = 5000,'
                       ' autovacuum_analyze_scale_factor = 0.02)', made);
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE partitions.%I SET (autovacuum_vacuum_insert_scale_factor = 0.05,'
                   ' autovacuum_analyze_scale_factor = 0.02)', made);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON partitions.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION public.append_only()',
                   parent || '_no_truncate', made);
END $$
"""

ARCHIVES = """
CREATE TABLE archives (
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    rows BIGINT NOT NULL,
    first_id BIGINT,
    last_id BIGINT,
    sha256 BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (name),
    CONSTRAINT archives_rows CHECK (rows >= 0 AND (rows = 0) = (first_id IS NULL)
                                    AND (rows = 0) = (last_id IS NULL))
);

CREATE TABLE audit_progress (
    id SMALLINT DEFAULT 1 NOT NULL,
    sealed_until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT audit_progress_one_row CHECK (id = 1)
);

CREATE TRIGGER archives_append_only BEFORE UPDATE OR DELETE ON archives
    FOR EACH ROW EXECUTE FUNCTION append_only();

CREATE TRIGGER archives_no_truncate BEFORE TRUNCATE ON archives
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at)
"""

#: In the order in which a worker's transaction comes to them: the two cannot wait for one another.
LOCKS = (
    "LOCK TABLE payment_attempts IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE attempt_facts IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE audit_logs IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE",
)

# Jobs are written five times in their life. A fifth of a large table is too late to clean up after
# that: by then its indexes have grown for good. Room in a page keeps a claim out of the indexes.
VACUUM = """
ALTER TABLE {table} SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 1000)
"""
_JOBS = ("payments", "payment_attempts", "webhook_events", "refunds", "payouts")
_KEYS = "ALTER TABLE idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02)"


def upgrade() -> None:
    """Prepare what takes time beside the traffic, then change tables in an instant each."""
    op.execute("CREATE SCHEMA IF NOT EXISTS partitions")
    with op.get_context().autocommit_block():
        for table, column in HISTORY.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_in_time")
            op.execute(
                f"CREATE UNIQUE INDEX CONCURRENTLY {table}_in_time ON {table} (id, {column})"
            )
            _bound(table)
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS idempotency_keys_expiry")
        op.execute(
            "CREATE INDEX CONCURRENTLY idempotency_keys_expiry ON idempotency_keys (expires_at)"
        )
    for lock in LOCKS:
        op.execute(lock)
    _functions()
    for statement in ARCHIVES.split(";\n\n")[:-1]:
        op.execute(statement)
    for table in HISTORY:
        _partition(table)
    for table in _JOBS:
        op.execute(VACUUM.format(table=table))
    op.execute(_KEYS)


def downgrade() -> None:
    """Put each history into one table again. What was archived is not in it."""
    for table, column in HISTORY.items():
        _merge(table, column)
    op.execute("DROP SCHEMA partitions CASCADE")
    op.execute("DROP TABLE archives")
    op.execute("DROP TABLE audit_progress")
    op.execute("DROP INDEX idempotency_keys_expiry")
    names = VACUUM[VACUUM.index("(") + 1 : VACUUM.rindex(")")]
    options = ", ".join(option.split("=")[0].strip() for option in names.split(","))
    for table in _JOBS:
        op.execute(f"ALTER TABLE {table} RESET ({options})")
    op.execute("ALTER TABLE idempotency_keys RESET (autovacuum_vacuum_scale_factor)")


def _functions() -> None:
    for function in (KEEP, ADD):
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))


def _bound(table: str) -> None:
    """Promise that no row lies beyond the first partition, and check it while others write.

    A migration that stops here leaves the promise behind: it must be run to its end before the next
    month is over.
    """
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_first")
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {table}_first"
        f" CHECK ({HISTORY[table]} < %L) NOT VALID', {_BOUND}); END $$"
    )
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_first")


def _partition(table: str) -> None:
    """Put a partitioned table in the place of the table, and the table under it."""
    column, first = HISTORY[table], f"{table}_first"
    op.execute(
        f"CREATE TEMPORARY TABLE next_id ON COMMIT DROP AS SELECT nextval('{table}_id_seq') id"
    )
    op.execute(f"ALTER TABLE {table} ALTER id DROP IDENTITY, DROP CONSTRAINT {table}_pkey")
    if table in _GUARDED:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
    op.execute(f"ALTER TABLE {table} SET SCHEMA partitions")
    op.execute(f"ALTER TABLE partitions.{table} RENAME TO {first}")
    op.execute(
        f"ALTER TABLE partitions.{first} ADD CONSTRAINT {table}_pkey"
        f" PRIMARY KEY USING INDEX {table}_in_time"
    )
    op.execute(
        f"CREATE TABLE {table} (LIKE partitions.{first} INCLUDING DEFAULTS INCLUDING STORAGE)"
        f" PARTITION BY RANGE ({column})"
    )
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER TABLE {table} ALTER id ADD GENERATED ALWAYS AS IDENTITY"
        f" (START WITH %s)', (SELECT id FROM next_id)); END $$"
    )
    op.execute("DROP TABLE next_id")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, {column})")
    for statement in INDEXES[table]:
        op.execute(statement)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER TABLE {table} ATTACH PARTITION partitions.{first}"
        f" FOR VALUES FROM (MINVALUE) TO (%L)', {_bound_of(table)}); END $$"
    )
    op.execute(f"SELECT partitions.keep('{table}', '{first}')")
    if table in _GUARDED:
        _guard(table)
    op.execute(
        f"SELECT partitions.add('{table}', since, since + interval '1 month') FROM (SELECT"
        f" {_bound_of(table)} + n * interval '1 month' AS since"
        f" FROM generate_series(0, {AHEAD} - 1) n) s"
    )
    op.execute(f"ALTER TABLE partitions.{first} DROP CONSTRAINT {first}")


def _bound_of(table: str) -> str:
    """Return SQL for what was promised, however long ago: the date in the check."""
    return (
        "(SELECT (regexp_match(pg_get_constraintdef(oid), '''(.*?)'''))[1]::timestamptz"
        f" FROM pg_constraint WHERE conname = '{table}_first')"
    )


def _guard(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )


def _merge(table: str, column: str) -> None:
    op.execute(f"CREATE TABLE whole (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE)")
    op.execute(f"INSERT INTO whole SELECT * FROM {table}")
    op.execute(
        f"CREATE TEMPORARY TABLE next_id ON COMMIT DROP AS SELECT nextval('{table}_id_seq') id"
    )
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE whole RENAME TO {table}")
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER TABLE {table} ALTER id ADD GENERATED ALWAYS AS IDENTITY"
        f" (START WITH %s)', (SELECT id FROM next_id)); END $$"
    )
    op.execute("DROP TABLE next_id")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)")
    for statement in INDEXES[table]:
        op.execute(statement)
    if table in _GUARDED:
        _guard(table)
