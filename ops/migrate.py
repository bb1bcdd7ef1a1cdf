"""Migrate: bring the database to the newest version, once, whoever else tries at the same time."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from ops.store.engine import driver_url

#: Names the one lock that migrating takes; any other constant would do as well.
MIGRATION_LOCK = 7_305_809_221_001
#: A migration that cannot get a table's lock in this time gives up instead of stopping the service.
LOCK_TIMEOUT = "5s"
#: Another one that migrates at the same time is waited for, as long as the largest index takes.
PATIENCE_S = 3_600.0
LOOK_S = 0.2


def migrate(database_url: str, revision: str = "head") -> str:
    """Upgrade to `revision` and return the version reached. Running it twice changes nothing.

    Raises TimeoutError if somebody else has been at it for an hour.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        _wait_alone(connection)
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
        reached = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return reached or ""


def downgrade(database_url: str, revision: str) -> None:
    """Go back to `revision` ("base" removes everything); for empty databases and for tests."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()
    engine.dispose()


def _wait_alone(connection: Connection) -> None:
    """Take the migration's lock, asking again and again: who waits for it inside a statement is one
    of those whom building an index concurrently waits for, and both would wait for ever."""
    deadline, pause = monotonic() + PATIENCE_S, threading.Event()
    ours = text("SELECT pg_try_advisory_lock(:key)")
    while not connection.execute(ours, {"key": MIGRATION_LOCK}).scalar_one():
        connection.commit()
        if monotonic() > deadline:
            raise TimeoutError(f"another migration has been under way for {PATIENCE_S:.0f} s")
        pause.wait(LOOK_S)
