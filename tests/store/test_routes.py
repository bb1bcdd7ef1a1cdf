"""Routes: every condition reaches routing, nothing impossible is written, every change is told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from domain.payment import Mode
from domain.routing import Route, Wanted, plan
from ops.store import routes
from ops.store.changes import ChangeRefused
from ops.store.gateways import read_gateways
from ops.store.routes import RouteRow, add_route, list_routes, remove_route, set_route
from tests.store.conftest import MERCHANT, Books

pytestmark = pytest.mark.services

NOBODY = UUID(int=99)


def added(books: Books, **route: Any) -> RouteRow:
    with books.engine.begin() as db:
        return add_route(db, RouteRow("one", **route), "ann")


def read(books: Books, gateway: str = "one") -> tuple[Route, ...]:
    """The gateway's routes as routing reads them."""
    with books.engine.connect() as db:
        return next(row for row in read_gateways(db) if row.id == gateway).routes


def told(books: Books) -> list[tuple[Any, ...]]:
    found = books.sql("SELECT actor_id, action, entity_id, mode FROM audit_logs ORDER BY id")
    events = books.sql("SELECT type FROM outbox_events ORDER BY id")
    assert [row["action"] for row in found] == [row["type"] for row in events]
    return [tuple(row.values()) for row in found]


def test_every_condition_reaches_routing(books: Books) -> None:
    route = added(
        books,
        country="DE",
        currency="EUR",
        method="card",
        operation="charge",
        merchant_id=MERCHANT,
        min_amount=100,
        max_amount=200,
        priority=7,
    )

    assert read(books) == (Route(), Route("DE", "EUR", "card", 7, "charge", MERCHANT, 100, 200))
    with books.engine.connect() as db:
        assert list_routes(db, "one")[1] == route
        assert [row.gateway_id for row in list_routes(db)] == ["one", "one", "two"]


def test_a_route_without_a_priority_has_the_gateways_and_follows_it(books: Books) -> None:
    added(books, country="DE")
    assert read(books)[1].priority == 100

    books.sql("UPDATE gateways SET priority = 3 WHERE id = 'one'")

    assert read(books)[1].priority == 3
    assert read(books)[0].priority == 100, "it has one of its own"


def test_a_change_of_routes_decides_the_next_payment(books: Books) -> None:
    def order() -> list[str]:
        asked = Wanted(MERCHANT, Mode.TEST, "DE", "EUR", 150, "card")
        with books.engine.connect() as db:
            return [gateway.id for gateway in plan(asked, read_gateways(db)).order]

    assert order() == ["one", "two"]
    with books.engine.begin() as db:
        route = add_route(db, RouteRow("two", currency="EUR", max_amount=150), "ann")
    assert order() == ["two", "one"]
    with books.engine.begin() as db:
        set_route(db, route.id, {"max_amount": 149}, "ann")
    assert order() == ["one", "two"]
    with books.engine.begin() as db:
        set_route(db, route.id, {"max_amount": None, "merchant_id": MERCHANT}, "ann")
    assert order() == ["two", "one"]
    with books.engine.begin() as db:
        remove_route(db, route.id, "ann")
    assert order() == ["one", "two"]
    actions = ["route.added", "route.changed", "route.changed", "route.removed"]
    assert told(books) == [("ann", action, "two", "test") for action in actions]


@pytest.mark.parametrize(
    ("route", "about"),
    [
        ({"country": "ZZ"}, "--country"),
        ({"currency": "XXX"}, "--currency"),
        ({"merchant_id": NOBODY}, "--merchant"),
        ({"min_amount": 1}, "--min-amount"),
        ({"currency": "EUR", "min_amount": 2, "max_amount": 1}, "--min-amount"),
        ({"currency": "EUR", "max_amount": 0}, "--min-amount"),
        ({}, "GATEWAY"),
    ],
)
def test_a_route_that_cannot_be_is_refused_with_its_fix(
    books: Books, route: dict[str, Any], about: str
) -> None:
    with pytest.raises(ChangeRefused) as refused:
        added(books, **route)

    assert refused.value.field.startswith(about)
    assert refused.value.fix
    assert read(books) == (Route(),)
    assert told(books) == []


def test_a_change_to_the_conditions_of_another_route_is_refused(books: Books) -> None:
    route = added(books, country="DE")

    with pytest.raises(ChangeRefused, match="exactly these"), books.engine.begin() as db:
        set_route(db, route.id, {"country": "*"}, "ann")


def test_what_is_unknown_is_refused(books: Books) -> None:
    with books.engine.connect() as db:
        with pytest.raises(ChangeRefused, match="there is no gateway"):
            add_route(db, RouteRow("three"), "ann")
        with pytest.raises(ChangeRefused, match="there is no route"):
            set_route(db, 999, {"priority": 1}, "ann")
        with pytest.raises(ChangeRefused, match="there is no route"):
            remove_route(db, 999, "ann")


def test_a_gateway_has_only_so_many_routes(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_ROUTES", 2)
    added(books, country="DE")

    with pytest.raises(ChangeRefused, match="the most there may be"):
        added(books, country="FR")


@pytest.mark.parametrize(
    ("columns", "values", "law"),
    [
        ("merchant_id", f"'{MERCHANT}'", None),
        ("country", "'*'", "gateway_routes_once"),
        ("country", "'de'", "gateway_routes_country"),
        ("currency", "'EURO'", "gateway_routes_currency"),
        ("operation", "'refund'", "gateway_routes_operation"),
        ("min_amount", "5", "gateway_routes_amounts_have_a_currency"),
        ("max_amount", "5", "gateway_routes_amounts_have_a_currency"),
        ("currency, min_amount", "'EUR', 0", "gateway_routes_amounts"),
        ("currency, min_amount, max_amount", "'EUR', 6, 5", "gateway_routes_amounts"),
        ("currency, max_amount", "'EUR', 0", "gateway_routes_amounts"),
        ("country, priority", "'DE', -1", "gateway_routes_priority"),
        ("merchant_id", f"'{NOBODY}'", "foreign key"),
    ],
)
def test_the_table_itself_refuses_impossible_and_repeated_routes(
    books: Books, columns: str, values: str, law: str | None
) -> None:
    insert = f"INSERT INTO gateway_routes (gateway_id, {columns}) VALUES ('one', {values})"
    if law is None:  # the same nulls count as the same conditions
        books.sql(insert)
        law = "gateway_routes_once"
    with pytest.raises(DBAPIError, match=law):
        books.sql(insert)
