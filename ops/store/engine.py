"""The engine: one SQLAlchemy pool per process, with bounds that no query outlives."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

#: Longer than any of our statements takes by a factor of a hundred; a lost lock ends here.
STATEMENT_TIMEOUT_MS = 10_000
#: Nobody holds a row lock across a provider call, so waiting longer means something is wrong.
LOCK_TIMEOUT_MS = 5_000
#: A transaction that its program forgot must not hold rows.
IDLE_TIMEOUT_MS = 15_000
#: A server that does not take a connection in this time is away.
CONNECT_S = 5
#: A server that fell silent, because its host or the network died, sends no farewell: a session is
#: given up when it acknowledges nothing for this long. Longer than a statement may take.
SILENCE_S = 15
#: How often a statement must have been said to be kept without being asked to: never.
ON_REQUEST = 2**62
#: An idle session asks after its server this often.
KEEPALIVE_S = 5

#: A statement that a session was believed to keep: somebody between us and the server, or a
#: `DEALLOCATE ALL`, has forgotten it.
NOT_KEPT = "26000"
#: The database has undone the transaction for the sake of another one (deadlock, serialization
#: failure), or has not even begun with it. The same transaction may well succeed now.
UNDONE = frozenset({"40001", "40P01", NOT_KEPT})
#: First characters of the states in which a session ends without a word about its transaction.
_ENDINGS = ("08", "57P")


def driver_url(database_url: str) -> str:
    """Name the driver: psycopg 3."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def session_options(application: str) -> str:
    """Return libpq options with the bounds of a session; `application` shows in pg_stat_activity.

    Whatever the server's default is, what we were told is committed is on its disk, and on that of
    every synchronous standby: a lost attempt would be a lost idempotency key.
    """
    return (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
        f" -c synchronous_commit=on -c application_name={application}"
    )


def session(options: str) -> dict[str, Any]:
    """Return how every session of ours connects: `options` are its `session_options`.

    Only to a server that takes writes: a standby is behind, and nothing here may be decided on
    what it says. No statement is kept at the server unless who says it asks for that (`prepare`):
    one that returns `*` would fail in every session that knows it, from the moment at which a
    migration adds a column.
    """
    return {
        "prepare_threshold": ON_REQUEST,
        "options": options,
        "target_session_attrs": "read-write",
        "connect_timeout": CONNECT_S,
        "keepalives_idle": KEEPALIVE_S,
        "keepalives_interval": KEEPALIVE_S,
        "keepalives_count": SILENCE_S // KEEPALIVE_S - 1,
        "tcp_user_timeout": SILENCE_S * 1_000,
    }


def open_engine(database_url: str, application: str, size: int) -> Engine:
    """Open a pool of at most `size` connections; a dead one is noticed before it is used."""
    engine = create_engine(
        driver_url(database_url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,  # row values have no place in the text of an exception
        connect_args=session(session_options(application)),
    )
    event.listen(engine, "checkout", _look_at)
    return engine


def _look_at(driver: psycopg.Connection[Any], record: object, proxy: object) -> None:
    """Refuse an idle session that has something to read: the server has ended it, or says what is
    the answer to nothing. Looking costs no round trip, as asking would."""
    if driver.closed or is_readable(driver.fileno()):
        raise DisconnectionError


def is_readable(socket: int) -> bool:
    """Say whether a session has something to read, or was ended: without a word to the server."""
    looking = select.poll()
    looking.register(socket, select.POLLIN | select.POLLRDHUP)
    return bool(looking.poll(0))


def is_undone(error: BaseException | None) -> bool:
    """Whether the database rolled back a transaction that may simply be run again."""
    return isinstance(error, psycopg.Error) and error.sqlstate in UNDONE


def is_cut_off(error: BaseException | None) -> bool:
    """Whether the session ended, so that nobody knows what became of a COMMIT on its way."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_ENDINGS)
