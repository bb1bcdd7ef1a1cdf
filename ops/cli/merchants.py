"""Merchants: create one, list them, change their settings. Every change leaves an audit entry."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import typer
import uuid_utils.compat
from sqlalchemy import Connection, insert, text

from domain.ids import Kind, public
from domain.merchant import Merchant
from ops.cli.deeds import told
from ops.cli.merchant_settings import (
    MOST_PER_MINUTE,
    SETTINGS,
    bounded_rate,
    changed,
    merchant_name,
    network,
    told_change,
)
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import note, screen, state, table
from ops.cli.where import open_books
from ops.store import tables
from ops.store.merchants import read_merchant, remove_merchant, write_settings
from ops.vault import Vault

#: More lines than this are no list for a person.
MOST_LISTED: Final = 1_000

Unbounded = Annotated[
    bool, typer.Option("--unbounded", help="Allow any rate: for the merchant of a load test.")
]
Named = Annotated[str, typer.Argument(metavar="MERCHANT_ID", help="As the list shows it.")]

_MERCHANTS = text("""
SELECT m.id, m.name, m.is_active, m.rate_limit_per_minute, m.ip_allowlist,
       count(k.id) FILTER (WHERE k.revoked_at IS NULL
                             AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS in_force
  FROM merchants m LEFT JOIN api_keys k ON k.merchant_id = m.id
 WHERE m.deleted_at IS NULL
 GROUP BY m.id ORDER BY m.created_at DESC LIMIT :most
""")


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As people call the merchant.")],
    rate_limit: Annotated[
        int, typer.Option(min=1, max=MOST_PER_MINUTE, help="Requests per minute and key.")
    ] = 100,
    ip_allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Only from this network; may be repeated. None: any."),
    ] = None,
    unbounded: Unbounded = False,
) -> None:
    """Create a merchant and print its id.

    It can do nothing yet: give it a key with `paylink keys create`.
    """
    name = merchant_name("NAME", name)
    bounded_rate("--rate-limit", rate_limit, unbounded=unbounded)
    networks = [network("--ip-allow", one) for one in ip_allow or ()]
    id_ = uuid_utils.compat.uuid7()
    values = {
        "id": id_,
        "name": name,
        "rate_limit_per_minute": rate_limit,
        "ip_allowlist": networks,
    }
    shown = public(Kind.MERCHANT, id_)
    with open_books() as books, books.engine.begin() as db:
        db.execute(insert(tables.merchants).values(values))
        # The name stays out of the audit: it may be a person's.
        said = {"rate_limit_per_minute": rate_limit, "ip_allowlist": networks}
        told(db, "merchant.created", "merchant", shown, merchant_id=id_, after=said)
    screen().print(shown, soft_wrap=True)
    note(f"next: paylink keys create {shown} --mode test")


def list_() -> None:
    """List the newest 1000 merchants: requests per minute, networks, and keys in force."""
    with open_books() as books, books.engine.connect() as db:
        found = db.execute(_MERCHANTS, {"most": MOST_LISTED}).all()
    if not found:
        note("there is no merchant yet: paylink merchant create NAME")
        return
    columns = ("merchant", "name", "state", "per min", "networks", "keys")
    lines = [
        (
            public(Kind.MERCHANT, row.id),
            row.name,
            state("active" if row.is_active else "inactive"),
            row.rate_limit_per_minute,
            "\n".join(row.ip_allowlist) or "any",
            row.in_force,
        )
        for row in found
    ]
    screen().print(table(columns, lines))


def show(merchant: Named) -> None:
    """Show a merchant's settings."""
    with open_books() as books, books.engine.connect() as db:
        vault = Vault(books.settings.secrets.keyring)
        found = _found(db, vault, merchant, lock=False)
    values = {name: getattr(found, name) for name in SETTINGS}
    lines: list[tuple[str, object]] = [(name, _shown(value)) for name, value in values.items()]
    lines += [("created", found.created_at), ("updated", found.updated_at)]
    screen().print(table(("setting", public(Kind.MERCHANT, found.id)), lines))


def set_(
    merchant: Named,
    settings: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="As `merchant show` names them."),
    ],
    unbounded: Unbounded = False,
) -> None:
    """Change settings of a merchant: `paylink merchant set mer_... default_country=DE`.

    Lists are separated by commas, `metadata.NAME=VALUE` sets one name of the metadata, and an empty
    value clears. In force within a second.
    """
    with open_books() as books, books.engine.begin() as db:
        vault = Vault(books.settings.secrets.keyring)
        before = _found(db, vault, merchant, lock=True)
        after = changed(before, settings, unbounded=unbounded)
        shown = public(Kind.MERCHANT, after.id)
        if after == before:
            note(f"{shown} is like this already")
            return
        write_settings(db, vault, after)
        was, said = told_change(before, after)
        told(
            *(db, "merchant.updated", "merchant", shown),
            merchant_id=after.id,
            before=was,
            after=said,
        )
    screen().print(f"{shown} is changed", soft_wrap=True)


def remove(merchant: Named) -> None:
    """Remove a merchant for good: its keys are revoked, its payments go on to their end."""
    with open_books() as books, books.engine.begin() as db:
        found = _found(db, Vault(books.settings.secrets.keyring), merchant, lock=True)
        shown = public(Kind.MERCHANT, found.id)
        revoked = remove_merchant(db, found.id)
        said = {"removed": True, "keys_revoked": sorted(revoked)}
        told(db, "merchant.removed", "merchant", shown, merchant_id=found.id, after=said)
    screen().print(f"{shown} is removed, {len(revoked)} keys are revoked", soft_wrap=True)


def _found(db: Connection, vault: Vault, typed: str, *, lock: bool) -> Merchant:
    found = read_merchant(db, vault, merchant_id(typed), lock=lock)
    if found is None:
        fix = "`paylink merchant list` shows those that exist"
        raise Refusal("MERCHANT_ID", f"there is no merchant {typed}", fix)
    return found


def _shown(value: object) -> str:
    """Return a setting as `set` reads it."""
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case dict():
            return "\n".join(f"{name}={item}" for name, item in value.items())
        case None:
            return ""
        case _:
            return str(value)


def merchant_id(typed: str) -> UUID:
    """Read a merchant's id as the list shows it, or as the database does. Raises Misuse."""
    try:
        return UUID(typed.removeprefix(f"{Kind.MERCHANT}_"))
    except ValueError:
        fix = "copy it from `paylink merchant list`: mer_ and 32 hexadecimal digits"
        raise Misuse("MERCHANT_ID", f"{typed} is not a merchant's id", fix) from None
