"""How a payment is paid depends on its source: card, wallet, PayPal, bank transfer."""

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Sandbox, an_order, send
from tests.sandbox.test_page import Reader, click, page

TRANSFER = {"type": "bank_transfer"}
PAYPAL = {"type": "paypal", "token": "pp_1"}
WALLET = {"type": "wallet", "token": "w_1"}


def test_a_wallet_is_charged_like_a_card(sandbox: Sandbox) -> None:
    plain = sandbox.create(an_order(source=WALLET)).json
    careful = sandbox.create(an_order(source=WALLET, three_ds="required")).json

    assert (plain["status"], plain["source_type"]) == ("captured", "wallet")
    assert careful["next_action"]["type"] == "redirect"


@pytest.mark.parametrize("source", [WALLET, TRANSFER], ids=["wallet", "bank_transfer"])
def test_what_is_paid_at_once_cannot_be_authorized_first(
    sandbox: Sandbox, source: dict[str, str]
) -> None:
    order = an_order(source=source, capture=False)

    answer = sandbox.create(order, order["reference"])

    assert (answer.status, answer.error["type"]) == (400, "invalid_request")
    assert (answer.error["code"], answer.error["param"]) == ("capture_not_supported", "capture")
    found = sandbox.get(f"/v1/payments?reference={order['reference']}").json["data"]
    assert found == []
    again = sandbox.create(order | {"capture": True}, order["reference"])
    assert again.status == 201  # a request that was never executed does not use up its key


@pytest.mark.parametrize(("capture", "ends_as"), [(True, "captured"), (False, "authorized")])
def test_paypal_always_asks_the_customer_first(
    sandbox: Sandbox, capture: bool, ends_as: str
) -> None:
    payment = sandbox.create(an_order(source=PAYPAL, capture=capture)).json
    assert (payment["status"], payment["source_type"]) == ("requires_action", "paypal")
    url = f"http://127.0.0.1:{sandbox.port}/pay/{payment['id']}"
    assert payment["next_action"] == {"type": "redirect", "url": url}

    click(sandbox, payment["id"], "approve")

    shown = sandbox.get(f"/v1/payments/{payment['id']}").json
    assert shown["status"] == ends_as
    assert (shown["authorization_expires_at"] is None) == capture


def test_a_customer_can_decline_at_paypal(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order(source=PAYPAL)).json["id"]

    click(sandbox, payment, "decline")

    shown = sandbox.get(f"/v1/payments/{payment}").json
    assert (shown["status"], shown["decline_code"]) == ("declined", "authentication_failed")


def test_a_transfer_names_an_account_of_its_own_and_waits_without_money(sandbox: Sandbox) -> None:
    order = an_order(source=TRANSFER)
    payment = sandbox.create(order).json
    other = sandbox.create(an_order(source=TRANSFER | {"token": "none"})).json

    action = payment["next_action"]
    assert action == {
        "type": "bank_transfer",
        "bank": "Sandbox Bank",
        "account_number": action["account_number"],
        "url": f"http://127.0.0.1:{sandbox.port}/pay/{payment['id']}",
    }
    number = action["account_number"]
    assert number.startswith("88")
    assert (len(number), number.isdecimal()) == (12, True)
    assert other["next_action"]["account_number"] != number
    assert sandbox.get(f"/v1/payments/{payment['id']}").json == payment
    assert (payment["status"], payment["source_type"]) == ("requires_action", "bank_transfer")
    assert sandbox.charges(order["reference"]) == 0


def test_the_page_of_a_transfer_shows_the_account_and_takes_the_money(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = an_order(source=TRANSFER, amount=123_450)
    payment = sandbox.create(order).json
    shown = Reader(page(sandbox, payment["id"]))

    assert "Sandbox Bank" in shown.text
    assert payment["next_action"]["account_number"] in shown.text
    assert "1,234.50 USD" in shown.text
    assert "I have paid" in shown.text
    assert (shown.buttons, shown.addresses) == (["approve"], [])
    assert click(sandbox, payment["id"], "decline").status == 400
    assert sandbox.charges(order["reference"]) == 0

    paid = Reader(click(sandbox, payment["id"], "approve"))

    assert "This payment is paid." in paid.text
    assert sandbox.get(f"/v1/payments/{payment['id']}").json["amount_captured"] == 123_450
    told = receiver.wait_for(order["reference"], 2)
    assert [one.type for one in told] == ["payment.requires_action", "payment.captured"]


def test_an_operator_can_let_a_transfer_arrive(sandbox: Sandbox) -> None:
    order = an_order(source=TRANSFER)
    payment = sandbox.create(order).json["id"]

    shown = sandbox.admin("POST", "/settle", {"payment": payment, "status": "captured"})

    assert (shown["status"], shown["amount_captured"]) == ("captured", 1000)
    assert sandbox.charges(order["reference"]) == 1


def test_a_card_needs_a_token(sandbox: Sandbox) -> None:
    for kind in ("card", "wallet", "paypal"):
        answer = sandbox.create(an_order(source={"type": kind}))
        assert (answer.status, answer.error["param"]) == (400, "source.token")


def test_the_guide_describes_sources_endpoints_and_levers(sandbox: Sandbox) -> None:
    answer = send(sandbox.port, "GET", "/")

    text = Reader(answer).text
    for told in ("bank_transfer", "/v1/payouts", "/payments/{id}/chargeback", "payout_returned"):
        assert told in text
    assert b"prefers-color-scheme: dark" in answer.body
