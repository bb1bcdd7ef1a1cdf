"""Addresses as their countries write them, and what a saved method is to a payment."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.means import Card, Method
from domain.merchant import HOST
from domain.payment import Mode
from domain.people import (
    EMAIL,
    PHONE,
    POSTCODES,
    Address,
    Asker,
    Means,
    MethodType,
    Person,
    Profile,
    SavedMethod,
    card_fingerprint,
    merchant_told,
)

NOW = datetime(2026, 3, 31, tzinfo=UTC)


def wrong(country: str, zip_code: str | None) -> list[str]:
    return [error.reason for error in Address("x", "y", country, None, zip_code).wrong()]


NEEDED = {"US", "CA", "GB"}
EVERYWHERE = {
    *NEEDED,
    *("AT", "AU", "BE", "BR", "CH", "DE", "ES", "FR", "ID", "IN", "IT", "JP", "NL", "SG"),
}


def test_every_rule_takes_its_own_example() -> None:
    assert POSTCODES.keys() == EVERYWHERE
    for country, rule in POSTCODES.items():
        for example in rule.example.split(" or "):
            assert wrong(country, example) == []


@pytest.mark.parametrize(
    ("country", "zip_code"),
    [
        ("US", "94103"),
        ("US", "94103-1234"),
        ("CA", "K1A 0B1"),
        ("CA", "K1A0B1"),
        ("GB", "SW1A 1AA"),
        ("GB", "M1 1AE"),
        ("GB", "CR2 6XH"),
        ("GB", "DN55 1PT"),
        ("GB", "GIR 0AA"),
        ("AT", "1010"),
        ("AU", "0800"),
        ("AU", "2000"),
        ("BE", "1000"),
        ("BR", "01310-100"),
        ("BR", "01310100"),
        ("CH", "8001"),
        ("DE", "10115"),
        ("DE", "01067"),
        ("ES", "28001"),
        ("ES", "01001"),
        ("ES", "52001"),
        ("FR", "75001"),
        ("FR", "01000"),
        ("FR", "00800"),
        ("ID", "10110"),
        ("IN", "110001"),
        ("IN", "110 001"),
        ("IT", "00184"),
        ("JP", "100-0001"),
        ("JP", "1000001"),
        ("NL", "1012 AB"),
        ("NL", "1012AB"),
        ("SG", "018956"),
        ("PL", "00-001"),
        ("IE", "D02 AF30"),
        ("MT", "V"),
        ("KR", "1" * 12),
        ("HK", None),
        *((country, None) for country in sorted(EVERYWHERE - NEEDED)),
    ],
)
def test_a_postal_code_of_its_country_is_taken(country: str, zip_code: str | None) -> None:
    assert wrong(country, zip_code) == []


@pytest.mark.parametrize(
    ("country", "zip_code", "said"),
    [
        *((country, None, f"is missing in {country}") for country in sorted(NEEDED)),
        ("US", "9410", "is no postal code of US"),
        ("US", "94103-12", "is no postal code of US"),
        ("US", "٩٤١٠٣", "is no postal code of US"),
        ("CA", "D1A 0B1", "is no postal code of CA"),
        ("GB", "94103", "is no postal code of GB"),
        *(
            (country, code, f"is no postal code of {country}")
            for country, codes in {
                "AT": ("0010", "101", "10100", "A-1010"),
                "AU": ("200", "20000", "ABCD"),
                "BE": ("0100", "100", "10000", "B-1000"),
                "BR": ("01310", "01310 100", "013101000"),
                "CH": ("0800", "800", "80010"),
                "DE": ("-10115", "1011", "101150", "00115", "1011A", "1" * 13),
                "ES": ("00001", "53001", "99001", "2800"),
                "FR": ("7500", "750010", "2A004", "F-75001"),
                "ID": ("01110", "1011", "101100"),
                "IN": ("010001", "11000", "1100 01", "110-001"),
                "IT": ("0018", "001840", "IT184"),
                "JP": ("100-001", "10-00001", "100 0001"),
                "NL": ("0012 AB", "1012", "1012 A", "1012 SS", "1012 SA", "1012SD"),
                "SG": ("18956", "0189560"),
                "PL": ("-00001", "1" * 13, "00_001", ""),
            }.items()
            for code in codes
        ),
    ],
)
def test_another_one_is_refused_by_name(country: str, zip_code: str | None, said: str) -> None:
    assert wrong(country, zip_code) == [said]


def test_nothing_personal_is_in_a_repr() -> None:
    secret = "s3cret"
    address = Address(secret, secret, "GB", secret, secret)
    person = Person(secret, secret, secret, address)
    profile = Profile("c-1", secret, "GB", {secret: secret}, person)
    means = Means(MethodType.PAYPAL, secret, paypal_email=secret, wallet_id=secret)

    assert secret not in repr(profile)
    assert secret not in repr(means)


def test_a_payment_with_a_saved_method_is_one_with_its_token() -> None:
    card = Card("fp", "visa", "4242", 12, 2030)
    made = [
        SavedMethod(UUID(int=1), UUID(int=2), Mode.TEST, means, True, NOW, NOW).method
        for means in (
            Means(MethodType.CARD, "tok", "one", card),
            Means(MethodType.WALLET, None, wallet_id="w"),
        )
    ]

    assert made == [Method("card", "tok", card), Method("wallet", "w", None)]


def test_a_fingerprint_depends_on_the_key_and_the_token() -> None:
    assert card_fingerprint(b"k", "tok") == card_fingerprint(b"k", "tok")
    assert len({card_fingerprint(k, t) for k in (b"k", b"l") for t in ("tok", "kot")}) == 4


def test_what_a_merchant_does_is_told_with_its_key_and_owner() -> None:
    asker = Asker(UUID(int=1), Mode.LIVE, "0123", "req-1")
    told = merchant_told(asker, "customer.created", "customer", "cus_1", {"fields": []})

    for one in (told.entry, told.event):
        assert (one.merchant_id, one.mode, one.request_id) == (UUID(int=1), Mode.LIVE, "req-1")
    assert told.entry.actor_id == "key:0123"


@pytest.mark.parametrize(
    "host", ["shop.example.com", "localhost", "xn--bcher-kva.example", "a-b.c"]
)
def test_a_host_is_recognised(host: str) -> None:
    assert HOST.fullmatch(host)


@pytest.mark.parametrize(
    "host", ["", "shop.example.com.", "-a.b", "a b", "a/b", "a:1", "A.b", "x" * 64, "a..b", "a_b"]
)
def test_what_is_no_host_is_not(host: str) -> None:
    assert HOST.fullmatch(host) is None


def test_addresses_and_numbers_have_one_form() -> None:
    assert EMAIL.fullmatch("pat@mail.example")
    assert PHONE.fullmatch("+14155550100")
    for text in ("pat@mail", "pat mail@x.y", "@x.y", "p" * 65 + "@x.y", "pat@x..y"):
        assert EMAIL.fullmatch(text) is None, text
    for text in ("14155550100", "+04155550100", "+1 415", "+1234567890123456", "+12345"):
        assert PHONE.fullmatch(text) is None, text
