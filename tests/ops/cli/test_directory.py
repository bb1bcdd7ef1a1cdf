"""Currencies and countries by command: listed, switched, bounded; every change told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def as_before(stage: Stage) -> Iterator[None]:
    """Set back what a test has changed."""
    yield
    stage.sql("UPDATE currencies SET is_active = true, min_amount = 1")
    stage.sql("UPDATE currencies SET max_amount = 9000000 WHERE code = 'EUR'")
    stage.sql("UPDATE countries SET is_supported = true")
    stage.sql("UPDATE countries SET default_currency = 'EUR' WHERE code = 'DE'")


def test_the_lists_show_everything_that_is_accepted(stage: Stage) -> None:
    currencies = stage.run("currencies", "list").out
    countries = stage.run("countries", "list").out

    assert "0.01 EUR to 90000.00 EUR" in currencies
    assert "1 JPY to 15000000 JPY" in currencies
    assert "Germany" in countries
    assert len(countries.splitlines()) == 250


def test_a_currency_is_bounded_and_switched_off(stage: Stage) -> None:
    ran = stage.run("currencies", "set", "eur", "--min-amount", "50", "--max-amount", "1000")
    assert "0.50 EUR to 10.00 EUR, active" in ran.out
    assert "inactive" in stage.run("currencies", "set", "EUR", "--inactive").out

    assert "EUR " not in stage.run("currencies", "list").out
    assert "0.50 EUR to 10.00 EUR" in stage.run("currencies", "list", "--all").out
    assert stage.audit() == [("operator", "currency.changed", "EUR")] * 2


def test_a_country_is_switched_off_and_gets_another_currency(stage: Stage) -> None:
    stage.run("countries", "set", "de", "--unsupported", "--default-currency", "usd")

    assert "Germany" not in stage.run("countries", "list").out
    assert "Germany" in stage.run("countries", "list", "--all").out
    assert stage.sql("SELECT default_currency FROM countries WHERE code = 'DE'") == [
        {"default_currency": "USD"}
    ]
    assert stage.audit() == [("operator", "country.changed", "DE")]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["currencies", "set", "XXX", "--inactive"], 1, "there is no currency XXX"),
        (["currencies", "set", "EUR"], 2, "nothing to change"),
        (["currencies", "set", "EUR", "--min-amount", "0"], 2, "--min-amount"),
        (["currencies", "set", "EUR", "--min-amount", "9000001"], 1, "1 <= minimum <= maximum"),
        (["countries", "set", "ZZ", "--unsupported"], 1, "there is no country ZZ"),
        (["countries", "set", "DE"], 2, "nothing to change"),
        (["countries", "set", "DE", "--default-currency", "XXX"], 1, "there is no currency XXX"),
    ],
)
def test_what_is_wrong_is_refused_with_the_fix(
    stage: Stage, args: list[str], code: int, said: str
) -> None:
    assert said in stage.run(*args, code=code).err

    assert stage.audit() == []
