"""Alembic's entry: runs the versions on the connection that `ops.migrate` hands over."""

from alembic import context

from ops.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
context.run_migrations()
