"""What the Stripe adapter composes, and what it has no words for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.ids import Kind, public
from domain.means import Method
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut
from tests.contract.made import (
    a_hold,
    a_payout_row,
    a_refund_row,
    money,
)
from tests.workers.gateways.stripe_spoken import (
    OFFLINE,
    PAYPAL,
    VISA,
    a_card_payment,
    adapter_at,
    confirming,
    holding,
)

R = "r" * 32
BACK = "https://shop.example/done"


def composed(**changes: Any) -> dict[str, Any] | None:
    body = OFFLINE.compose(Charge(a_card_payment(**changes)), R)
    return None if body is None else json.loads(body)


def test_a_charge_stores_the_requests_of_both_its_calls() -> None:
    payment = a_card_payment(wants_3ds=True, description="Zwölf Äpfel", return_url="https://s/x")

    body = OFFLINE.compose(Charge(payment), R)

    assert body is not None
    assert json.loads(body) == {
        "create": {
            "amount": 1250,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "capture_method": "automatic",
            "description": "Zwölf Äpfel",
            "payment_method_options": {"card": {"request_three_d_secure": "any"}},
            "metadata": {
                "cart": "42",
                "paylink_payment_id": public(Kind.PAYMENT, payment.id),
                "paylink_reference": R,
            },
        },
        "confirm": {"return_url": "https://s/x"},
    }


def test_a_hold_is_captured_by_hand_and_a_wallet_is_a_card() -> None:
    held = OFFLINE.compose(Charge(a_hold(method=VISA)), R)
    wallet = composed(method=Method("wallet", "pm_1"))

    assert held is not None
    assert json.loads(held)["create"]["capture_method"] == "manual"
    assert wallet is not None
    assert wallet["create"]["allowed_payment_method_types"] == ["card"]


@pytest.mark.parametrize(
    ("return_url", "confirm"),
    [(None, {"off_session": True}), ("https://s/x", {"return_url": "https://s/x"})],
    ids=["nobody is there", "they can be asked"],
)
def test_a_saved_card_is_charged_with_the_customer_that_it_is_attached_to(
    return_url: str | None, confirm: dict[str, Any]
) -> None:
    request = composed(method=Method("card", "cus_1:pm_1"), return_url=return_url)

    assert request is not None
    assert (request["create"]["customer"], request["create"]["payment_method"]) == (
        "cus_1",
        "pm_1",
    )
    assert request["confirm"] == confirm


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method("bank_transfer", "pm_1")},
        {"method": Method("card", "")},
        {"method": Method("card", "x" * 256)},
        {"method": Method("card", "cus_1:")},
        {"metadata": {str(n): "x" for n in range(49)}},
        {"metadata": {"n" * 41: "x"}},
        {"metadata": {"a[b]": "x"}},
        {"metadata": {"note": "x" * 501}},
        {"description": "x" * 1001},
        {"return_url": "https://s/" + "x" * 2048},
        {"description": "half a pair: \ud83d"},
        {"amount": 0},
    ],
    ids=str,
)
def test_what_it_has_no_words_for_is_not_composed(changes: dict[str, Any]) -> None:
    assert composed(**changes) is None


@pytest.mark.parametrize("captures", [True, False])
def test_paypal_needs_no_token_and_a_way_back(captures: bool) -> None:
    payment = (a_card_payment if captures else a_hold)(method=PAYPAL, wants_3ds=True)

    body = OFFLINE.compose(Charge(payment), R)

    assert body is not None
    request = json.loads(body)
    create = request["create"]
    assert create["payment_method_data"] == {"type": "paypal"}
    assert create["allowed_payment_method_types"] == ["paypal"]
    assert create["capture_method"] == ("automatic" if captures else "manual")
    assert not {"payment_method", "payment_method_options", "customer"} & create.keys()
    assert request["confirm"] == {"return_url": payment.return_url}


@pytest.mark.parametrize(
    ("token", "return_url", "named", "confirm"),
    [
        ("pm_1", BACK, {"payment_method": "pm_1"}, {"return_url": BACK}),
        (
            "cus_1:pm_1",
            BACK,
            {"customer": "cus_1", "payment_method": "pm_1"},
            {"return_url": BACK},
        ),
        (
            "cus_1:pm_1",
            None,
            {"customer": "cus_1", "payment_method": "pm_1"},
            {"off_session": True},
        ),
    ],
)
def test_a_saved_paypal_account_is_named(
    token: str, return_url: str | None, named: dict[str, str], confirm: dict[str, Any]
) -> None:
    request = composed(method=Method("paypal", token), return_url=return_url)

    assert request is not None
    assert named.items() <= request["create"].items()
    assert "payment_method_data" not in request["create"]
    assert request["confirm"] == confirm


@pytest.mark.parametrize(
    "changes",
    [
        {"return_url": None},
        {"method": Method("paypal", "pm_1"), "return_url": None},
        {"method": Method("paypal", "somebody@payer.example")},
        {"method": Method("paypal", "cus_1:")},
        {"method": Method("paypal", "pm_" + "1" * 253)},
        {"currency": "JPY"},
        {"currency": "BRL"},
    ],
    ids=str,
)
def test_a_paypal_payment_that_could_not_be_made_is_not_composed(changes: dict[str, Any]) -> None:
    assert composed(**{"method": PAYPAL} | changes) is None


def test_an_operator_may_say_where_payers_come_back_to_from_paypal() -> None:
    adapter = adapter_at("http://127.0.0.1:9", return_url="https://shop.example/paid")

    def confirm(**changes: Any) -> Any:
        body = adapter.compose(Charge(a_card_payment(**changes)), R)
        return None if body is None else json.loads(body)["confirm"]

    assert confirm(method=PAYPAL, return_url=None) == {"return_url": "https://shop.example/paid"}
    assert confirm(method=PAYPAL, return_url=BACK) == {"return_url": BACK}
    assert confirm(return_url=None) == {}
    assert confirm(method=Method("card", "cus_1:pm_1"), return_url=None) == {"off_session": True}


def test_what_just_fits_is_composed() -> None:
    fits = {
        "method": Method("card", "x" * 255),
        "metadata": {"n" * 40: "x" * 500} | {str(n): "" for n in range(47)},
        "description": "x" * 1000,
    }

    assert composed(**fits) is not None


def test_a_capture_and_a_refund_name_their_amount() -> None:
    held, charge = holding(), confirming()
    row = a_refund_row(charge, 250, reason="It broke.")

    capture = OFFLINE.compose(Capture(held, money(1000)), R)
    refund = OFFLINE.compose(GiveBack(charge, row), R)

    assert capture == b'{"amount_to_capture":1000}'
    assert refund is not None
    assert json.loads(refund) == {
        "amount": 250,
        "metadata": {"paylink_reference": R, "paylink_reason": "It broke."},
    }


def test_more_than_is_held_or_another_currency_is_neither_captured_nor_refunded() -> None:
    held, charge = holding(), confirming()

    assert OFFLINE.compose(Capture(held, money(1251)), R) is None
    assert OFFLINE.compose(Capture(held, money(1000, "USD")), R) is None
    assert OFFLINE.compose(GiveBack(charge, a_refund_row(charge, money=money(1, "USD"))), R) is None
    assert OFFLINE.compose(GiveBack(charge, a_refund_row(charge, reason="x" * 501)), R) is None


@pytest.mark.parametrize(
    ("destination", "method"),
    [(Destination("bank_account", "ba_1"), "standard"), (Destination("card", "card_1"), "instant")],
)
def test_a_payout_goes_to_an_external_account(destination: Destination, method: str) -> None:
    payout = a_payout_row(destination=destination, description="July")

    body = OFFLINE.compose(PayOut(payout), R)

    assert body is not None
    assert json.loads(body) == {
        "amount": 4200,
        "currency": "eur",
        "destination": destination.token,
        "method": method,
        "description": "July",
        "metadata": {
            "invoice": "7",
            "paylink_payout_id": public(Kind.PAYOUT, payout.id),
            "paylink_reference": R,
        },
    }


@pytest.mark.parametrize(
    "destination",
    [
        Destination("wallet", "ba_1"),
        Destination("bank_account", "DE89370400440532013000"),
        Destination("card", "ba_1"),
        Destination("bank_account", "ba_" + "1" * 255),
    ],
    ids=lambda one: f"{one.type} {one.token:.8}",
)
def test_a_payout_to_anybody_else_is_not_composed(destination: Destination) -> None:
    assert OFFLINE.compose(PayOut(a_payout_row(destination=destination)), R) is None
