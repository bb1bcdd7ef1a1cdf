"""The engine: one SQLAlchemy pool per process, with bounds that no query outlives."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine

#: Longer than any of our statements takes by a factor of a hundred; a lost lock ends here.
STATEMENT_TIMEOUT_MS = 10_000
#: Nobody holds a row lock across a provider call, so waiting longer means something is wrong.
LOCK_TIMEOUT_MS = 5_000
#: A transaction that its program forgot must not hold rows.
IDLE_TIMEOUT_MS = 15_000


def driver_url(database_url: str) -> str:
    """Name the driver: psycopg 3."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def session_options(application: str) -> str:
    """Return libpq options with the bounds of a session; `application` shows in pg_stat_activity."""
    return (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
        f" -c application_name={application}"
    )


def open_engine(database_url: str, application: str, size: int) -> Engine:
    """Open a pool of at most `size` connections; a dead one is noticed before it is used."""
    return create_engine(
        driver_url(database_url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # row values have no place in the text of an exception
        connect_args={"options": session_options(application), "connect_timeout": 5},
    )
