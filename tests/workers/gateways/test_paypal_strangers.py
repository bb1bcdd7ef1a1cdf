"""Whose an object of PayPal's is: what a webhook names is ours only where our name is on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import Succeeded, Unknown
from tests.contract.made import money
from tests.workers.gateways.paypal_spoken import (
    BATCH,
    CAPTURE,
    ORDER,
    asking,
    batch,
    movement,
    order,
    paid,
    paying_out,
    read_back,
)


def nameless(shown: dict[str, Any]) -> dict[str, Any]:
    """The same order as somebody would have made it who names nothing."""
    unit = shown["purchase_units"][0]
    del unit["custom_id"], unit["invoice_id"]
    return shown


def charges() -> list[dict[str, Any]]:
    attempt = asking()
    return [
        nameless(paid(attempt)),
        nameless(paid(attempt, "DECLINED")),
        nameless(order(attempt, "APPROVED")),
        nameless(order(attempt, "VOIDED")),
        order(attempt, "APPROVED") | {"purchase_units": []},
    ]


@pytest.mark.parametrize("shown", charges())
def test_an_order_that_carries_no_name_is_nobodys(shown: dict[str, Any]) -> None:
    assert isinstance(read_back(asking(), shown, {}), Unknown)


def test_an_order_that_carries_only_an_invoice_of_somebodys_is_not_ours() -> None:
    shown = nameless(paid(asking()))
    shown["purchase_units"][0]["invoice_id"] = "INVOICE-7"

    assert isinstance(read_back(asking(), shown, {}), Unknown)


@pytest.mark.parametrize("name", ["custom_id", "invoice_id"])
def test_one_name_anywhere_in_an_order_is_enough(name: str) -> None:
    attempt = asking()
    on_order, on_capture = nameless(paid(attempt)), nameless(order(attempt))
    on_order["purchase_units"][0][name] = attempt.reference
    named = movement(CAPTURE, "COMPLETED") | {name: attempt.reference}
    on_capture["purchase_units"][0]["payments"] = {"captures": [named]}

    for shown in (on_order, on_capture):
        found = read_back(attempt, shown, {})
        assert isinstance(found, Succeeded)
        assert (found.provider_id, found.money) == (ORDER, money(1250))


@pytest.mark.parametrize("status", ["SUCCESS", "DENIED", "PENDING"])
def test_a_batch_that_carries_no_name_is_nobodys(status: str) -> None:
    attempt = replace(paying_out(), provider_id=BATCH)
    shown = batch(attempt, status)
    shown["batch_header"]["sender_batch_header"] = {}
    whose = shown["items"][0]["payout_item"]
    assert not isinstance(read_back(attempt, shown), Unknown)

    del whose["sender_item_id"]
    assert isinstance(read_back(attempt, shown), Unknown)


def test_somebody_elses_order_is_still_told_under_its_name() -> None:
    attempt: Attempt = asking()
    shown = paid(attempt)
    shown["purchase_units"][0]["custom_id"] = "f" * 32

    found = read_back(attempt, shown, {})

    assert found == Succeeded(ORDER, money(1250), reference="f" * 32)
