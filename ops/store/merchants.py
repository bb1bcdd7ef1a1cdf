"""Merchants and their keys: settings read and changed, a key replaced without an outage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, text, update

from domain.errors import Forbidden, LimitReached, NotFound, Unauthorized
from domain.merchant import MAX_KEYS, Merchant
from domain.people import Asker, merchant_told
from ops import apikeys
from ops.store import tables
from ops.store.rows import Row
from ops.store.story import tell
from ops.vault import Vault

_READ = text("SELECT * FROM merchants WHERE id = :id AND deleted_at IS NULL")
# NO KEY: whatever is written for the merchant meanwhile refers to its id, which does not change.
_LOCK = text(f"{_READ.text} FOR NO KEY UPDATE")
_LIVES = """
revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
_IN_FORCE = text(f"""
SELECT count(*) FROM api_keys WHERE merchant_id = :merchant AND mode = :mode AND {_LIVES}
""")
_LOCK_KEY = text(f"""
SELECT scopes, expires_at FROM api_keys
 WHERE id = :key AND merchant_id = :merchant AND mode = :mode AND {_LIVES} FOR UPDATE
""")
# An end that is nearer stays: rotating never makes a key live longer.
_END = text("""
UPDATE api_keys SET expires_at = least(expires_at, clock_timestamp() + make_interval(secs => :s))
 WHERE id = :key RETURNING expires_at
""")
_REVOKE_ALL = text("""
UPDATE api_keys SET revoked_at = clock_timestamp()
 WHERE merchant_id = :merchant AND revoked_at IS NULL RETURNING id
""")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once; `replaced_until` is when the key that asked for it ends."""

    id: str
    text: str = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: datetime | None
    replaced_until: datetime


class Merchants:
    """A merchant as it sees itself."""

    def __init__(self, engine: Engine, vault: Vault, pepper: bytes) -> None:
        self._engine = engine
        self._vault = vault
        self._pepper = pepper

    def find(self, id_: UUID) -> Merchant:
        """Return a merchant. Raises `NotFound`."""
        with self._engine.connect() as db:
            found = read_merchant(db, self._vault, id_)
        if found is None:
            raise NotFound("merchant")
        return found

    def rotate(self, asker: Asker, scopes: Collection[str] | None, overlap_s: int) -> NewKey:
        """Make a key that takes the place of the asking one, which ends after `overlap_s`.

        The new key may do and last no more than the old one: whoever finds an old key in its last
        hours cannot make it a lasting one. Raises `Forbidden` for scopes that the old one lacks,
        `LimitReached` at `MAX_KEYS`, `Unauthorized` if the old one has ended meanwhile.
        """
        named = {"merchant": asker.merchant_id, "mode": asker.mode.value, "key": asker.key_id}
        with self._engine.begin() as db:
            db.execute(_LOCK, {"id": asker.merchant_id})
            old = db.execute(_LOCK_KEY, named).one_or_none()
            if old is None:
                raise Unauthorized("the API key is not valid")
            wanted = sorted(old.scopes if scopes is None else scopes)
            if lacking := sorted(set(wanted) - set(old.scopes)):
                raise Forbidden(
                    f"this API key does not have the scope {', '.join(lacking)}",
                    fix="ask for scopes that it has",
                )
            if db.execute(_IN_FORCE, named).scalar_one() >= MAX_KEYS:
                raise LimitReached(f"{MAX_KEYS} keys are in force", fix="have one revoked")
            id_, secret = apikeys.new_key(asker.mode)
            values = key_values(self._pepper, secret, asker.merchant_id, wanted, old.expires_at)
            db.execute(insert(tables.api_keys).values(values))
            until = db.execute(_END, {"key": asker.key_id, "s": overlap_s}).scalar_one()
            said = {"replaces": asker.key_id, "scopes": wanted, "overlap_s": overlap_s}
            tell(db, [merchant_told(asker, "api_key.rotated", "api_key", id_, said)])
        return NewKey(id_, secret, tuple(wanted), old.expires_at, until)


def key_values(
    pepper: bytes,
    secret: str,
    merchant_id: UUID,
    scopes: Collection[str],
    expires_at: datetime | None,
) -> dict[str, Any]:
    """Return the columns of a new key: of the secret nothing but its MAC."""
    key = apikeys.parse(secret)
    assert key is not None, "we read what we write"
    return {
        "id": key.id,
        "merchant_id": merchant_id,
        "mode": key.mode.value,
        "secret_mac": apikeys.mac(pepper, key.id, key.secret),
        "scopes": list(scopes),
        "expires_at": expires_at,
    }


def read_merchant(
    db: Connection, vault: Vault, id_: UUID, *, lock: bool = False
) -> Merchant | None:
    """Return a merchant that was not removed, held until the transaction ends if asked."""
    row = db.execute(_LOCK if lock else _READ, {"id": id_}).mappings().one_or_none()
    return None if row is None else _merchant(row, vault)


def write_settings(db: Connection, vault: Vault, merchant: Merchant) -> None:
    """Write what may change of a merchant; the email is sealed."""
    t = tables.merchants
    db.execute(
        update(t)
        .where(t.c.id == merchant.id)
        .values(
            **settings_values(vault, merchant),
            updated_at=text("clock_timestamp()"),
        )
    )


def settings_values(vault: Vault, merchant: Merchant) -> dict[str, Any]:
    """Return the columns of a merchant's settings."""
    email = merchant.email
    return {
        "name": merchant.name,
        "email": None if email is None else vault.seal(email.encode(), **_at(merchant.id)),
        "is_active": merchant.is_active,
        "rate_limit_per_minute": merchant.rate_limit_per_minute,
        "ip_allowlist": list(merchant.ip_allowlist),
        "settlement_currency": merchant.settlement_currency,
        "default_country": merchant.default_country,
        "fallback_enabled": merchant.fallback_enabled,
        "return_url_hosts": list(merchant.return_url_hosts),
        "metadata": dict(merchant.metadata),
    }


def remove_merchant(db: Connection, id_: UUID) -> list[str]:
    """End a merchant and every key of it; its payments go on. Returns the keys that were revoked."""
    t = tables.merchants
    now = text("clock_timestamp()")
    ended = {"is_active": False, "deleted_at": now, "updated_at": now, "email": None}
    db.execute(update(t).where(t.c.id == id_).values(ended))
    return list(db.execute(_REVOKE_ALL, {"merchant": id_}).scalars())


def _merchant(row: Row, vault: Vault) -> Merchant:
    sealed = row["email"]
    return Merchant(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        email=None if sealed is None else vault.open(sealed, **_at(row["id"])).decode(),
        is_active=row["is_active"],
        rate_limit_per_minute=row["rate_limit_per_minute"],
        ip_allowlist=tuple(row["ip_allowlist"]),
        settlement_currency=row["settlement_currency"],
        default_country=row["default_country"],
        fallback_enabled=row["fallback_enabled"],
        return_url_hosts=tuple(row["return_url_hosts"]),
        metadata=row["metadata"],
        deleted_at=row["deleted_at"],
    )


def _at(id_: UUID) -> dict[str, str]:
    return {"table": "merchants", "column": "email", "row": id_.hex}
