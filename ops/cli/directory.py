"""The directory: which currencies and countries are accepted, and between which amounts."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from domain.directory import Country, Tender
from domain.money import CURRENCIES, MAX_MINOR, Money
from ops.cli.changing import changing
from ops.cli.deeds import operator
from ops.cli.refusals import Misuse
from ops.cli.show import note, screen, state, table
from ops.cli.where import open_books
from ops.store.directory import (
    CountryChange,
    TenderChange,
    read_directory,
    set_country,
    set_currency,
)

All = Annotated[bool, typer.Option("--all", help="Also what is switched off.")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="Its ISO code, such as USD or DE.")]
Bound = Annotated[
    int | None, typer.Option(min=1, max=MAX_MINOR, metavar="MINOR", help="In minor units.")
]

_NOTHING: Final = "it says nothing to change"


def list_currencies(everything: All = False) -> None:
    """List the currencies: what a payment in each may be, and whether it is accepted."""
    with open_books() as books, books.engine.connect() as db:
        found = read_directory(db).currencies.values()
    shown = [one for one in found if everything or one.active]
    if not shown:
        note("no currency is accepted: `paylink currencies list --all`")
        return
    lines = [
        (one.code, one.name, one.symbol, one.exponent, _span(one), _accepted(one)) for one in shown
    ]
    columns = ("currency", "name", "symbol", "digits", "payments", "state")
    screen().print(table(columns, lines))


def set_currency_(
    code: Code,
    min_amount: Bound = None,
    max_amount: Bound = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether it is accepted.")
    ] = None,
) -> None:
    """Change what is accepted in a currency. The door knows it a second later."""
    change = TenderChange(min_amount, max_amount, active)
    if change == TenderChange():
        raise Misuse("currencies set", _NOTHING, "give --min-amount, --max-amount or --inactive")
    with changing() as (_, db):
        after = set_currency(db, code.upper(), change, operator())
    screen().print(f"{after.code}: {_span(after)}, {_accepted(after)}")


def list_countries(everything: All = False) -> None:
    """List the countries whose payers are served, and the currency that is usual in each."""
    with open_books() as books, books.engine.connect() as db:
        found = read_directory(db).countries.values()
    shown = [one for one in found if everything or one.supported]
    if not shown:
        note("no country is served: `paylink countries list --all`")
        return
    lines = [(one.code, one.name, one.currency, _served(one)) for one in shown]
    screen().print(table(("country", "name", "currency", "state"), lines))


def set_country_(
    code: Code,
    default_currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="The currency that is usual there.")
    ] = None,
    supported: Annotated[
        bool | None, typer.Option("--supported/--unsupported", help="Whether it is served.")
    ] = None,
) -> None:
    """Change whether payers of a country are served. The door knows it a second later."""
    change = CountryChange(default_currency and default_currency.upper(), supported)
    if change == CountryChange():
        raise Misuse("countries set", _NOTHING, "give --default-currency or --unsupported")
    with changing() as (_, db):
        after = set_country(db, code.upper(), change, operator())
    screen().print(f"{after.code}: {after.currency}, {_served(after)}")


def _span(tender: Tender) -> str:
    currency = CURRENCIES[tender.code]
    return f"{Money(tender.min_minor, currency)} to {Money(tender.max_minor, currency)}"


def _accepted(tender: Tender) -> object:
    return state("active" if tender.active else "inactive")


def _served(country: Country) -> object:
    return state("active" if country.supported else "inactive")
