"""Routes: where each gateway may be used, and in which order; `*` is any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from domain.ids import Kind, public
from domain.money import CURRENCIES, MAX_MINOR, Money
from domain.people import MethodType
from domain.routing import ANY, ROUTED
from ops.cli.changing import changing
from ops.cli.deeds import operator
from ops.cli.merchants import merchant_id
from ops.cli.refusals import Misuse
from ops.cli.show import note, screen, table
from ops.cli.where import open_books
from ops.store.routes import RouteRow, add_route, list_routes, remove_route, set_route

#: As wide as the column.
MOST_PRIORITY: Final = 2_147_483_647

Gateway = Annotated[str, typer.Argument(metavar="GATEWAY", help="As `gateways list` names it.")]
RouteId = Annotated[int, typer.Argument(metavar="ID", help="The route, as `routes list` names it.")]
Where = Annotated[str | None, typer.Option(metavar="CODE", help="ISO 3166-1 code of the payer's.")]
In = Annotated[str | None, typer.Option(metavar="CODE", help="ISO 4217 code of the payment's.")]
By = Annotated[str | None, typer.Option(metavar="TYPE", help=f"One of {', '.join(MethodType)}.")]
Doing = Annotated[str | None, typer.Option(metavar="NAME", help=f"One of {', '.join(ROUTED)}.")]
Whose = Annotated[str | None, typer.Option(metavar="MERCHANT_ID", help="For this one alone.")]
From = Annotated[str | None, typer.Option(metavar="MINOR", help="From this amount, minor units.")]
To = Annotated[str | None, typer.Option(metavar="MINOR", help="Up to this amount, minor units.")]
First = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Lower goes first; '*': the gateway's own.")
]


def list_(
    gateway: Annotated[
        str | None, typer.Option(metavar="GATEWAY", help="Only this gateway's.")
    ] = None,
) -> None:
    """List the routes. Of those that fit a payment, the one with the most conditions counts."""
    with open_books() as books, books.engine.connect() as db:
        found = list_routes(db, gateway)
    if not found:
        note("there is no route: a gateway without one gets no payment: `paylink routes add`")
        return
    columns = ("id", "gateway", "country", "currency", "method", "operation", "merchant")
    lines = [
        (
            *(route.id, route.gateway_id, route.country, route.currency, route.method),
            *(route.operation, _merchant(route), _span(route)),
            "the gateway's" if route.priority is None else route.priority,
        )
        for route in found
    ]
    screen().print(table((*columns, "amounts", "priority"), lines))


def add(
    gateway: Gateway,
    country: Where = None,
    currency: In = None,
    method: By = None,
    operation: Doing = None,
    merchant: Whose = None,
    min_amount: From = None,
    max_amount: To = None,
    priority: First = None,
) -> None:
    """Let a gateway be used where all these conditions hold; without any: everywhere."""
    given = _given(country, currency, method, operation, merchant, min_amount, max_amount, priority)
    with changing() as (_, db):
        route = add_route(db, RouteRow(gateway, **given), operator())
    screen().print(f"route {route.id} is in force: {_words(route)}")


def set_(
    id_: RouteId,
    country: Where = None,
    currency: In = None,
    method: By = None,
    operation: Doing = None,
    merchant: Whose = None,
    min_amount: From = None,
    max_amount: To = None,
    priority: First = None,
) -> None:
    """Change a route's conditions or priority; '*' takes a condition away."""
    given = _given(country, currency, method, operation, merchant, min_amount, max_amount, priority)
    if not given:
        raise Misuse("routes set", "it says nothing to change", "give --priority or a condition")
    with changing() as (_, db):
        route = set_route(db, id_, given, operator())
    screen().print(f"route {route.id} is in force: {_words(route)}")


def remove(id_: RouteId) -> None:
    """Take a route away. A gateway without any gets no new payment."""
    with changing() as (_, db):
        route = remove_route(db, id_, operator())
    screen().print(f"route {id_} is gone: {_words(route)}")


def _given(
    country: str | None,
    currency: str | None,
    method: str | None,
    operation: str | None,
    merchant: str | None,
    min_amount: str | None,
    max_amount: str | None,
    priority: str | None,
) -> Mapping[str, Any]:
    """Return by column what was typed. Whether country, currency and merchant exist, the books say."""
    found: dict[str, Any] = {
        "country": country and country.upper(),
        "currency": currency and currency.upper(),
        "method": _word("--method", method, MethodType),
        "operation": _word("--operation", operation, ROUTED),
    }
    values = {name: value for name, value in found.items() if value is not None}
    if merchant is not None:
        values["merchant_id"] = None if merchant == ANY else _owner(merchant)
    numbers = (
        ("min_amount", min_amount, 1, MAX_MINOR),
        ("max_amount", max_amount, 1, MAX_MINOR),
        ("priority", priority, 0, MOST_PRIORITY),
    )
    for name, typed, least, most in numbers:
        if typed is not None:
            option = f"--{name.replace('_', '-')}"
            values[name] = None if typed == ANY else _number(option, typed, least, most)
    return values


def _word(option: str, typed: str | None, known: Any) -> str | None:
    if typed is not None and typed not in (ANY, *known):
        raise Misuse(option, f"{typed} is not known", f"choose {', '.join(known)} or '*'")
    return typed


def _owner(typed: str) -> UUID:
    try:
        return merchant_id(typed)
    except Misuse as error:
        raise Misuse("--merchant", f"{typed} is not a merchant's id", error.fix) from None


def _number(option: str, typed: str, least: int, most: int) -> int:
    fits = typed.isascii() and typed.isdigit() and len(typed) <= len(str(most))
    if not fits or not least <= int(typed) <= most:
        raise Misuse(option, f"{typed} is not a number in its bounds", f"{least} to {most}, or '*'")
    return int(typed)


def _merchant(route: RouteRow) -> str:
    return ANY if route.merchant_id is None else public(Kind.MERCHANT, route.merchant_id)


def _span(route: RouteRow) -> str:
    if route.currency not in CURRENCIES:
        return ANY
    low, high = (
        None if bound is None else str(Money(bound, CURRENCIES[route.currency]))
        for bound in (route.min_amount, route.max_amount)
    )
    return f"{low or ANY} to {high or ANY}" if low or high else ANY


def _words(route: RouteRow) -> str:
    """Return a route on one line."""
    parts = [route.country, route.currency, route.method, route.operation, _merchant(route)]
    named = [part for part in (*parts, _span(route)) if part != ANY]
    return f"{route.gateway_id} takes {' '.join(named) or 'everything'}"
