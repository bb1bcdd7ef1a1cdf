"""Gateway changes: added, changed and removed by operators; another account is another gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from psycopg.errors import ForeignKeyViolation
from sqlalchemy import Connection, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from domain.attempt import State
from domain.payment import Mode
from ops.store import tables
from ops.store.certificates import forget_certificates
from ops.store.changes import ChangeRefused, changed
from ops.store.gateways import Account, account_of, account_values, route_values
from ops.vault import Vault

#: In these an attempt still needs its gateway: to be resolved, captured or voided there.
OPEN: Final = (
    State.SENDING,
    State.UNKNOWN,
    State.PENDING,
    State.REQUIRES_ACTION,
    State.AUTHORIZED,
)
#: Told as "changed": they open the account.
_SECRET: Final = frozenset({"credentials", "webhook_secrets"})

_OPEN = text("""
SELECT count(*) FROM payment_attempts WHERE gateway_id = :id AND state IN :open
""").bindparams(bindparam("open", value=[state.value for state in OPEN], expanding=True))


def open_attempts(db: Connection, gateway_id: str) -> int:
    """Count the attempts that still need this gateway."""
    return int(db.execute(_OPEN, {"id": gateway_id}).scalar_one())


def find_account(db: Connection, vault: Vault, gateway_id: str) -> Account:
    """Return a gateway's configuration. Raises `ChangeRefused` for an unknown one."""
    return account_of(_held(db, gateway_id, lock=False), vault)


def add_gateway(db: Connection, vault: Vault, account: Account, by: str) -> None:
    """Write a new gateway with its routes. Raises `ChangeRefused`: the id is taken."""
    t = tables.gateways
    fixed = {"id": account.id, "provider": account.provider, "mode": account.mode.value}
    written = db.execute(
        upsert(t)
        .values(fixed | account_values(vault, account))
        .on_conflict_do_nothing()
        .returning(t.c.id)
    )
    if written.scalar_one_or_none() is None:
        raise ChangeRefused(
            "ID",
            f"there is a gateway {account.id} already",
            "choose another id, or change that one: `paylink gateways set`",
        )
    for route in account.routes:
        values = route_values(route) | {"gateway_id": account.id}
        db.execute(tables.gateway_routes.insert().values(values))
    said = fixed | _shown(account)
    changed(db, by, "gateway.added", "gateway", account.id, after=said, mode=account.mode)


def set_gateway(
    db: Connection, vault: Vault, gateway_id: str, changes: Mapping[str, Any], by: str
) -> Account:
    """Change a gateway's configuration by field of `Account`, and return it as it is then.

    Provider, mode and id are not among what can change; credentials are another key to the same
    account. Raises `ChangeRefused`: an unknown gateway, or another address under open attempts.
    """
    assert not {"id", "provider", "mode", "routes", "version"} & changes.keys()
    before = account_of(_held(db, gateway_id, lock=True), vault)
    after = replace(before, **changes, version=before.version + 1)
    if after.base_url != before.base_url and (count := open_attempts(db, gateway_id)):
        raise ChangeRefused(
            "--base-url",
            f"{count} open attempts of {gateway_id} must be resolved where they were sent",
            "wait for them, or add the other address as another gateway",
        )
    if {"settings", "base_url"} & changes.keys():
        forget_certificates(db, gateway_id)
    again = {"version": after.version, "updated_at": text("clock_timestamp()")}
    where = tables.gateways.c.id == gateway_id
    db.execute(update(tables.gateways).where(where).values(account_values(vault, after) | again))
    said = {name: value for name, value in _shown(after).items() if name in changes}
    said |= dict.fromkeys(sorted(_SECRET & changes.keys()), "changed")
    old = {name: value for name, value in _shown(before).items() if name in changes}
    changed(
        db, by, "gateway.changed", "gateway", gateway_id, before=old, after=said, mode=before.mode
    )
    return after


def remove_gateway(db: Connection, gateway_id: str, by: str) -> None:
    """Delete a gateway that nothing refers to (law 3), with its routes.

    Raises `ChangeRefused`: unknown, open attempts, or a history that the books must keep.
    """
    found = _held(db, gateway_id, lock=True)  # nobody writes an attempt there meanwhile
    if count := open_attempts(db, gateway_id):
        raise ChangeRefused(
            "ID",
            f"{count} attempts at {gateway_id} are still open",
            "switch it off, so that it gets no new ones, and let them end: "
            f"`paylink gateways set {gateway_id} --inactive`",
        )
    try:
        with db.begin_nested():
            forget_certificates(db, gateway_id)
            for table in (tables.gateway_routes, tables.gateway_health):
                db.execute(delete(table).where(table.c.gateway_id == gateway_id))
            db.execute(delete(tables.gateways).where(tables.gateways.c.id == gateway_id))
    except IntegrityError as error:
        if not isinstance(error.orig, ForeignKeyViolation):
            raise
        raise ChangeRefused(
            "ID",
            f"the books tell of payments at {gateway_id}, which may have to be refunded there",
            f"switch it off instead: `paylink gateways set {gateway_id} --inactive`",
        ) from None
    said = {"provider": found.provider, "mode": found.mode}
    after: dict[str, object] = {"removed": True}
    changed(
        db,
        by,
        "gateway.removed",
        "gateway",
        gateway_id,
        before=said,
        after=after,
        mode=Mode(found.mode),
    )


def _held(db: Connection, gateway_id: str, *, lock: bool) -> Any:
    query = select(tables.gateways).where(tables.gateways.c.id == gateway_id)
    found = db.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise ChangeRefused(
            "ID", f"there is no gateway {gateway_id}", "choose one of `paylink gateways list`"
        )
    return found


def _shown(account: Account) -> dict[str, object]:
    """Return what the audit may know of a configuration."""
    return {
        "name": account.name,
        "type": account.type,
        "data_format": account.data_format,
        "priority": account.priority,
        "base_url": account.base_url,
        "settings": dict(account.settings),
        "ip_allowlist": list(account.ip_allowlist),
        "active": account.active,
        "max_in_flight": account.max_in_flight,
    }
