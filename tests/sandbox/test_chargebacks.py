"""Chargebacks: the customer's bank takes money back, whatever was refunded before."""

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Sandbox, an_order


def charge_back(sandbox: Sandbox, payment: str, **fields: object) -> dict[str, object]:
    return dict(sandbox.admin("POST", f"/payments/{payment}/chargeback", fields))


def seen(payment: dict[str, object]) -> tuple[object, object, object]:
    return payment["status"], payment["amount_refunded"], payment["amount_charged_back"]


def test_a_captured_payment_is_charged_back_and_told(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order()
    payment = sandbox.create(order).json
    assert payment["amount_charged_back"] == 0

    shown = charge_back(sandbox, payment["id"], reason="fraudulent")

    assert seen(shown) == ("charged_back", 0, 1000)
    assert sandbox.get(f"/v1/payments/{payment['id']}").json == shown
    assert sandbox.kinds(payment["id"])[-1] == ("chargeback", 1000)
    told = receiver.wait_for(order["reference"], 2)[-1]
    assert (told.type, told.event["data"]) == ("payment.charged_back", {"payment": shown})
    tally = sandbox.admin("GET", "/ledger/summary")["references"][order["reference"]]
    assert (tally["captured"], tally["charged_back"]) == (1000, 1000)


def test_without_an_amount_it_takes_what_has_not_gone_back_yet(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]
    sandbox.refund(payment, amount=300)

    assert seen(charge_back(sandbox, payment)) == ("charged_back", 300, 700)
    assert sandbox.refund(payment, amount=1).error["code"] == "refund_exceeds_captured"


def test_a_bank_may_take_back_what_was_refunded_already(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]
    sandbox.refund(payment)

    assert seen(charge_back(sandbox, payment)) == ("charged_back", 1000, 1000)


def test_a_part_can_be_charged_back_and_the_rest_refunded(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]

    assert seen(charge_back(sandbox, payment, amount=400)) == ("charged_back", 0, 400)
    assert sandbox.refund(payment).json["amount"] == 600
    assert sandbox.get(f"/v1/payments/{payment}").json["status"] == "charged_back"
    with pytest.raises(AssertionError, match="chargeback_exceeds_captured"):
        charge_back(sandbox, payment, amount=601)
    assert seen(charge_back(sandbox, payment, amount=600)) == ("charged_back", 600, 1000)
    with pytest.raises(AssertionError, match="invalid_state"):
        charge_back(sandbox, payment)


@pytest.mark.parametrize("order", [{"capture": False}, {"three_ds": "required"}, {"amount": 9001}])
def test_what_was_not_captured_cannot_be_charged_back(
    sandbox: Sandbox, order: dict[str, object]
) -> None:
    answer = sandbox.create(an_order(**order))
    payment = answer.json if answer.status == 201 else answer.error["payment"]

    with pytest.raises(AssertionError, match="invalid_state"):
        charge_back(sandbox, payment["id"])


def test_a_charged_back_payment_can_be_neither_forced_nor_canceled(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]
    charge_back(sandbox, payment)

    for status in ("captured", "declined", "refunded"):
        with pytest.raises(AssertionError, match="invalid_state"):
            sandbox.admin("POST", "/settle", {"payment": payment, "status": status})
    assert sandbox.post(f"/v1/payments/{payment}/cancel", {}).status == 409


@pytest.mark.parametrize("asked_by", ["amount", "metadata", "everyone"])
def test_a_payment_can_be_charged_back_by_itself(
    sandbox: Sandbox, receiver: Receiver, asked_by: str
) -> None:
    match asked_by:
        case "amount":
            order = an_order(amount=9025)
        case "metadata":
            order = an_order(metadata={"sandbox": "chargeback"})
        case _:
            order = an_order()
            sandbox.fault("chargeback", count=1)

    payment = sandbox.create(order).json

    assert payment["status"] == "captured"
    shown = sandbox.wait_for_status(payment["id"], "charged_back")
    assert shown["amount_charged_back"] == order["amount"]
    told = receiver.wait_for(order["reference"], 2)
    assert [one.type for one in told] == ["payment.captured", "payment.charged_back"]


def test_it_waits_for_the_capture_and_survives_a_restart(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "0.5")
    own.start()
    payment = own.create(an_order(amount=9025, capture=False)).json["id"]
    own.post(f"/v1/payments/{payment}/capture", {"amount": 500})
    own.refund(payment, amount=100)
    own.kill()

    own.start()

    shown = own.wait_for_status(payment, "charged_back")
    assert (shown["amount_refunded"], shown["amount_charged_back"]) == (100, 400)


def test_a_wrong_field_is_refused(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]

    for fields in ({"amount": 0}, {"amount": "1"}, {"colour": "red"}):
        with pytest.raises(AssertionError, match="invalid_request"):
            charge_back(sandbox, payment, **fields)
    with pytest.raises(AssertionError, match="not_found"):
        charge_back(sandbox, "sp_nobody")
