"""Payers: the provider's page is approved, declined, or left alone until the merchant cancels."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e
THREE_DS = {"sandbox": "sandbox-a:three_ds"}


def press(system: System, url: str, button: str) -> None:
    """Open the provider's page as a browser does and press one of its buttons."""
    page = system.http.request("GET", url).data.decode()
    form = re.search(r'<form[^>]*action="([^"]*)"', page)
    name, value = button_of(page, button)
    target = form[1] if form and form[1] else url
    where = target if target.startswith("http") else url.split("/pay/", maxsplit=1)[0] + target
    answer = system.http.request(
        "POST",
        where,
        body=urlencode({name: value}),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        redirect=False,
    )
    assert answer.status in (200, 303), (answer.status, answer.data)


def button_of(page: str, word: str) -> tuple[str, str]:
    for tag in re.findall(r"<button[^>]*>", page):
        if word in tag:
            return re.findall(r'name="([^"]+)"', tag)[0], re.findall(r'value="([^"]+)"', tag)[0]
    raise AssertionError(f"no button {word} in {page}")


@pytest.mark.parametrize(("button", "status"), [("approve", "captured"), ("decline", "failed")])
def test_the_payers_answer_on_the_page_decides(system: System, button: str, status: str) -> None:
    id_ = system.checkout(4100, metadata=THREE_DS)
    waiting = system.settled(id_, "requires_action")
    assert waiting["next_action"]["type"] == "redirect"

    press(system, waiting["next_action"]["url"], button)

    assert system.settled(id_)["status"] == status
    assert system.payment(id_)["next_action"] is None


def test_a_payment_that_waits_for_its_payer_is_cancelled_at_the_provider_first(
    system: System,
) -> None:
    id_ = system.checkout(4200, metadata=THREE_DS)
    url = system.settled(id_, "requires_action")["next_action"]["url"]

    asked = system.call("POST", f"/v1/payments/{id_}/cancel")

    assert (asked.status, asked.json()["cancel_requested"]) == (202, True)
    system.settled(id_, "cancelled")
    (attempt,) = system.call("GET", f"/v1/payments/{id_}/attempts").json()["data"]
    assert (attempt["state"], attempt["proof"]) == ("voided", "voided")
    assert "canceled" in system.http.request("GET", url).data.decode().lower()
    again = system.call("POST", f"/v1/payments/{id_}/cancel")
    assert (again.status, again.json()["status"]) == (200, "cancelled")


def test_what_is_captured_can_no_longer_be_cancelled(system: System) -> None:
    id_ = system.checkout(4300)
    system.settled(id_, "captured")

    refused = system.call("POST", f"/v1/payments/{id_}/cancel")

    assert (refused.status, refused.json()["code"]) == (409, "illegal_state")


def test_what_is_being_charged_cannot_be_cancelled_meanwhile(system: System) -> None:
    id_ = system.checkout(4400, metadata={"sandbox": "sandbox-a:hang_before_charge"})

    def refused() -> bool:
        answer = system.call("POST", f"/v1/payments/{id_}/cancel")
        assert answer.status == 409, answer.data
        return bool(answer.json()["code"] == "operation_in_flight")

    eventually(lambda: system.payment(id_)["status"] == "processing", 10)
    assert refused()
    system.settled(id_, "captured")


def test_a_bank_transfer_is_pending_until_the_money_is_there(system: System) -> None:
    answer = system.call(
        "POST", "/v1/payments", {"amount": 4500, "currency": "EUR", "method": "bank_transfer"}
    )
    assert answer.status == 202
    id_ = str(answer.json()["id"])
    waiting = system.settled(id_, "requires_action")

    press(system, waiting["next_action"]["url"], "approve")

    system.settled(id_, "captured")


def test_indonesia_goes_to_the_gateway_that_is_routed_there(system: System) -> None:
    id_ = system.checkout(5100, country="ID")

    assert system.settled(id_, "captured")["provider"] == "sandbox-b"


def test_a_fraudulent_looking_payment_is_declined_without_asking_any_gateway(
    system: System,
) -> None:
    id_ = system.checkout(
        4600,
        payment_method={
            "type": "card",
            "token": "tok_old",
            "card": {"exp_month": 1, "exp_year": 2020, "last4": "4242"},
        },
    )

    payment = system.settled(id_)

    assert (payment["status"], payment["failure"]["code"]) == ("failed", "fraud_declined")
    assert system.call("GET", f"/v1/payments/{id_}/attempts").json()["data"] == []
    (check,) = system.sql(
        "SELECT decision, reason FROM fraud_checks WHERE payment_id = %s", [id_[4:]]
    )
    assert check == {"decision": "decline", "reason": "expired_card"}


def test_a_large_payment_by_wallet_waits_for_a_person(system: System) -> None:
    id_ = system.checkout(
        2_600_000, payment_method={"type": "wallet", "wallet_id": "wallet-of-somebody"}
    )

    assert system.settled(id_, "in_review")["risk_level"] in ("low", "medium")
    cancelled = system.call("POST", f"/v1/payments/{id_}/cancel")
    assert (cancelled.status, cancelled.json()["status"]) == (200, "cancelled")
