"""Probing: ask every gateway whether it answers at all; what is found is shown, never guessed on."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Engine

from domain.ports import Budget, Gateways
from ops.store.gateway_health import note_probe
from ops.store.gateways import read_gateways

#: A probe is a small read: a gateway that needs longer is not well.
PROBE_S = 5.0


def probe_gateways(
    engine: Engine, gateways: Gateways, clock: Callable[[], float] = time.monotonic
) -> int:
    """Probe every active gateway once, and write down what was found. Returns 0: there is no more."""
    with engine.connect() as db:
        ids = [gateway.id for gateway in read_gateways(db) if gateway.active]
    for id_ in ids:
        gateway = gateways.get(id_)
        if gateway is None:
            continue
        now = clock()
        answers = gateway.probe(Budget(now + PROBE_S, now + PROBE_S))
        with engine.begin() as db:
            note_probe(db, id_, answers, None if answers else "it does not answer")
    return 0
