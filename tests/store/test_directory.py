"""The directory's tables: filled by the migration, changed by operators, refused where wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.exc import DBAPIError

from domain.directory import Snapshot, as_shipped
from domain.money import CURRENCIES, MAX_MINOR
from ops.store.changes import ChangeRefused
from ops.store.directory import (
    CountryChange,
    TenderChange,
    read_directory,
    read_snapshot,
    set_country,
    set_currency,
)
from tests.store.conftest import Books

pytestmark = pytest.mark.services


@pytest.fixture
def world(books: Books) -> Iterator[Books]:
    """Books whose directory is as shipped again afterwards."""
    yield books
    books.sql("UPDATE currencies SET is_active = true")
    for one in as_shipped().currencies.values():
        bounds = {"least": one.min_minor, "most": one.max_minor, "code": one.code}
        books.sql(
            "UPDATE currencies SET min_amount = :least, max_amount = :most WHERE code = :code"
            " AND (min_amount, max_amount) <> (:least, :most)",
            **bounds,
        )
    for country in as_shipped().countries.values():
        books.sql(
            "UPDATE countries SET is_supported = true, default_currency = :currency"
            " WHERE code = :code AND (NOT is_supported OR default_currency <> :currency)",
            code=country.code,
            currency=country.currency,
        )


def at_the_door(books: Books) -> Snapshot:
    async def read() -> Snapshot:
        pool = AsyncConnectionPool[Any](books.url, min_size=1, max_size=1, open=False)
        async with pool:
            return await read_snapshot(pool)

    return asyncio.run(read())


def directory(books: Books) -> Snapshot:
    with books.engine.connect() as db:
        return read_directory(db)


def test_a_new_database_has_the_whole_directory_with_moneys_own_exponents(books: Books) -> None:
    found = directory(books)

    assert found == as_shipped()
    assert {code: one.exponent for code, one in found.currencies.items()} == {
        code: currency.exponent for code, currency in CURRENCIES.items()
    }


def test_the_door_reads_the_same_directory(world: Books) -> None:
    with world.engine.begin() as db:
        set_currency(db, "EUR", TenderChange(active=False), "ann")

    assert replace(at_the_door(world), gates=()) == directory(world) != as_shipped()


def test_the_door_reads_whose_each_gateway_is(books: Books) -> None:
    sql = "INSERT INTO gateway_routes (gateway_id, merchant_id) VALUES (:gateway, :merchant)"
    first, second = UUID(int=71), UUID(int=72)
    for id_ in (first, second):
        books.sql("INSERT INTO merchants (id, name) VALUES (:id, 'm')", id=id_)
    books.sql("DELETE FROM gateway_routes")
    books.sql(sql, gateway="one", merchant=first)
    books.sql(sql, gateway="one", merchant=second)
    owned = {gate.id: gate.merchants for gate in at_the_door(books).gates}
    books.sql(sql, gateway="one", merchant=None)
    shared = {gate.id: gate.merchants for gate in at_the_door(books).gates}

    assert owned == {"one": {first, second}, "two": None}
    assert shared == {"one": None, "two": None}


def test_a_currencys_bounds_are_changed_and_audited(world: Books) -> None:
    with world.engine.begin() as db:
        after = set_currency(db, "EUR", TenderChange(min_minor=50, max_minor=900), "ann")

    assert directory(world).currencies["EUR"] == after
    assert (after.min_minor, after.max_minor, after.active) == (50, 900, True)
    (entry,) = world.sql("SELECT actor, actor_id, action, entity_id, before, after FROM audit_logs")
    assert entry == {
        "actor": "operator",
        "actor_id": "ann",
        "action": "currency.changed",
        "entity_id": "EUR",
        "before": {"min_amount": 1, "max_amount": 9_000_000, "is_active": True},
        "after": {"min_amount": 50, "max_amount": 900, "is_active": True},
    }
    assert world.sql("SELECT type FROM outbox_events") == [{"type": "currency.changed"}]


def test_a_country_is_switched_off_and_audited(world: Books) -> None:
    with world.engine.begin() as db:
        after = set_country(db, "DE", CountryChange("USD", supported=False), "ann")

    assert directory(world).countries["DE"] == after
    assert (after.currency, after.supported) == ("USD", False)
    assert world.sql("SELECT action FROM audit_logs") == [{"action": "country.changed"}]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("XXX", TenderChange(active=True)),
        ("EUR", TenderChange(min_minor=10_000_000)),
        ("EUR", TenderChange(max_minor=0)),
        ("EUR", TenderChange(max_minor=MAX_MINOR + 1)),
    ],
)
def test_bounds_that_no_payment_meets_are_refused_and_nothing_is_told(
    books: Books, code: str, change: TenderChange
) -> None:
    with pytest.raises(ChangeRefused) as refused, books.engine.begin() as db:
        set_currency(db, code, change, "ann")

    assert refused.value.fix
    assert directory(books) == as_shipped()
    assert books.sql("SELECT 1 FROM audit_logs") == []


@pytest.mark.parametrize(
    ("code", "change"),
    [("ZZ", CountryChange(supported=True)), ("DE", CountryChange(currency="XXX"))],
)
def test_a_country_or_currency_that_does_not_exist_is_refused(
    books: Books, code: str, change: CountryChange
) -> None:
    with pytest.raises(ChangeRefused), books.engine.begin() as db:
        set_country(db, code, change, "ann")


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("currencies SET min_amount = 0", "currencies_amounts"),
        ("currencies SET min_amount = max_amount + 1", "currencies_amounts"),
        (f"currencies SET max_amount = {MAX_MINOR + 1}", "currencies_amounts"),
        ("currencies SET exponent = 4", "currencies_exponent"),
        ("currencies SET code = 'us1' WHERE code = 'USD'", "currencies_code"),
        ("countries SET code = 'd1' WHERE code = 'DE'", "countries_code"),
        ("countries SET default_currency = 'XXX'", "foreign key"),
    ],
)
def test_the_tables_refuse_what_the_code_would(books: Books, change: str, law: str) -> None:
    with pytest.raises(DBAPIError, match=law):
        books.sql(f"UPDATE {change}")
