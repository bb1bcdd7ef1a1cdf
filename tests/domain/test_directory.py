"""The directory: what is taken, from whom, between which amounts; and the lists it starts from."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from domain.directory import (
    Gate,
    Snapshot,
    as_shipped,
    check,
    check_preference,
    country_of,
    tender_of,
)
from domain.errors import AmountOutOfRange, InvalidRequest
from domain.money import CURRENCIES, MAX_MINOR
from domain.payment import Mode
from ingress.countries import COUNTRIES

SHIPPED = as_shipped()


def closed(*, currency: str = "", country: str = "") -> Snapshot:
    """The directory with one currency or country switched off."""
    tenders, places = dict(SHIPPED.currencies), dict(SHIPPED.countries)
    if currency:
        tenders[currency] = replace(tenders[currency], active=False)
    if country:
        places[country] = replace(places[country], supported=False)
    return Snapshot(tenders, places)


def fields(snapshot: Snapshot, currency: str, country: str | None) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        check(snapshot, 100, currency, country)
    assert all(error.reason and error.fix for error in refused.value.errors)
    return [error.field for error in refused.value.errors]


def test_every_currency_and_country_is_in_it_with_the_digits_that_money_has() -> None:
    assert SHIPPED.currencies.keys() == CURRENCIES.keys()
    assert SHIPPED.countries.keys() == COUNTRIES
    for code, tender in SHIPPED.currencies.items():
        assert tender.exponent == CURRENCIES[code].exponent
        assert 1 == tender.min_minor < tender.max_minor <= MAX_MINOR
    for country in SHIPPED.countries.values():
        assert country.currency in CURRENCIES, country
        assert country.name.strip() == country.name != ""


@pytest.mark.parametrize(
    ("currency", "most"),
    [("USD", 100_000_00), ("JPY", 15_000_000), ("KWD", 31_000_000), ("IDR", 1_600_000_000_00)],
)
def test_as_shipped_a_payment_is_about_100_000_dollars_at_most(currency: str, most: int) -> None:
    assert SHIPPED.currencies[currency].max_minor == most


@pytest.mark.parametrize("amount", [1, 100_000_00])
def test_the_bounds_belong_to_the_range(amount: int) -> None:
    check(SHIPPED, amount, "USD", "DE")
    check(SHIPPED, amount, "USD", None)


@pytest.mark.parametrize("amount", [0, 100_000_01])
def test_an_amount_outside_names_the_field_and_the_bounds(amount: int) -> None:
    with pytest.raises(AmountOutOfRange) as refused:
        check(SHIPPED, amount, "USD", None, field="refund.amount")

    assert f"refund.amount: {amount} is outside 1..10000000" in refused.value.detail
    assert "0.01 USD to 100000.00 USD" in refused.value.detail
    assert refused.value.fix == "send an integer from 1 to 10000000"


def test_a_currency_that_moves_in_whole_units_starts_with_one() -> None:
    rupiah = SHIPPED.currencies["IDR"]
    assert (rupiah.min_minor, rupiah.least, rupiah.most) == (1, 100, rupiah.max_minor)
    odd = replace(rupiah, min_minor=150, max_minor=1_099)
    assert (odd.least, odd.most) == (200, 1_000)
    for code, tender in SHIPPED.currencies.items():
        assert code == "IDR" or (tender.least, tender.most) == (1, tender.max_minor)

    with pytest.raises(AmountOutOfRange) as refused:
        check(SHIPPED, 50, "IDR", None)
    assert "is outside 100.." in refused.value.detail


OURS, THEIRS = UUID(int=1), UUID(int=2)
GATES = (
    Gate("stripe-eu", "stripe", Mode.TEST),
    Gate("bank-ours", "bank", Mode.TEST, frozenset({OURS})),
    Gate("xendit-theirs", "xendit", Mode.TEST, frozenset({THEIRS})),
    Gate("paypal-live", "paypal", Mode.LIVE),
)


@pytest.mark.parametrize("name", [None, "stripe-eu", "stripe", "bank-ours", "bank"])
def test_a_preference_names_a_gateway_or_a_provider(name: str | None) -> None:
    check_preference(replace(SHIPPED, gates=GATES), name, OURS, Mode.TEST)


@pytest.mark.parametrize("name", ["strip", "paypal", "paypal-live", "xendit", "xendit-theirs"])
def test_a_preference_for_nobody_that_the_merchant_knows_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_preference(replace(SHIPPED, gates=GATES), name, OURS, Mode.TEST)

    (error,) = refused.value.errors
    assert error.field == "provider_preference"
    assert error.reason == f"{name} is neither a gateway nor a provider here"
    assert error.fix == "send one of bank, bank-ours, stripe, stripe-eu, or leave it out"


def test_where_nothing_is_configured_no_preference_is_refused() -> None:
    check_preference(replace(SHIPPED, gates=GATES[:1]), "stripe", OURS, Mode.LIVE)
    check_preference(SHIPPED, "stripe", OURS, Mode.TEST)


def test_what_is_unknown_or_switched_off_is_named_all_at_once() -> None:
    assert fields(SHIPPED, "XXX", "ZZ") == ["currency", "country"]
    assert fields(closed(currency="EUR"), "EUR", "DE") == ["currency"]
    assert fields(closed(country="DE"), "EUR", "DE") == ["country"]


def test_a_wrong_currency_is_told_before_the_amount_is_judged() -> None:
    with pytest.raises(InvalidRequest):
        check(SHIPPED, 0, "XXX", None)


def test_the_tender_is_what_the_currency_takes() -> None:
    assert tender_of(SHIPPED, "EUR", "DE") is SHIPPED.currencies["EUR"]


@pytest.mark.parametrize(
    ("customer", "request_", "default", "routed_by"),
    [
        ("DE", "FR", "US", "DE"),
        (None, "FR", "US", "FR"),
        (None, None, "US", "US"),
        (None, None, None, None),
    ],
)
def test_the_payers_own_country_says_most(
    customer: str | None, request_: str | None, default: str | None, routed_by: str | None
) -> None:
    assert country_of(customer, request_, default) == routed_by
