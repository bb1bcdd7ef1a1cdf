"""Keys: give a merchant a key, list keys, take one away. Only a peppered MAC of a key is kept."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer
from sqlalchemy import Row, insert, text

from domain.ids import Kind, public
from domain.merchant import Scope
from domain.payment import Mode
from ops import apikeys
from ops.cli.deeds import told
from ops.cli.merchants import MOST_LISTED, merchant_id
from ops.cli.refusals import Misuse, Refusal
from ops.cli.show import moment, note, screen, state, table
from ops.cli.where import open_books
from ops.seed import SCOPES
from ops.store import tables
from ops.store.merchants import key_values

#: A key that is to live longer needs no end: it is revoked when it is no longer wanted.
MOST_DAYS: Final = 3_650

_KEY_ID: Final = re.compile(r"(?:pl_(?:test|live)_)?([0-9a-f]{16})")

_MERCHANT = text("SELECT is_active FROM merchants WHERE id = :id")
_EXPIRES = text("SELECT clock_timestamp() + make_interval(days => :days)")
_KEYS = text("""
SELECT k.id, k.merchant_id, m.name, k.mode, k.scopes, k.created_at, k.expires_at, k.revoked_at,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END AS state
  FROM api_keys k JOIN merchants m ON m.id = k.merchant_id
 WHERE CAST(:merchant AS uuid) IS NULL OR k.merchant_id = :merchant
 ORDER BY k.created_at DESC LIMIT :most
""")
_REVOKE = text("""
UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL
RETURNING merchant_id, mode, revoked_at
""")
_REVOKED_AT = text("SELECT revoked_at FROM api_keys WHERE id = :id")


def create(
    merchant: Annotated[str, typer.Argument(metavar="MERCHANT_ID", help="Whose key it is.")],
    mode: Annotated[Mode, typer.Option(help="test moves no money, live does.")],
    expires_days: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_DAYS, help="Days until it ends by itself. None: never."),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it may do; may be repeated. None: read and write payments."),
    ] = None,
) -> None:
    """Create an API key and print it, this once: nobody can read it again, not even from our books.

    The key alone goes to the standard output, so that it can be piped into a secret store.
    """
    owner = merchant_id(merchant)
    key_id, key = apikeys.new_key(mode)
    scopes = sorted({one.value for one in scope}) if scope else list(SCOPES)
    with open_books() as books, books.engine.begin() as db:
        active = db.execute(_MERCHANT, {"id": owner}).scalar_one_or_none()
        if active is None:
            fix = "`paylink merchant list` shows those that exist"
            raise Refusal("MERCHANT_ID", f"there is no merchant {merchant}", fix)
        if not active:
            fix = "a merchant that was switched off gets no key: choose another one"
            raise Refusal("MERCHANT_ID", f"merchant {merchant} is inactive", fix)
        ends = None
        if expires_days is not None:  # by the database's clock, which also judges it
            ends = db.execute(_EXPIRES, {"days": expires_days}).scalar_one()
        pepper = books.settings.secrets.pepper
        db.execute(insert(tables.api_keys).values(key_values(pepper, key, owner, scopes, ends)))
        said = {"scopes": scopes, "expires_at": ends.isoformat() if ends else None}
        told(db, "api_key.created", "api_key", key_id, merchant_id=owner, mode=mode, after=said)
    note(f"key {key_id} ({mode}), shown only now:")
    print(key, flush=True)


def list_(
    merchant: Annotated[
        str | None, typer.Option(metavar="MERCHANT_ID", help="Only this merchant's keys.")
    ] = None,
) -> None:
    """List keys, newest first: who has them, what they open, until when. Never the keys themselves."""
    owner = None if merchant is None else merchant_id(merchant)
    with open_books() as books, books.engine.connect() as db:
        found = db.execute(_KEYS, {"merchant": owner, "most": MOST_LISTED}).all()
    if not found:
        note("there is no key yet: paylink keys create MERCHANT_ID --mode test")
        return
    columns = ("key", "mode", "state", "merchant", "name, scopes", "from, until")
    screen().print(table(columns, [_line(row) for row in found]))


def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY_ID", help="The id from the list, or the whole key.")
    ],
) -> None:
    """Revoke a key: within seconds no request with it is accepted, and nothing brings it back.

    Payments that it created go on.
    """
    id_ = _key_id(key_id)
    with open_books() as books, books.engine.begin() as db:
        row = db.execute(_REVOKE, {"id": id_}).one_or_none()
        if row is None:
            before = db.execute(_REVOKED_AT, {"id": id_}).scalar_one_or_none()
            if before is None:
                fix = "`paylink keys list` shows those that exist"
                raise Refusal("KEY_ID", f"there is no key {id_}", fix)
            screen().print(f"key {id_} had been revoked at {before:%Y-%m-%d %H:%M:%S} UTC")
            return
        told(
            db,
            "api_key.revoked",
            "api_key",
            id_,
            merchant_id=row.merchant_id,
            mode=Mode(row.mode),
            before={"revoked": False},
            after={"revoked": True},
        )
    screen().print(f"key {id_} is revoked")


def _key_id(typed: str) -> str:
    """Read an id, with or without its prefix, or a whole key that leaked. Never repeats it."""
    if key := apikeys.parse(typed):
        return key.id
    if match := _KEY_ID.fullmatch(typed):
        return match[1]
    fix = "copy it from `paylink keys list`: 16 hexadecimal digits"
    raise Misuse("KEY_ID", "it is neither a key's id nor a key of this system", fix)


def _line(row: Row[tuple[object, ...]]) -> tuple[object, ...]:
    ends = row.revoked_at or row.expires_at
    return (
        row.id,
        row.mode,
        state(row.state),
        public(Kind.MERCHANT, row.merchant_id),
        f"{row.name}\n{' '.join(row.scopes)}",
        f"{moment(row.created_at)}\n{moment(ends) if ends else 'no end'}",
    )
