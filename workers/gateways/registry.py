"""The adapters that the configured gateways need now, built from their rows."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import urlsplit

from domain.payment import Mode
from ops.providers import PROVIDERS
from ops.store.gateways import Account
from workers.gateways import Adapter, Alarm, Build, Setup, Unusable

_log = logging.getLogger(__name__)

#: A change by an operator is in force after this at the latest; one read per second and process.
FRESH_S: Final = 1.0

#: Where plain HTTP may carry a live account's key: it does not leave the machine.
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

#: Finds what builds a provider's adapter; raises `Unusable`.
Find: TypeAlias = Callable[[str], Build]


def builder(provider: str) -> Build:
    """Import a provider's adapter, when the first gateway needs it. Raises `Unusable`."""
    known = PROVIDERS.get(provider)
    if known is None:
        raise Unusable(f"there is no provider {provider}, only {', '.join(PROVIDERS)}")
    return imported(known.adapter)


def imported(name: str) -> Build:
    """Return what `module:attribute` names. Raises `Unusable`."""
    module, _, attribute = name.partition(":")
    try:
        return cast("Build", getattr(importlib.import_module(module), attribute))
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise Unusable(f"its adapter {name} cannot be imported ({cause})") from error


@dataclass(frozen=True, slots=True)
class _Built:
    account: Account
    adapter: Adapter | None


class Registry:
    """Adapters by gateway id. Safe for threads, which share them.

    An inactive gateway has one too: its open attempts still have to be resolved.
    """

    def __init__(
        self,
        accounts: Callable[[], Iterable[Account]],
        *,
        alarm: Alarm,
        find: Find = builder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`accounts` reads every row with its secrets opened; what it raises comes through."""
        self._accounts = accounts
        self._alarm = alarm
        self._find = find
        self._clock = clock
        self._lock = threading.Lock()
        self._built: dict[str, _Built] = {}
        self._read_at: float | None = None

    def get(self, gateway_id: str) -> Adapter | None:
        """Return a gateway's adapter; None: not configured, or not usable as configured."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= FRESH_S:
                self._refresh()
                self._read_at = now
            built = self._built.get(gateway_id)
        return None if built is None else built.adapter

    def close(self) -> None:
        """Close every adapter. The next `get` would build them anew."""
        with self._lock:
            for built in self._built.values():
                _close(built)
            self._built.clear()
            self._read_at = None

    def _refresh(self) -> None:
        """Keep what has not changed, with its open connections, and replace the rest."""
        before, now = self._built, {account.id: account for account in self._accounts()}
        self._built = {
            id_: before[id_]
            if id_ in before and before[id_].account == account
            else _Built(account, self._build(account))
            for id_, account in now.items()
        }
        for id_, built in before.items():
            if self._built.get(id_) is not built:
                _close(built)

    def _build(self, account: Account) -> Adapter | None:
        try:
            if account.mode is Mode.LIVE and not _is_private(account.base_url):
                raise Unusable("a live account is reached by https only")
            setup = Setup(account.base_url, account.credentials, account.settings, self._alarm)
            return self._find(account.provider)(setup)
        except Unusable as error:
            _log.error("gateway %s cannot be used as configured: %s", account.id, error)
            return None


def _is_private(base_url: str) -> bool:
    try:
        url = urlsplit(base_url)
    except ValueError:
        return False
    return url.scheme == "https" or url.hostname in LOOPBACK


def _close(built: _Built) -> None:
    if built.adapter is not None:
        built.adapter.close()
