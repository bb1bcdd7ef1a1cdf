"""Leader: of several clocks exactly one ticks; the database's session lock decides which."""

from __future__ import annotations

import threading

import psycopg

from ops.store.engine import session_options

#: Names the one lock that the leading clock holds.
LEADER_LOCK = 7_305_809_221_003


class Leader:
    """Asks for the leadership again at every tick; a lost session loses it by itself."""

    def __init__(self, database_url: str, service: str) -> None:
        self._url = database_url
        self._options = session_options(service)
        self._session: psycopg.Connection[tuple[object, ...]] | None = None
        self._asking = threading.Lock()  # ticks run in threads, and only one session may be opened

    def leads(self) -> bool:
        """Whether this process leads now. A database that does not answer has no leader."""
        with self._asking:
            return self._leads()

    def _leads(self) -> bool:
        try:
            if self._session is not None:
                self._session.execute("SELECT 1")
                return True
            session = psycopg.connect(
                self._url, autocommit=True, options=self._options, connect_timeout=5
            )
            found = session.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
            if found and found[0]:
                self._session = session
                return True
            session.close()
        except psycopg.Error:
            self.resign()
        return False

    def resign(self) -> None:
        """Give the leadership up."""
        if self._session is not None:
            self._session.close()
            self._session = None
