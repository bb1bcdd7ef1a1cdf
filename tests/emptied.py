"""Emptying a database between two tests, in a fraction of the time that TRUNCATE takes."""

from __future__ import annotations

from sqlalchemy import Engine, text

from ops.store import tables

#: What a migration wrote, no test can write again.
WRITTEN = frozenset({"countries", "currencies"})


def empty(engine: Engine) -> None:
    """Delete every row that no migration wrote, and begin every sequence anew.

    A test writes a few rows into a few tables. TRUNCATE makes new files for all tables and their
    indexes nevertheless, which takes the server eight times as long.
    """
    names = [table.name for table in tables.metadata.sorted_tables if table.name not in WRITTEN]
    deletes = " ".join(f"DELETE FROM {name};" for name in names)
    with engine.begin() as db:
        # Replica role: the append-only triggers do not fire for the tests' own clean-up.
        db.execute(text("SET LOCAL session_replication_role = replica"))
        db.execute(text(f"DO $$ BEGIN {deletes} END $$"))
        db.execute(
            text(
                "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        )
