"""Routes as rows: listed, added, changed and removed by operators; every change audited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from domain.payment import Mode
from domain.routing import ANY
from ops.store import tables
from ops.store.changes import ChangeRefused, changed

#: Every charge reads every route, so a gateway has not more than a person can survey.
MAX_ROUTES: Final = 500

_T = tables.gateway_routes


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A route as operators see it; amounts in minor units, both included."""

    gateway_id: str
    country: str = ANY
    currency: str = ANY
    method: str = ANY
    operation: str = ANY
    merchant_id: UUID | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    #: None: the gateway's own.
    priority: int | None = None
    #: 0: not written yet.
    id: int = 0


def list_routes(db: Connection, gateway_id: str | None = None) -> list[RouteRow]:
    """Return the routes of one gateway, or all of them."""
    query = select(_T).order_by(_T.c.gateway_id, _T.c.id)
    if gateway_id is not None:
        query = query.where(_T.c.gateway_id == gateway_id)
    return [_row(found) for found in db.execute(query)]


def add_route(db: Connection, route: RouteRow, by: str) -> RouteRow:
    """Write a route and return it with its id.

    Raises `ChangeRefused`: an unknown gateway, country, currency or merchant, bounds without a
    currency, the same conditions twice, or too many routes.
    """
    mode = _gateway(db, route.gateway_id)
    _check(db, route)
    count = text("SELECT count(*) FROM gateway_routes WHERE gateway_id = :id")
    if db.execute(count, {"id": route.gateway_id}).scalar_one() >= MAX_ROUTES:
        raise ChangeRefused(
            "GATEWAY",
            f"{route.gateway_id} has {MAX_ROUTES} routes, the most there may be",
            "remove one, or write one route that covers several",
        )
    with _once(db):
        id_ = db.execute(insert(_T).values(_values(route)).returning(_T.c.id)).scalar_one()
    changed(db, by, "route.added", "gateway", route.gateway_id, after=_said(route, id_), mode=mode)
    return _read(db, id_)


def set_route(db: Connection, id_: int, changes: Mapping[str, Any], by: str) -> RouteRow:
    """Change a route's conditions or priority (by column), and return it as it is then.

    Raises `ChangeRefused` as `add_route` does, or for an unknown route.
    """
    before = _read(db, id_, lock=True)
    mode = _gateway(db, before.gateway_id)
    after = _row_with(before, changes)
    _check(db, after)
    with _once(db):
        db.execute(update(_T).where(_T.c.id == id_).values(_values(after)))
    changed(
        db,
        by,
        "route.changed",
        "gateway",
        after.gateway_id,
        before=_said(before, id_),
        after=_said(after, id_),
        mode=mode,
    )
    return after


def remove_route(db: Connection, id_: int, by: str) -> RouteRow:
    """Delete a route and return what it was. Raises `ChangeRefused` for an unknown one."""
    route = _read(db, id_, lock=True)
    mode = _gateway(db, route.gateway_id)
    db.execute(delete(_T).where(_T.c.id == id_))
    said = _said(route, id_)
    after = {"id": id_}
    changed(
        db, by, "route.removed", "gateway", route.gateway_id, before=said, after=after, mode=mode
    )
    return route


def _gateway(db: Connection, gateway_id: str) -> Mode:
    """Return the gateway's mode and hold its row, so that routes are counted one after another.

    Not so firmly that an attempt, which refers to it, would wait.
    """
    t = tables.gateways
    query = select(t.c.mode).where(t.c.id == gateway_id).with_for_update(key_share=True)
    mode = db.execute(query).scalar_one_or_none()
    if mode is None:
        raise ChangeRefused(
            "GATEWAY", f"there is no gateway {gateway_id}", "choose one of `paylink gateways list`"
        )
    return Mode(mode)


def _check(db: Connection, route: RouteRow) -> None:
    """Refuse what no payment could meet."""
    for option, code, table in (
        ("--country", route.country, "countries"),
        ("--currency", route.currency, "currencies"),
    ):
        known = text(f"SELECT true FROM {table} WHERE code = :code")
        if code != ANY and not db.execute(known, {"code": code}).scalar_one_or_none():
            fix = f"choose one of `paylink {table} list --all`, or '*' for every one"
            raise ChangeRefused(option, f"{code} is none of the {table}", fix)
    bounds = route.min_amount, route.max_amount
    if bounds != (None, None) and route.currency == ANY:
        raise ChangeRefused(
            "--min-amount, --max-amount",
            "minor units mean nothing without a currency",
            "give --currency too, or leave the bounds out",
        )
    least, most = route.min_amount or 1, route.max_amount
    if least < 1 or (most is not None and most < least):
        raise ChangeRefused(
            "--min-amount, --max-amount",
            f"{route.min_amount}..{route.max_amount} hold no amount",
            "keep 1 <= minimum <= maximum, in minor units",
        )


@contextmanager
def _once(db: Connection) -> Iterator[None]:
    """Turn what the table's own laws refuse into a reason."""
    try:
        with db.begin_nested():
            yield
    except IntegrityError as error:
        _refuse(error)


def _refuse(error: IntegrityError) -> NoReturn:
    match error.orig:
        case UniqueViolation():
            raise ChangeRefused(
                "GATEWAY",
                "it has a route with exactly these conditions",
                "change that one's priority: `paylink routes list`, `paylink routes set`",
            ) from None
        case ForeignKeyViolation():
            raise ChangeRefused(
                "--merchant", "there is no such merchant", "choose one of `paylink merchant list`"
            ) from None
        case _:
            raise error


def _read(db: Connection, id_: int, *, lock: bool = False) -> RouteRow:
    query = select(_T).where(_T.c.id == id_)
    found = db.execute(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise ChangeRefused("ID", f"there is no route {id_}", "choose one of `paylink routes list`")
    return _row(found)


def _row(found: Any) -> RouteRow:
    return RouteRow(**found._mapping)


def _row_with(route: RouteRow, changes: Mapping[str, Any]) -> RouteRow:
    return RouteRow(**(_values(route) | {"id": route.id} | dict(changes)))


def _values(route: RouteRow) -> dict[str, Any]:
    return {
        "gateway_id": route.gateway_id,
        "country": route.country,
        "currency": route.currency,
        "method": route.method,
        "operation": route.operation,
        "merchant_id": route.merchant_id,
        "min_amount": route.min_amount,
        "max_amount": route.max_amount,
        "priority": route.priority,
    }


def _said(route: RouteRow, id_: int) -> dict[str, object]:
    """Return a route for the audit."""
    merchant = None if route.merchant_id is None else str(route.merchant_id)
    return _values(route) | {"id": id_, "merchant_id": merchant}
