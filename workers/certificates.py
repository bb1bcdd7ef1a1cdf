"""Certificates: fetched where a provider keeps them, checked, and the webhooks that waited for one."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from cryptography.x509.verification import Store
from sqlalchemy import Engine

from domain.ports import Budget
from domain.webhook import Notice, Proven, Scheme
from domain.webhook_claims import Certified, claimed, may_certify
from ops.certificates import Certificate, Untrusted, authorities, has_signed, trusted
from ops.store.certificates import database_now, write_certificate
from ops.store.gateways import Account
from workers.gateways import Unusable
from workers.gateways.wire import Answer, Wire

_log = logging.getLogger(__name__)

#: Whose certificate it is to be is a setting of the gateway: a PEM file instead of the system's.
CA_FILE: Final = "ca_file"
#: A chain has 10 KiB at most.
MAX_CHAIN_BYTES: Final = 64 * 1024
#: What says that there is no such certificate; every other refusal may be over tomorrow.
ABSENT: Final = frozenset({404, 410})
#: Fetches per gateway and process. A provider has a new certificate a few times a year; what a
#: stranger makes up must not become a flood that we send.
FETCHES: Final = 10
FETCHES_PER_S: Final = 60.0
#: Addresses at which there was nothing to be believed, kept for as long; the oldest makes room.
KNOWN_BAD: Final = 1_000


class Certificates:
    """Proves the webhooks that the door could not. Safe for threads."""

    def __init__(
        self,
        engine: Engine,
        accounts: Callable[[], Sequence[Account]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`accounts` reads every gateway with its secrets opened; `clock` is that of budgets."""
        self._engine = engine
        self._accounts = accounts
        self._clock = clock
        self._lock = threading.Lock()
        self._fetches: dict[str, list[float]] = {}
        self._bad: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __call__(self, notice: Notice, budget: Budget) -> Proven:
        """Say whether a webhook is from whom it says. No transaction is open meanwhile."""
        account = next((one for one in self._accounts() if one.id == notice.gateway_id), None)
        if account is None:
            return Proven.LATER
        proven = self._proven(account, notice, budget)
        if proven is Proven.FORGED:
            _log.warning("gateway %s: a webhook is not from its provider", account.id)
        return proven

    def _proven(self, account: Account, notice: Notice, budget: Budget) -> Proven:
        came_s = int(notice.received_at.timestamp())  # the door has judged its age
        for scheme in account.scheme.ways():
            claim = claimed(scheme, notice.headers, notice.body, came_s)
            if isinstance(claim, Certified) and may_certify(scheme, claim.url, account.base_url):
                break
        else:
            return Proven.FORGED
        pem = account.certificates.get(claim.url)
        if pem is None:
            found = self._certificate(account, scheme, claim.url, budget)
            if isinstance(found, Proven):
                return found
            pem = found.pem
        for secret in account.webhook_secrets:
            if secret and has_signed(pem, claim.message(secret.encode()), claim.signature):
                return Proven.GENUINE
        return Proven.FORGED

    def _certificate(
        self, account: Account, scheme: Scheme, url: str, budget: Budget
    ) -> Certificate | Proven:
        """Fetch and check a certificate, and keep it; or say what follows where that fails."""
        if self._is_bad(account, url):
            return Proven.FORGED
        if not self._may_fetch(account):
            return Proven.LATER
        fetched = self._fetch(account, url, budget)
        if isinstance(fetched, Proven):
            return self._noted(account, url, fetched)
        trust = _trust(account)
        if trust is None:
            return Proven.LATER
        host = urlsplit(url).hostname or ""
        with self._engine.begin() as db:
            now = database_now(db)
        try:
            certificate = trusted(fetched, trust, now, scheme.names, host)
        except Untrusted as error:
            _log.warning("gateway %s: the certificate at %s: %s", account.id, url, error)
            return self._noted(account, url, Proven.FORGED)
        with self._engine.begin() as db:
            write_certificate(db, account.id, url, certificate)
        return certificate

    def _fetch(self, account: Account, url: str, budget: Budget) -> bytes | Proven:
        """Fetch what lies there, under the call's deadline; a redirect is followed nowhere."""
        parts = urlsplit(url)
        origin, ca_file = f"{parts.scheme}://{parts.netloc}", _ca_file(account)
        try:
            wire = Wire(origin, {}, ca_file=ca_file, clock=self._clock)
        except Unusable as error:
            _log.error("gateway %s cannot fetch certificates: %s", account.id, error)
            return Proven.LATER
        try:
            reply = wire.send("GET", parts.path, budget, headers={})
        finally:
            wire.close()
        if not isinstance(reply, Answer):
            return Proven.LATER
        if reply.status in ABSENT:
            return Proven.FORGED
        if reply.status != 200:
            return Proven.LATER
        return reply.body if len(reply.body) <= MAX_CHAIN_BYTES else Proven.FORGED

    def _may_fetch(self, account: Account) -> bool:
        now = self._clock()
        with self._lock:
            recent = [at for at in self._fetches.get(account.id, []) if now - at < FETCHES_PER_S]
            self._fetches[account.id] = recent
            if len(recent) >= FETCHES:
                return False
            recent.append(now)
            return True

    def _noted(self, account: Account, url: str, proven: Proven) -> Proven:
        if proven is Proven.FORGED:
            with self._lock:
                self._bad[account.id, url] = self._clock()
                while len(self._bad) > KNOWN_BAD:
                    self._bad.popitem(last=False)
        return proven

    def _is_bad(self, account: Account, url: str) -> bool:
        with self._lock:
            at = self._bad.get((account.id, url))
        return at is not None and self._clock() - at < FETCHES_PER_S


def _trust(account: Account) -> Store | None:
    try:
        return authorities(_ca_file(account))
    except (OSError, ValueError) as error:
        _log.error("gateway %s: its authorities cannot be read: %s", account.id, error)
        return None


def _ca_file(account: Account) -> str | None:
    found = account.settings.get(CA_FILE)
    return found if isinstance(found, str) else None
