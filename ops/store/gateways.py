"""Gateways as rows: what routing reads, what adapters are built from, what people look at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.health import Health
from domain.payment import Mode
from domain.routing import GatewayRow, Route
from domain.webhook import Scheme, scheme_of
from ops.store import tables
from ops.store.certificates import read_certificates
from ops.vault import Vault

#: One row per gateway: its routes gathered, a person's word while it lasts, what probes found. A
#: route without a priority of its own has the gateway's.
_READ = text("""
SELECT g.id, g.provider, g.mode, g.is_active, g.max_in_flight, g.name, g.type, g.data_format,
       g.priority, coalesce(h.state, 'up') AS state, h.last_probe_at, h.last_error,
       h.forced, h.forced_until, h.reason, h.changed_by,
       h.forced_until > clock_timestamp() AS held,
       coalesce((SELECT json_agg(json_build_array(r.country, r.currency, r.method,
                        coalesce(r.priority, g.priority), r.operation, r.merchant_id,
                        r.min_amount, r.max_amount) ORDER BY r.id)
                   FROM gateway_routes r WHERE r.gateway_id = g.id), '[]') AS routes
  FROM gateways g LEFT JOIN gateway_health h ON h.gateway_id = g.id
 ORDER BY g.id
""")


@dataclass(frozen=True, slots=True)
class Hold:
    """A person's word about a gateway, in force now."""

    forced: str
    until: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A gateway as people see it: without its secrets, and without its breakers, which Redis has."""

    row: GatewayRow
    name: str
    type: str
    data_format: str
    priority: int
    health: Health
    #: None: it was never probed.
    last_probe_at: datetime | None
    last_error: str | None
    hold: Hold | None


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
    name: str = ""
    type: str = "card"
    data_format: str = "json"
    priority: int = 100
    #: Checked certificates in PEM by address; no part of the configuration.
    certificates: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)


def read_gateways(db: Connection) -> list[GatewayRow]:
    """Return every gateway as routing sees it."""
    return [_row(found) for found in db.execute(_READ)]


def read_seen(db: Connection) -> list[Seen]:
    """Return every gateway as people see it."""
    return [
        Seen(
            _row(found),
            found.name,
            found.type,
            found.data_format,
            found.priority,
            Health(found.state),
            found.last_probe_at,
            found.last_error,
            Hold(found.forced, found.forced_until, found.reason, found.changed_by)
            if found.held
            else None,
        )
        for found in db.execute(_READ)
    ]


def read_accounts(db: Connection, vault: Vault) -> list[Account]:
    """Return every gateway's configuration with its secrets opened; for adapters and the door."""
    t = tables.gateways
    known = read_certificates(db)
    return [
        replace(account_of(found, vault), certificates=known.get(found.id, {}))
        for found in db.execute(select(t).order_by(t.c.id))
    ]


def write_account(db: Connection, vault: Vault, account: Account) -> None:
    """Create a gateway, or change what may change of it; its routes become exactly these."""
    t = tables.gateways
    changes = account_values(vault, account)
    fixed = {"id": account.id, "provider": account.provider, "mode": account.mode.value}
    again = {"version": t.c.version + 1, "updated_at": text("clock_timestamp()")}
    db.execute(
        upsert(t)
        .values(fixed | changes)
        .on_conflict_do_update(index_elements=["id"], set_=changes | again)
    )
    db.execute(
        delete(tables.gateway_routes).where(tables.gateway_routes.c.gateway_id == account.id)
    )
    for route in account.routes:
        values = route_values(route) | {"gateway_id": account.id}
        db.execute(insert(tables.gateway_routes).values(values))


def account_of(found: Any, vault: Vault) -> Account:
    """Return the configuration in a row of `gateways`; its routes are not read here."""
    return Account(
        id=found.id,
        provider=found.provider,
        mode=Mode(found.mode),
        base_url=found.base_url,
        credentials=json.loads(_open(vault, found.credentials, "credentials", found.id)),
        webhook_secrets=json.loads(
            _open(vault, found.webhook_secrets, "webhook_secrets", found.id)
        ),
        scheme=scheme_of(found.webhook_scheme),
        settings=found.settings,
        ip_allowlist=found.ip_allowlist,
        active=found.is_active,
        max_in_flight=found.max_in_flight,
        version=found.version,
        name=found.name,
        type=found.type,
        data_format=found.data_format,
        priority=found.priority,
    )


def account_values(vault: Vault, account: Account) -> dict[str, Any]:
    """Return the columns that may change, with the secrets sealed."""
    return {
        "name": account.name,
        "type": account.type,
        "data_format": account.data_format,
        "priority": account.priority,
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


def route_values(route: Route) -> dict[str, Any]:
    """Return a route's columns."""
    return {
        "country": route.country,
        "currency": route.currency,
        "method": route.method,
        "operation": route.operation,
        "merchant_id": route.merchant_id,
        "min_amount": route.min_minor,
        "max_amount": route.max_minor,
        "priority": route.priority,
    }


def _row(found: Any) -> GatewayRow:
    return GatewayRow(
        found.id,
        found.provider,
        Mode(found.mode),
        tuple(_route(*parts) for parts in found.routes),
        found.is_active,
        found.max_in_flight,
        found.forced if found.held else None,
    )


def _route(
    country: str,
    currency: str,
    method: str,
    priority: int,
    operation: str,
    merchant: str | None,
    least: int | None,
    most: int | None,
) -> Route:
    owner = None if merchant is None else UUID(merchant)
    return Route(country, currency, method, priority, operation, owner, least, most)


def _seal(vault: Vault, value: object, column: str, id_: str) -> bytes:
    return vault.seal(json.dumps(value).encode(), table="gateways", column=column, row=id_)


def _open(vault: Vault, sealed: bytes, column: str, id_: str) -> bytes:
    return vault.open(sealed, table="gateways", column=column, row=id_)
