"""Transaction: one pooled session, said to libpq itself, or through SQLAlchemy from when that is wanted.

SQLAlchemy's own connection and transaction cost twice what BEGIN and COMMIT do, and what the driver
does to send a statement costs twice what libpq does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

import psycopg
from psycopg.errors import InFailedSqlTransaction, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import DBAPIError

_GOOD: Final = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Transaction:
    """Committed when the block ends, undone when it raises. Errors are those of SQLAlchemy, without
    any value."""

    def __init__(self, engine: Engine) -> None:
        """Take a session of the pool, opened if there is none. Raises OperationalError."""
        self._engine = engine
        self._connection: Connection | None = None
        self._begun: RootTransaction | None = None
        try:
            self._pooled = engine.raw_connection()
        except psycopg.Error as error:
            raise self._told("", error, is_lost=True) from error

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            # What is given back with a transaction open, the pool undoes.
            (self._connection or self._pooled).close()

    @property
    def connection(self) -> Connection:
        """The same session and transaction for SQLAlchemy's statements."""
        if self._connection is None:
            self._connection = Connection(self._engine, self._pooled)
            self._begun = self._connection.begin()
        return self._connection

    @property
    def driver(self) -> psycopg.Connection[Any]:
        """The driver's session."""
        driver: psycopg.Connection[Any] | None = self._pooled.driver_connection
        if driver is None:
            raise psycopg.OperationalError("the session was lost before")
        return driver

    @property
    def session(self) -> PGconn:
        """The session itself: what is said to it waits without holding up other threads."""
        return self.driver.pgconn

    @property
    def kept(self) -> dict[Any, Any]:
        """What belongs to the session, for as long as it lives."""
        return self._pooled.info

    def begun(self) -> PGconn:
        """Return the session with the transaction open. Raises the driver's errors."""
        session = self.session
        if session.transaction_status == TransactionStatus.IDLE:
            self.good(session.exec_(b"BEGIN"))
        return session

    def good(self, result: PGresult) -> PGresult:
        """Return a result that is one. Raises the driver's error."""
        if result.status in _GOOD:
            return result
        found = error_from_result(result)
        if self.session.status == ConnStatus.BAD and not isinstance(
            found, psycopg.OperationalError
        ):
            # The end of a session has no code of its own.
            raise psycopg.OperationalError(str(found)) from found
        raise found

    @contextmanager
    def telling(self, query: str) -> Iterator[None]:
        """Raise the driver's errors as SQLAlchemy's; a session that has ended goes with its error."""
        try:
            yield
        except psycopg.Error as error:
            driver = self._pooled.driver_connection
            is_lost = driver is None or bool(driver.closed)
            if driver is not None and is_lost:
                (self._connection or self._pooled).invalidate(error)
            raise self._told(query, error, is_lost=is_lost) from error

    def _commit(self) -> None:
        with self.telling("COMMIT"):
            if self.session.transaction_status == TransactionStatus.INERROR:
                # The server would undo it and answer COMMIT with ROLLBACK, which is no error.
                raise InFailedSqlTransaction("an error inside was swallowed; nothing is written")
        if self._begun is not None:
            self._begun.commit()
            return
        with self.telling("COMMIT"):
            if self.session.transaction_status != TransactionStatus.IDLE:
                self.good(self.session.exec_(b"COMMIT"))

    def _told(self, query: str, error: psycopg.Error, *, is_lost: bool) -> DBAPIError:
        found = DBAPIError.instance(
            query,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=self._engine.dialect,
        )
        assert isinstance(found, DBAPIError)
        return found
