"""Oversight: the gateways as operators and merchants see them now, and a person's word about one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import redis
from sqlalchemy import Engine, select

from domain.breaker import NEW_MONEY, Policy
from domain.payment import Mode
from ops import breakers
from ops.breakers import BreakerView
from ops.store import tables
from ops.store.gateway_health import force
from ops.store.gateways import Seen, read_seen

#: Only these are ever refused by a breaker; what came before is always let through.
OPERATIONS: Final = tuple(sorted(NEW_MONEY))


@dataclass(frozen=True, slots=True)
class Overview:
    """Every gateway, and every breaker by operation and gateway as Redis has it."""

    gateways: tuple[Seen, ...]
    #: None: Redis does not answer, so nobody knows the shared state; charges treat it as closed.
    breakers: Mapping[str, Mapping[str, BreakerView]] | None


class Oversight:
    """Reads and holds gateways; blocking, so the door calls it from threads."""

    def __init__(self, engine: Engine, client: redis.Redis, policy: Policy) -> None:
        """Of `policy` only the breaker's window matters. `client` has short timeouts."""
        self._engine = engine
        self._client = client
        self._policy = policy

    def look(self) -> Overview:
        """Return every gateway of both modes; whoever shows it chooses."""
        with self._engine.connect() as db:
            gateways = tuple(read_seen(db))
        return Overview(gateways, self._breakers([seen.row.id for seen in gateways]))

    def hold(
        self,
        gateway_id: str,
        mode: Mode,
        forced: str | None,
        lasting: timedelta,
        reason: str,
        by: str,
        request_id: str,
    ) -> bool:
        """Hold a gateway up or down, or give it back (None); audited. False: none in this mode."""
        t = tables.gateways
        known = select(t.c.id).where(t.c.id == gateway_id, t.c.mode == mode.value)
        with self._engine.begin() as db:
            if db.execute(known).scalar_one_or_none() is None:
                return False
            return force(db, gateway_id, forced, lasting, reason, by, request_id)

    def _breakers(self, ids: list[str]) -> Mapping[str, Mapping[str, BreakerView]] | None:
        try:
            return {
                operation: breakers.read(self._client, ids, operation, self._policy)
                for operation in OPERATIONS
            }
        except redis.RedisError:
            return None
