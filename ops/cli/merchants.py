"""Merchants: create one, list them. Every change leaves an audit entry."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final
from uuid import UUID

import typer
import uuid_utils.compat
from sqlalchemy import insert, text

from domain.ids import Kind, public
from ops.cli.deeds import told
from ops.cli.refusals import Misuse
from ops.cli.show import note, screen, state, table
from ops.cli.where import open_books
from ops.store import tables

#: As wide as the column.
MOST_PER_MINUTE: Final = 2_147_483_647
#: Longer names do not fit a line of any list.
MAX_NAME: Final = 200
#: More lines than this are no list for a person.
MOST_LISTED: Final = 1_000

_MERCHANTS = text("""
SELECT m.id, m.name, m.is_active, m.rate_limit_per_minute, m.ip_allowlist,
       count(k.id) FILTER (WHERE k.revoked_at IS NULL
                             AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())) AS in_force
  FROM merchants m LEFT JOIN api_keys k ON k.merchant_id = m.id
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
) -> None:
    """Create a merchant and print its id.

    It can do nothing yet: give it a key with `paylink keys create`.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        fix = f"give 1 to {MAX_NAME} printable characters"
        raise Misuse("NAME", "it is empty, too long or not printable", fix)
    networks = [_network(one) for one in ip_allow or ()]
    id_ = uuid_utils.compat.uuid7()
    values = {
        "id": id_,
        "name": name.strip(),
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


def merchant_id(typed: str) -> UUID:
    """Read a merchant's id as the list shows it, or as the database does. Raises Misuse."""
    try:
        return UUID(typed.removeprefix(f"{Kind.MERCHANT}_"))
    except ValueError:
        fix = "copy it from `paylink merchant list`: mer_ and 32 hexadecimal digits"
        raise Misuse("MERCHANT_ID", f"{typed} is not a merchant's id", fix) from None


def _network(typed: str) -> str:
    try:
        return str(ipaddress.ip_network(typed.strip()))
    except ValueError as error:
        fix = _wider(typed) or "write an address or a network, such as 203.0.113.0/24"
        raise Misuse("--ip-allow", str(error), fix) from None


def _wider(typed: str) -> str:
    """Return what somebody who wrote 10.1.2.3/8 may have meant."""
    try:
        return f"write {ipaddress.ip_network(typed.strip(), strict=False)} for the whole network"
    except ValueError:
        return ""
