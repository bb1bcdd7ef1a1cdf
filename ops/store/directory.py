"""The directory as rows: read as one snapshot, changed by operators, every change audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, text

from domain.directory import Country, Gate, Snapshot, Tender
from domain.money import MAX_MINOR
from domain.payment import Mode
from ops.store.accept import Pool
from ops.store.changes import ChangeRefused, changed

_CURRENCIES = """
SELECT code, name, symbol, exponent, min_amount, max_amount, is_active FROM currencies ORDER BY code
"""
_COUNTRIES = "SELECT code, name, default_currency, is_supported FROM countries ORDER BY code"
#: Whose a gateway is: a route for everybody, or none at all, makes it nobody's own.
_GATES: Final = """
SELECT g.id, g.provider, g.mode,
       CASE WHEN bool_and(r.merchant_id IS NOT NULL) THEN array_agg(r.merchant_id) END AS merchants
  FROM gateways g LEFT JOIN gateway_routes r ON r.gateway_id = g.id
 GROUP BY g.id ORDER BY g.id
"""
_SET_CURRENCY = text("""
UPDATE currencies
   SET min_amount = :least, max_amount = :most, is_active = :active, updated_at = clock_timestamp()
 WHERE code = :code
""")
_SET_COUNTRY = text("""
UPDATE countries
   SET default_currency = :currency, is_supported = :supported, updated_at = clock_timestamp()
 WHERE code = :code
""")


@dataclass(frozen=True, slots=True)
class TenderChange:
    """What to change of a currency; None: nothing."""

    min_minor: int | None = None
    max_minor: int | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class CountryChange:
    """What to change of a country; None: nothing."""

    currency: str | None = None
    supported: bool | None = None


async def read_snapshot(pool: Pool) -> Snapshot:
    """Read the whole directory, beside nobody: all statements see one moment."""
    async with pool.connection() as db, db.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await cursor.execute(_CURRENCIES)
        currencies = [_tender(row) for row in await cursor.fetchall()]
        await cursor.execute(_COUNTRIES)
        countries = [_country(row) for row in await cursor.fetchall()]
        await cursor.execute(_GATES)
        gates = [_gate(row) for row in await cursor.fetchall()]
    return _snapshot(currencies, countries, gates)


def read_directory(db: Connection) -> Snapshot:
    """Read currencies and countries in a transaction that is open already."""
    return _snapshot(
        [_tender(row) for row in db.execute(text(_CURRENCIES))],
        [_country(row) for row in db.execute(text(_COUNTRIES))],
    )


def set_currency(db: Connection, code: str, change: TenderChange, by: str) -> Tender:
    """Change what is accepted in a currency, and return it as it is then.

    Raises `ChangeRefused`: an unknown code, or bounds that no payment would meet.
    """
    query = text(_CURRENCIES.replace("ORDER BY code", "WHERE code = :code FOR UPDATE"))
    row = db.execute(query, {"code": code}).one_or_none()
    if row is None:
        raise ChangeRefused(
            "CODE", f"there is no currency {code}", "choose one of `paylink currencies list`"
        )
    before = _tender(row)
    after = replace(before, **_given(change))
    if not 1 <= after.min_minor <= after.max_minor <= MAX_MINOR:
        raise ChangeRefused(
            "--min-amount, --max-amount",
            f"{after.min_minor}..{after.max_minor} are not bounds of a payment",
            f"keep 1 <= minimum <= maximum <= {MAX_MINOR}, in minor units",
        )
    values = {
        "least": after.min_minor,
        "most": after.max_minor,
        "active": after.active,
        "code": code,
    }
    db.execute(_SET_CURRENCY, values)
    changed(
        db, by, "currency.changed", "currency", code, before=_bounds(before), after=_bounds(after)
    )
    return after


def set_country(db: Connection, code: str, change: CountryChange, by: str) -> Country:
    """Change whether payers of a country are served, or its currency, and return it.

    Raises `ChangeRefused`: an unknown country, or an unknown currency.
    """
    query = text(_COUNTRIES.replace("ORDER BY code", "WHERE code = :code FOR UPDATE"))
    row = db.execute(query, {"code": code}).one_or_none()
    if row is None:
        raise ChangeRefused(
            "CODE", f"there is no country {code}", "choose one of `paylink countries list --all`"
        )
    before = _country(row)
    after = replace(before, **_given(change))
    known = text("SELECT true FROM currencies WHERE code = :code")
    if not db.execute(known, {"code": after.currency}).scalar_one_or_none():
        raise ChangeRefused(
            "--default-currency",
            f"there is no currency {after.currency}",
            "choose one of `paylink currencies list --all`",
        )
    values = {"currency": after.currency, "supported": after.supported, "code": code}
    db.execute(_SET_COUNTRY, values)
    changed(db, by, "country.changed", "country", code, before=_terms(before), after=_terms(after))
    return after


def _snapshot(
    currencies: list[Tender], countries: list[Country], gates: Sequence[Gate] = ()
) -> Snapshot:
    tenders = {one.code: one for one in currencies}
    return Snapshot(tenders, {one.code: one for one in countries}, tuple(gates))


def _given(change: TenderChange | CountryChange) -> Mapping[str, Any]:
    values = ((name, getattr(change, name)) for name in change.__dataclass_fields__)
    return {name: value for name, value in values if value is not None}


def _tender(row: Any) -> Tender:
    return Tender(
        *(row.code, row.name, row.symbol, row.exponent, row.min_amount, row.max_amount),
        active=row.is_active,
    )


def _country(row: Any) -> Country:
    return Country(row.code, row.name, row.default_currency, row.is_supported)


def _gate(row: Any) -> Gate:
    merchants = None if row.merchants is None else frozenset(row.merchants)
    return Gate(row.id, row.provider, Mode(row.mode), merchants)


def _bounds(tender: Tender) -> dict[str, object]:
    return {
        "min_amount": tender.min_minor,
        "max_amount": tender.max_minor,
        "is_active": tender.active,
    }


def _terms(country: Country) -> dict[str, object]:
    return {"default_currency": country.currency, "is_supported": country.supported}
