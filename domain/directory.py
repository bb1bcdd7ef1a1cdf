"""Directory: which currencies and countries we do business in, and by whose gateways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from domain.errors import AmountOutOfRange, FieldError, InvalidRequest
from domain.iso_countries import COUNTRIES
from domain.iso_currencies import CURRENCY_FACTS
from domain.money import CURRENCIES, Money
from domain.payment import Mode

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

    @property
    def least(self) -> int:
        """The smallest amount that is accepted and moves: Rp 1 is 100, whatever the bound says."""
        return self.rounded_up(self.min_minor)

    @property
    def most(self) -> int:
        """The largest amount that is accepted and moves."""
        return self.rounded_down(self.max_minor)

    def rounded_down(self, minor: int) -> int:
        """Return the last amount up to here that moves."""
        return minor - minor % CURRENCIES[self.code].step

    def rounded_up(self, minor: int) -> int:
        """Return the first amount from here on that moves."""
        return minor + -minor % CURRENCIES[self.code].step


@dataclass(frozen=True, slots=True)
class Country:
    """A country, the currency that is usual there, and whether payers from there are served."""

    code: str
    name: str
    currency: str
    supported: bool = True


@dataclass(frozen=True, slots=True)
class Gate:
    """A gateway by its names, and who may hear them."""

    id: str
    provider: str
    mode: Mode
    #: The merchants that alone use it; None: it is nobody's own.
    merchants: frozenset[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every currency and country by code, and every gateway, as they were at one moment."""

    currencies: Mapping[str, Tender]
    countries: Mapping[str, Country]
    gates: tuple[Gate, ...] = ()


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
    if not tender.least <= amount <= tender.most:
        least, most = (Money(bound, CURRENCIES[currency]) for bound in (tender.least, tender.most))
        raise AmountOutOfRange(
            f"{field}: {amount} is outside {tender.least}..{tender.most}, "
            f"in minor units: {least} to {most}",
            fix=f"send an integer from {tender.least} to {tender.most}",
        )


def check_preference(
    snapshot: Snapshot, preference: str | None, merchant_id: UUID, mode: Mode
) -> None:
    """Refuse a `provider_preference` that names no gateway and no provider of the mode (G-04).

    Raises `InvalidRequest` with the names that the merchant may know; other merchants' gateways are
    as unknown as what does not exist. Where there is no gateway at all no name could be right: then
    none is refused, and the payment waits for a gateway as any other.
    """
    if preference is None:
        return
    shown = [
        gate
        for gate in snapshot.gates
        if gate.mode is mode and (gate.merchants is None or merchant_id in gate.merchants)
    ]
    known = {name for gate in shown for name in (gate.id, gate.provider)}
    if known and preference not in known:
        reason = f"{preference} is neither a gateway nor a provider here"
        fix = f"send one of {', '.join(sorted(known))}, or leave it out"
        raise InvalidRequest([FieldError("provider_preference", reason, fix)])


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
