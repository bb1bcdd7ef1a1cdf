"""Reconciling: one run after another, with the lists of the gateways that have one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from domain.flows.reconcile import reconcile
from domain.ports import Runtime
from domain.reconcile_books import Lister, Listers
from ops.store.reconciliation import PostgresRolls


class Listless:
    """Gateways without lists: each attempt is asked about."""

    def lister(self, gateway_id: str) -> Lister | None:
        """None has one."""
        return None


def reconciler(engine: Engine, runtime: Runtime) -> Callable[[], int]:
    """Return what does one run that is due, and says whether there was one."""
    rolls = PostgresRolls(engine, runtime.new_id)
    gateways = runtime.gateways
    listers = gateways if isinstance(gateways, Listers) else Listless()
    return lambda: reconcile(rolls, listers, runtime)
