"""Gateways as rows: what routing reads, what adapters are built from, what operators change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.events import Actor, Entry, Event, Told
from domain.payment import Mode
from domain.routing import GatewayRow, Route
from domain.webhook import Scheme
from ops.store import tables
from ops.store.story import tell
from ops.vault import Vault

#: One row per gateway: its routes gathered, and a person's word while it lasts.
_READ = text("""
SELECT g.id, g.provider, g.mode, g.is_active, g.max_in_flight,
       (SELECT h.forced FROM gateway_health h
         WHERE h.gateway_id = g.id AND h.forced_until > clock_timestamp()) AS forced,
       coalesce(json_agg(json_build_array(r.country, r.currency, r.method, r.priority))
                FILTER (WHERE r.gateway_id IS NOT NULL), '[]') AS routes
  FROM gateways g LEFT JOIN gateway_routes r ON r.gateway_id = g.id
 GROUP BY g.id ORDER BY g.id
""")


@dataclass(frozen=True, slots=True)
class Account:
    """A gateway's configuration; what opens the account stays out of `repr`."""

    id: str
    provider: str
    mode: Mode
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    webhook_secrets: Sequence[str] = field(repr=False)
    scheme: Scheme
    routes: Sequence[Route] = (Route(),)
    settings: Mapping[str, object] = field(default_factory=dict)
    ip_allowlist: Sequence[str] = ()
    active: bool = True
    max_in_flight: int = 32
    version: int = 1


def read_gateways(db: Connection) -> list[GatewayRow]:
    """Return every gateway as routing sees it."""
    return [
        GatewayRow(
            row.id,
            row.provider,
            Mode(row.mode),
            tuple(Route(*route) for route in row.routes),
            row.is_active,
            row.max_in_flight,
            row.forced,
        )
        for row in db.execute(_READ)
    ]


def read_accounts(db: Connection, vault: Vault) -> list[Account]:
    """Return every gateway's configuration with its secrets opened; for adapters and the door."""
    return [
        Account(
            id=row.id,
            provider=row.provider,
            mode=Mode(row.mode),
            base_url=row.base_url,
            credentials=json.loads(_open(vault, row.credentials, "credentials", row.id)),
            webhook_secrets=json.loads(
                _open(vault, row.webhook_secrets, "webhook_secrets", row.id)
            ),
            scheme=Scheme(**row.webhook_scheme),
            settings=row.settings,
            ip_allowlist=row.ip_allowlist,
            active=row.is_active,
            max_in_flight=row.max_in_flight,
            version=row.version,
        )
        for row in db.execute(select(tables.gateways).order_by(tables.gateways.c.id))
    ]


def write_account(db: Connection, vault: Vault, account: Account) -> None:
    """Create a gateway, or change what may change of it; its routes become exactly these."""
    t = tables.gateways
    changes = {
        "base_url": account.base_url,
        "credentials": _seal(vault, dict(account.credentials), "credentials", account.id),
        "webhook_secrets": _seal(
            vault, list(account.webhook_secrets), "webhook_secrets", account.id
        ),
        "webhook_scheme": asdict(account.scheme),
        "settings": dict(account.settings),
        "ip_allowlist": list(account.ip_allowlist),
        "is_active": account.active,
        "max_in_flight": account.max_in_flight,
    }
    fixed = {"id": account.id, "provider": account.provider, "mode": account.mode.value}
    db.execute(
        upsert(t)
        .values(fixed | changes)
        .on_conflict_do_update(index_elements=["id"], set_=changes | {"version": t.c.version + 1})
    )
    db.execute(
        delete(tables.gateway_routes).where(tables.gateway_routes.c.gateway_id == account.id)
    )
    for route in account.routes:
        values = asdict(route) | {"gateway_id": account.id}
        db.execute(insert(tables.gateway_routes).values(values))


def force(
    db: Connection, gateway_id: str, forced: str | None, lasting: timedelta, reason: str, by: str
) -> bool:
    """Hold a gateway up or down for a while, or (None) give it back to its breaker; audited.

    Returns False for an unknown gateway.
    """
    known = db.execute(select(tables.gateways.c.mode).where(tables.gateways.c.id == gateway_id))
    if (mode := known.scalar_one_or_none()) is None:
        return False
    t = tables.gateway_health
    if forced is None:
        db.execute(update(t).where(t.c.gateway_id == gateway_id).values(forced_until=text("now()")))
    else:
        until = text("clock_timestamp() + make_interval(secs => :s)").bindparams(
            s=lasting.total_seconds()
        )
        values = {
            "forced": forced,
            "forced_until": until,
            "reason": reason,
            "changed_by": by,
            "changed_at": text("clock_timestamp()"),
        }
        db.execute(
            upsert(t)
            .values(values | {"gateway_id": gateway_id})
            .on_conflict_do_update(index_elements=["gateway_id"], set_=values)
        )
    said = {"forced": forced, "seconds": int(lasting.total_seconds()), "reason": reason}
    action = f"gateway.held_{forced}" if forced else "gateway.released"
    entry = Entry(Actor.OPERATOR, by, action, "gateway", gateway_id, mode=Mode(mode), after=said)
    tell(db, [Told(entry, Event(action, "gateway", gateway_id, said, mode=Mode(mode)))])
    return True


def _seal(vault: Vault, value: object, column: str, id_: str) -> bytes:
    return vault.seal(json.dumps(value).encode(), table="gateways", column=column, row=id_)


def _open(vault: Vault, sealed: bytes, column: str, id_: str) -> bytes:
    return vault.open(sealed, table="gateways", column=column, row=id_)
