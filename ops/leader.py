"""Leader: of several clocks exactly one ticks; the database's session lock decides which."""

from __future__ import annotations

import threading

import psycopg

from ops.store.engine import session, session_options

#: Names the one lock that the leading clock holds.
LEADER_LOCK = 7_305_809_221_003


class Leader:
    """Asks for the leadership again at every tick; a lost session loses it by itself."""

    def __init__(self, database_url: str, service: str) -> None:
        self._url = database_url
        self._terms = session(session_options(service))
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
            self._session = psycopg.connect(self._url, autocommit=True, **self._terms)
            asked = self._session.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,))
            found = asked.fetchone()
            leads = bool(found and found[0])
        except psycopg.Error:
            leads = False
        if not leads:
            self.resign()
        return leads

    def resign(self) -> None:
        """Give the leadership up."""
        if self._session is not None:
            self._session.close()
            self._session = None
