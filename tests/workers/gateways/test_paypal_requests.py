"""What the PayPal adapter writes, to the byte, and what it has no words for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.means import Method
from domain.payment import CaptureMethod
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut, Void
from tests.contract.made import a_payment, a_payout_row, a_refund_row, money
from tests.workers.gateways.paypal_spoken import (
    OFFLINE,
    PAYPAL,
    RECEIVER,
    adapter_at,
    asking,
    holding,
)
from workers.gateways import Setup, Unusable
from workers.gateways.paypal import PayPal

R = "0123456789abcdef0123456789abcdef"
CONTEXT = {
    "user_action": "PAY_NOW",
    "shipping_preference": "NO_SHIPPING",
    "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
    "return_url": "https://shop.example/done",
    "cancel_url": "https://shop.example/done",
}


def composed(adapter: PayPal = OFFLINE, **changes: Any) -> Any:
    """Return the calls of a charge, read back; None: not expressible."""
    made = adapter.compose(Charge(a_payment(**{"method": PAYPAL} | changes)), R)
    return None if made is None else json.loads(made)


def unit(adapter: PayPal = OFFLINE, **changes: Any) -> Any:
    return composed(adapter, **changes)["create"]["purchase_units"][0]


@pytest.mark.parametrize(
    ("method", "intent", "move"),
    [
        (CaptureMethod.AUTOMATIC, "CAPTURE", "capture"),
        (CaptureMethod.MANUAL, "AUTHORIZE", "authorize"),
    ],
    ids=["sale", "hold"],
)
def test_a_charge_is_an_order_and_the_call_that_moves_its_money(
    method: CaptureMethod, intent: str, move: str
) -> None:
    assert composed(capture_method=method, description="Two books") == {
        "create": {
            "intent": intent,
            "purchase_units": [
                {
                    "amount": {"currency_code": "EUR", "value": "12.50"},
                    "custom_id": R,
                    "invoice_id": R,
                    "description": "Two books",
                }
            ],
            "payment_source": {"paypal": {"experience_context": CONTEXT}},
        },
        "move": move,
        "body": {},
    }


def test_the_bytes_of_both_calls_are_in_what_is_stored() -> None:
    stored = OFFLINE.compose(Charge(a_payment(method=PAYPAL)), R)

    assert stored is not None
    assert stored.startswith(b'{"create":{"intent":"CAPTURE","purchase_units":[{"amount":')
    assert stored.endswith(b'},"move":"capture","body":{}}')


@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [
        (1, "EUR", "0.01"),
        (1250, "EUR", "12.50"),
        (123_457, "USD", "1234.57"),
        (1250, "JPY", "1250"),
        (1200, "HUF", "12"),
        (1250, "HUF", None),
        (1200, "TWD", "12"),
        (1201, "TWD", None),
        (1250, "KWD", None),
        (1250, "IDR", None),
        (0, "EUR", None),
    ],
)
def test_an_amount_is_written_with_paypals_decimals(
    minor: int, currency: str, value: str | None
) -> None:
    if value is None:
        assert composed(money=money(minor, currency)) is None
    else:
        amount = unit(money=money(minor, currency))["amount"]
        assert amount == {"currency_code": currency, "value": value}


@pytest.mark.parametrize(
    ("decimals", "minor", "value"), [(0, 125_000, "1250"), (2, 125_050, "1250.50")]
)
def test_a_currency_can_be_added_for_an_account_that_has_it(
    decimals: int, minor: int, value: str
) -> None:
    adapter = adapter_at("http://127.0.0.1:9", currencies=f"RUB:2,IDR:{decimals}")

    amount = unit(adapter, money=money(minor, "IDR"))["amount"]

    assert amount == {"currency_code": "IDR", "value": value}
    assert adapter.declaration.currencies is not None
    assert adapter.declaration.currencies["IDR"] == decimals


def test_a_payers_address_is_filled_in_and_any_other_token_is_not_understood() -> None:
    source = composed(method=Method("paypal", "payer@shop.example"))["create"]["payment_source"]

    assert source["paypal"]["email_address"] == "payer@shop.example"
    for token in ("vault-1", "@shop.example", "a b@shop.example", "x" * 250 + "@shop.example"):
        assert composed(method=Method("paypal", token)) is None, token


@pytest.mark.parametrize("type_", ["card", "wallet", "bank_transfer"])
def test_nothing_but_paypal_is_paid_with(type_: str) -> None:
    assert composed(method=Method(type_, "tok_1")) is None


def test_a_description_is_cut_between_two_characters_and_never_decides() -> None:
    assert unit(description="x" * 200)["description"] == "x" * 127
    assert unit(description="\u20ac" * 60)["description"] == "\u20ac" * 42
    assert unit(description="\ud800")["amount"]["value"] == "12.50"
    assert "description" not in unit(description="\ud800")
    assert "description" not in unit(description=None)


def test_without_a_way_back_the_order_has_none() -> None:
    source = composed(return_url=None)["create"]["payment_source"]["paypal"]

    assert "return_url" not in source["experience_context"]
    assert composed(return_url="https://shop.example/" + "x" * 2048) is None
    assert composed(return_url="https://shop.example/\ud800") is None


def test_the_brand_is_an_operators_setting() -> None:
    adapter = adapter_at("http://127.0.0.1:9", brand_name="The Shop")

    source = composed(adapter)["create"]["payment_source"]["paypal"]

    assert source["experience_context"]["brand_name"] == "The Shop"


def test_a_capture_is_final_and_has_a_number_of_its_own() -> None:
    charge = holding()

    assert OFFLINE.compose(Capture(charge, money(1000)), R) == (
        b'{"amount":{"currency_code":"EUR","value":"10.00"},'
        b'"invoice_id":"0123456789abcdef0123456789abcdef","final_capture":true}'
    )
    assert OFFLINE.compose(Capture(charge, money(1251)), R) is None
    assert OFFLINE.compose(Capture(charge, money(1000, "USD")), R) is None


def test_a_void_says_nothing() -> None:
    assert OFFLINE.compose(Void(holding()), R) == b"{}"


def test_a_refund_carries_our_name_and_keeps_its_reason_to_itself() -> None:
    charge = asking()

    assert OFFLINE.compose(GiveBack(charge, a_refund_row(charge, 250)), R) == (
        b'{"amount":{"currency_code":"EUR","value":"2.50"},'
        b'"custom_id":"0123456789abcdef0123456789abcdef",'
        b'"invoice_id":"0123456789abcdef0123456789abcdef"}'
    )
    other = a_refund_row(charge, money=money(250, "USD"))
    assert OFFLINE.compose(GiveBack(charge, other), R) is None


@pytest.mark.parametrize(
    ("receiver", "type_"), [(RECEIVER, "EMAIL"), ("ABCDEFGH23456", "PAYPAL_ID")]
)
def test_a_payout_is_a_batch_of_one(receiver: str, type_: str) -> None:
    row = a_payout_row(destination=Destination("wallet", receiver), description="Thanks")

    made = OFFLINE.compose(PayOut(row), R)

    assert made is not None
    assert json.loads(made) == {
        "sender_batch_header": {"sender_batch_id": R},
        "items": [
            {
                "recipient_type": type_,
                "receiver": receiver,
                "amount": {"currency": "EUR", "value": "42.00"},
                "sender_item_id": R,
                "note": "Thanks",
            }
        ],
    }


@pytest.mark.parametrize(
    "to",
    [
        Destination("wallet", "nobody"),
        Destination("wallet", "ABCDEFGH2345"),
        Destination("wallet", "ABCDEFGH23451"),
        Destination("wallet", "x" * 120 + "@payee.example"),
        Destination("card", RECEIVER),
        Destination("bank_account", RECEIVER),
    ],
)
def test_a_payout_goes_to_paypal_accounts_only(to: Destination) -> None:
    assert OFFLINE.compose(PayOut(a_payout_row(destination=to)), R) is None


@pytest.mark.parametrize(
    ("keys", "settings", "said"),
    [
        ({}, {}, "client_id and client_secret"),
        ({"client_id": "a"}, {}, "client_secret"),
        (None, {"ca_file": 7}, "ca_file"),
        (None, {"orders_window_s": "long"}, "orders_window_s"),
        (None, {"payments_window_s": -1}, "payments_window_s"),
        (None, {"payouts_window_s": True}, "payouts_window_s"),
        (None, {"visibility_lag_s": 10**9}, "visibility_lag_s"),
        (None, {"currencies": {"IDR": 0}}, "currencies"),
        (None, {"currencies": "XYZ:2"}, "currencies"),
        (None, {"currencies": "IDR:1"}, "currencies"),
        (None, {"currencies": "IDR:0, RUB:2"}, "currencies"),
        (None, {"currencies": "IDR"}, "currencies"),
        (None, {"brand_name": "x" * 128}, "brand_name"),
        (None, {"read_disputes": "no"}, "read_disputes"),
    ],
)
def test_a_wrong_configuration_is_named(
    keys: dict[str, str] | None, settings: dict[str, object], said: str
) -> None:
    good = {"client_id": "a", "client_secret": "b"}
    setup = Setup("https://api-m.paypal.com", good if keys is None else keys, settings, print)

    with pytest.raises(Unusable, match=said):
        PayPal(setup)
