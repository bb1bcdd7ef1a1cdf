"""Presence: a session lock that says "this process lives"; when it is gone, its leases end at once."""

from __future__ import annotations

import secrets
import threading

import psycopg
import structlog

from ops.store.engine import session, session_options

#: How often the lock's session is looked after. A dead session costs others nothing: our leases
#: count as ended meanwhile, and whatever we still learn is applied as a fact.
CHECK_S = 2.0

_log = structlog.get_logger("presence")


class Presence:
    """Holds an advisory lock on a random number for as long as the process lives."""

    def __init__(self, database_url: str, service: str) -> None:
        self.owner = secrets.randbits(62)
        self._url = database_url
        self._terms = session(session_options(f"{service}-presence"))
        self._stop = threading.Event()
        self._session = self._open()
        self._thread = threading.Thread(target=self._keep, name="presence", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go: what we still hold is free for others from now on."""
        self._stop.set()
        self._thread.join(CHECK_S + 1)
        self._session.close()

    def _open(self) -> psycopg.Connection[tuple[object, ...]]:
        opened = psycopg.connect(self._url, autocommit=True, **self._terms)
        try:
            opened.execute("SELECT pg_advisory_lock(%s)", (self.owner,))
        except psycopg.Error:
            opened.close()  # the server may still think that our last session lives
            raise
        return opened

    def _keep(self) -> None:
        while not self._stop.wait(CHECK_S):
            try:
                self._session.execute("SELECT 1")
            except psycopg.Error:
                self._reopen()

    def _reopen(self) -> None:
        self._session.close()
        try:
            self._session = self._open()
            _log.info("presence restored", owner=self.owner)
        except psycopg.Error as error:
            _log.warning("presence lost", owner=self.owner, error=type(error).__name__)
