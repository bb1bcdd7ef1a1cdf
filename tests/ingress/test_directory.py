"""The directory at the door: without a database as shipped, and preferences that name somebody."""

from __future__ import annotations

import asyncio

import pytest

from domain.directory import as_shipped
from domain.errors import InvalidRequest
from domain.payment import Mode
from ingress.directory import check_preference, on_memory
from ops.providers import PROVIDERS
from ops.store.gateways import Account


def account(id_: str, provider: str, mode: Mode = Mode.TEST) -> Account:
    return Account(id_, provider, mode, "http://127.0.0.1:1", {}, [], PROVIDERS["sandbox"].scheme)


ACCOUNTS = [account("stripe-eu", "stripe"), account("paypal-live", "paypal", Mode.LIVE)]


def test_without_a_database_the_directory_is_as_shipped() -> None:
    async def read() -> object:
        return await on_memory()()

    assert asyncio.run(read()) == as_shipped()


@pytest.mark.parametrize("name", [None, "stripe-eu", "stripe"])
def test_a_preference_names_a_gateway_or_a_provider(name: str | None) -> None:
    check_preference(name, ACCOUNTS, Mode.TEST)


@pytest.mark.parametrize("name", ["strip", "paypal", "paypal-live"])
def test_a_preference_for_nobody_of_this_mode_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_preference(name, ACCOUNTS, Mode.TEST)

    assert [error.field for error in refused.value.errors] == ["provider_preference"]


def test_where_nothing_is_configured_no_preference_is_refused() -> None:
    check_preference("stripe", ACCOUNTS[:1], Mode.LIVE)
    check_preference("stripe", [], Mode.TEST)
