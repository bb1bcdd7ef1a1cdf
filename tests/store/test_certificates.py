"""Certificates as rows: each is one gateway's, good for its time, and forgotten with what it came by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.certificates import Certificate
from ops.providers import PROVIDERS
from ops.store.certificates import read_certificates, write_certificate
from ops.store.gateway_changes import find_account, remove_gateway, set_gateway
from ops.store.gateways import read_accounts, write_account
from tests.store.conftest import Books

pytestmark = pytest.mark.services

URL = "https://api.paypal.com/v1/notifications/certs/CERT-1"
GOOD = Certificate(b"a pem", datetime.now(UTC) + timedelta(days=1))


def keep(books: Books, certificate: Certificate = GOOD, gateway: str = "one") -> None:
    with books.engine.begin() as db:
        write_certificate(db, gateway, URL, certificate)


def known(books: Books) -> dict[str, dict[str, bytes]]:
    with books.engine.begin() as db:
        return read_certificates(db)


def test_a_certificate_is_its_gateways_alone_and_comes_with_its_account(books: Books) -> None:
    keep(books)

    assert known(books) == {"one": {URL: b"a pem"}}
    with books.engine.begin() as db:
        accounts = {one.id: one for one in read_accounts(db, books.vault)}
    assert accounts["one"].certificates == {URL: b"a pem"}
    assert accounts["two"].certificates == {}
    assert accounts["one"] == replace(accounts["one"], certificates={})  # no part of its setup


def test_one_that_is_out_of_date_is_not_read_and_a_newer_one_takes_its_place(books: Books) -> None:
    keep(books, replace(GOOD, not_after=datetime.now(UTC) - timedelta(seconds=1)))
    assert known(books) == {}

    keep(books, replace(GOOD, pem=b"newer"))
    assert known(books) == {"one": {URL: b"newer"}}


def test_whom_a_gateway_trusts_changes_with_its_settings_and_its_address(books: Books) -> None:
    for change, left in (
        ({"max_in_flight": 7}, 1),
        ({"settings": {"ca_file": "other.pem"}}, 0),
        ({"base_url": "http://127.0.0.1:2"}, 0),
    ):
        keep(books)
        with books.engine.begin() as db:
            set_gateway(db, books.vault, "one", change, "test")
        assert len(known(books)) == left, change


def test_a_gateway_is_removed_with_its_certificates(books: Books) -> None:
    keep(books)
    with books.engine.begin() as db:
        remove_gateway(db, "one", "test")

    assert known(books) == {}


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_scheme_comes_back_from_its_row_as_it_was(books: Books, name: str) -> None:
    scheme = PROVIDERS[name].scheme
    with books.engine.begin() as db:
        before = find_account(db, books.vault, "one")
        write_account(db, books.vault, replace(before, scheme=scheme))
        after = find_account(db, books.vault, "one")

    assert after.scheme == scheme
