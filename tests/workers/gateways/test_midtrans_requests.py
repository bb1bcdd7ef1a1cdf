"""The Midtrans adapter composes the exact bytes, and nothing that Midtrans has no words for."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ids import Kind, public
from domain.means import Method
from domain.payment import CaptureMethod, Payment
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut
from tests.contract.made import a_payment, a_payout_row, a_refund_row, money
from tests.workers.gateways.midtrans_spoken import (
    CARD,
    CHARGE,
    OFFLINE,
    a_charge,
    a_hold,
    a_sale,
    a_transfer,
    a_transfer_out,
    adapter_at,
    idr,
)

REFERENCE = "0123456789abcdef0123456789abcdef"
NOON = datetime(2026, 11, 30, 5, 0, 0, tzinfo=UTC)


def composed(payment: Payment, **settings: object) -> dict[str, Any] | None:
    with closing(adapter_at("http://127.0.0.1:9", **settings)) as adapter:
        request = adapter.compose(Charge(payment), REFERENCE)
    return None if request is None else dict(json.loads(request))


def test_a_card_is_charged_in_whole_rupiah_under_our_reference() -> None:
    payment = a_sale(10_000)

    assert composed(payment) == {
        "payment_type": "credit_card",
        "credit_card": {"token_id": CARD},
        "transaction_details": {"order_id": REFERENCE, "gross_amount": 10_000},
        "custom_field1": public(Kind.PAYMENT, payment.id),
        "custom_field2": "https://shop.example/done",
    }


@pytest.mark.parametrize(
    ("changes", "settings", "card"),
    [
        ({"wants_3ds": True}, {}, {"authentication": True}),
        ({}, {"always_3ds": True}, {"authentication": True}),
        ({"capture_method": CaptureMethod.MANUAL}, {}, {"type": "authorize"}),
        ({"capture_method": CaptureMethod.MANUAL}, {"preauth_type": "hold"}, {"type": "hold"}),
        ({}, {"card_bank": "bni"}, {"bank": "bni"}),
    ],
    ids=["3ds", "always 3ds", "hold", "hold by another name", "acquirer"],
)
def test_a_card_is_charged_as_it_was_asked_and_agreed(
    changes: dict[str, Any], settings: dict[str, object], card: dict[str, Any]
) -> None:
    request = composed(a_sale(**changes), **settings)

    assert request is not None
    assert request["credit_card"] == {"token_id": CARD} | card


def test_a_virtual_account_ends_with_the_payment_by_midtrans_clock() -> None:
    payment = a_transfer(
        "bni", created_at=NOON, expires_at=NOON + timedelta(minutes=30, seconds=59)
    )

    request = composed(payment)

    assert request is not None
    assert request["payment_type"] == "bank_transfer"
    assert request["bank_transfer"] == {"bank": "bni"}
    assert request["custom_expiry"] == {
        "order_time": "2026-11-30 12:00:00 +0700",
        "expiry_duration": 30,
        "unit": "minute",
    }


@pytest.mark.parametrize("bank", ["bca", "bni", "bri", "cimb", "permata"])
def test_a_bank_is_named_by_the_token(bank: str) -> None:
    request = composed(a_transfer(bank))

    assert request is not None
    assert request["bank_transfer"] == {"bank": bank}


@pytest.mark.parametrize(
    ("wallet", "settings", "fields"),
    [
        ("qris", {}, {"acquirer": "gopay"}),
        ("qris", {"qris_acquirer": "airpay shopee"}, {"acquirer": "airpay shopee"}),
        ("gopay", {}, {"enable_callback": True, "callback_url": "https://shop.example/done"}),
        ("shopeepay", {}, {"callback_url": "https://shop.example/done"}),
    ],
)
def test_a_wallet_is_named_by_the_token(
    wallet: str, settings: dict[str, object], fields: dict[str, Any]
) -> None:
    request = composed(a_sale(method=Method("wallet", wallet)), **settings)

    assert request is not None
    assert request["payment_type"] == wallet
    assert request[wallet] == fields
    assert request["custom_expiry"]["unit"] == "minute"


@pytest.mark.parametrize("wallet", ["gopay", "shopeepay"])
def test_a_wallet_without_a_shop_to_return_to_needs_none(wallet: str) -> None:
    request = composed(a_sale(method=Method("wallet", wallet), return_url=None))

    assert request is not None
    assert request[wallet] == {}
    assert "custom_field2" not in request


@pytest.mark.parametrize(
    "payment",
    [
        a_payment(1250, "EUR", method=Method("card", CARD)),
        a_payment(1250, "JPY", method=Method("card", CARD)),
        a_payment(1250, "KWD", method=Method("card", CARD)),
        a_payment(100, "USD", method=Method("card", CARD)),
        a_payment(145_050, "IDR", method=Method("card", CARD)),
        a_payment(1, "IDR", method=Method("card", CARD)),
        a_payment(0, "IDR", method=Method("card", CARD)),
        a_sale(method=Method("card", "")),
        a_sale(method=Method("card", CARD + "t" * 256)),
        a_sale(method=Method("card", "pt-90392f42-d98a-49ef-a7f3-abce00000123")),
        a_sale(method=Method("card", "\ud800")),
        a_sale(method=Method("paypal")),
        a_sale(method=Method("wallet", "wallet_1")),
        a_sale(method=Method("wallet", "bca")),
        a_sale(method=Method("bank_transfer")),
        a_sale(method=Method("bank_transfer", "gopay")),
        a_sale(method=Method("bank_transfer", "mandiri")),
    ],
    ids=lambda payment: f"{payment.money} {payment.method.type}",
)
def test_what_midtrans_has_no_words_for_is_not_composed(payment: Payment) -> None:
    assert composed(payment) is None


def test_a_reference_that_no_order_can_have_is_not_composed() -> None:
    assert OFFLINE.compose(Charge(a_sale()), "r" * 50) is not None
    assert OFFLINE.compose(Charge(a_sale()), "r" * 51) is None
    assert OFFLINE.compose(Charge(a_sale()), "") is None


def test_a_shops_address_that_does_not_fit_is_left_out() -> None:
    request = composed(a_sale(return_url="https://shop.example/" + "x" * 255))

    assert request is not None
    assert "custom_field2" not in request


@pytest.mark.parametrize(
    ("minor", "expected"),
    [
        (14_500_000, {"transaction_id": CHARGE, "gross_amount": 145_000}),
        (100, {"transaction_id": CHARGE, "gross_amount": 1}),
        (14_500_100, None),
        (99, None),
        (150, None),
    ],
)
def test_a_capture_names_the_transaction_and_no_more_than_was_held(
    minor: int, expected: dict[str, Any] | None
) -> None:
    request = OFFLINE.compose(Capture(a_hold(), money(minor, "IDR")), REFERENCE)

    assert (None if request is None else json.loads(request)) == expected


def test_a_capture_of_a_charge_without_an_id_is_not_composed() -> None:
    assert OFFLINE.compose(Capture(a_charge(), idr(1)), REFERENCE) is None


@pytest.mark.parametrize(
    ("minor", "reason", "amount"),
    [(5_000_00, "broken", 5000), (50, "broken", None), (100, "x" * 256, None)],
)
def test_a_refund_is_named_by_our_reference(minor: int, reason: str, amount: int | None) -> None:
    charge = a_charge()
    row = a_refund_row(charge, minor, reason=reason)

    request = OFFLINE.compose(GiveBack(charge, row), REFERENCE)

    expected = {"refund_key": REFERENCE, "amount": amount, "reason": reason}
    assert (None if request is None else json.loads(request)) == (expected if amount else None)


def test_a_payout_holds_both_of_its_requests() -> None:
    request = OFFLINE.compose(PayOut(a_transfer_out(420_000)), REFERENCE)

    assert request is not None
    assert json.loads(request) == {
        "create": {
            "payouts": [
                {
                    "beneficiary_name": "Account Holder",
                    "beneficiary_account": "1234567890",
                    "beneficiary_bank": "bca",
                    "amount": "420000",
                    "notes": REFERENCE,
                }
            ]
        },
        "approve": {},
    }


@pytest.mark.parametrize(
    "token",
    [
        "bca:1234567890",
        "bca:12:Holder",
        "bca:12345x:Holder",
        "BCA:1234567890:Holder",
        ":1234567890:Holder",
        "bca:1234567890:",
        "bca:1234567890:+Holder",
        "bca:1234567890:Holder%0A",
        "ba_1",
        "",
    ],
)
def test_a_payout_to_what_is_no_account_is_not_composed(token: str) -> None:
    assert OFFLINE.compose(PayOut(a_transfer_out(token=token)), REFERENCE) is None


def test_a_payout_that_iris_cannot_make_is_not_composed() -> None:
    account = Destination("bank_account", "bca:1234567890:Holder")
    for row in (
        a_payout_row(4200, "EUR", destination=account),
        a_payout_row(150, "IDR", destination=account),
        a_payout_row(100, "IDR", destination=Destination("card", account.token)),
        a_payout_row(100, "IDR", destination=Destination("wallet", account.token)),
    ):
        assert OFFLINE.compose(PayOut(row), REFERENCE) is None
    assert OFFLINE.compose(PayOut(a_payout_row(100, "IDR", destination=account)), REFERENCE)


def test_the_same_task_is_composed_to_the_same_bytes() -> None:
    task = Charge(a_transfer())

    assert OFFLINE.compose(task, REFERENCE) == OFFLINE.compose(task, REFERENCE)
