"""Directory: which currencies and countries we do business in, and between which amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import AmountOutOfRange, FieldError, InvalidRequest
from domain.iso_countries import COUNTRIES
from domain.iso_currencies import CURRENCY_FACTS
from domain.money import CURRENCIES, Money

_CURRENCY_FIX = "send the code of a currency that is accepted here, such as USD, EUR or IDR"
_COUNTRY_FIX = "send the ISO 3166-1 code of a country that is served here, such as US, DE or ID"


@dataclass(frozen=True, slots=True)
class Tender:
    """A currency and the payments that are accepted in it, in minor units, bounds included."""

    code: str
    name: str
    symbol: str
    exponent: int
    min_minor: int
    max_minor: int
    active: bool = True


@dataclass(frozen=True, slots=True)
class Country:
    """A country, the currency that is usual there, and whether payers from there are served."""

    code: str
    name: str
    currency: str
    supported: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every currency and country by code, as they were at one moment."""

    currencies: Mapping[str, Tender]
    countries: Mapping[str, Country]


def as_shipped() -> Snapshot:
    """Return the directory as a new database has it: everything open, up to 100,000 dollars' worth."""
    tenders = (
        Tender(
            code, name, symbol, CURRENCIES[code].exponent, 1, most * 10 ** CURRENCIES[code].exponent
        )
        for code, (name, symbol, most) in CURRENCY_FACTS.items()
    )
    countries = (Country(code, *facts) for code, facts in COUNTRIES.items())
    return Snapshot({one.code: one for one in tenders}, {one.code: one for one in countries})


def check(
    snapshot: Snapshot, amount: int, currency: str, country: str | None, *, field: str = "amount"
) -> None:
    """Refuse what this house does not take; `amount` is in minor units, no country is any country.

    Raises `InvalidRequest` as `tender_of` does, and `AmountOutOfRange` naming `field` and its
    bounds.
    """
    tender = tender_of(snapshot, currency, country)
    if not tender.min_minor <= amount <= tender.max_minor:
        least, most = (
            Money(bound, CURRENCIES[currency]) for bound in (tender.min_minor, tender.max_minor)
        )
        raise AmountOutOfRange(
            f"{field}: {amount} is outside {tender.min_minor}..{tender.max_minor}, "
            f"in minor units: {least} to {most}",
            fix=f"send an integer from {tender.min_minor} to {tender.max_minor}",
        )


def tender_of(snapshot: Snapshot, currency: str, country: str | None) -> Tender:
    """Return what is accepted in a currency, by payers of a country.

    Raises `InvalidRequest` naming `currency` and `country`: unknown, switched off, not served.
    """
    errors: list[FieldError] = []
    tender = snapshot.currencies.get(currency)
    if tender is None:
        reason = f"{currency} is not a currency we know"
        errors.append(FieldError("currency", reason, _CURRENCY_FIX))
    elif not tender.active:
        reason = f"{currency} is not accepted at the moment"
        errors.append(FieldError("currency", reason, _CURRENCY_FIX))
    if country is not None and (why := _not_served(snapshot, country)):
        errors.append(FieldError("country", why, _COUNTRY_FIX))
    if errors or tender is None:
        raise InvalidRequest(errors)
    return tender


def country_of(
    customer: str | None, request: str | None, merchant_default: str | None
) -> str | None:
    """Return the country that a payment is routed by (G-01): the payer's own says most."""
    return customer or request or merchant_default


def _not_served(snapshot: Snapshot, code: str) -> str | None:
    country = snapshot.countries.get(code)
    if country is None:
        return f"{code} is not a country we know"
    return None if country.supported else f"{country.name} is not served"
