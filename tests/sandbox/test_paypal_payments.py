"""PayPal's holds, captures, refunds and disputes as its simulator keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.paypal_client import (
    ORDERS,
    PAYMENTS,
    Merchant,
    issues,
    name,
    payments,
    simulator,
)

E422 = "UNPROCESSABLE_ENTITY"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    running = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(running)
    running.stop()


def money(value: str, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": {"currency_code": currency, "value": value}}


def test_a_hold_is_collected_in_part_and_the_rest_is_let_go_of(shop: Merchant) -> None:
    id_, hold = shop.held()
    path = f"{PAYMENTS}/authorizations/{hold}/capture"

    made = shop.post(path, money("10.00") | {"final_capture": True}, name())

    assert (made.status, made.json["status"]) == (201, "COMPLETED")
    shown = payments(shop.get(f"{ORDERS}/{id_}"))
    assert shown["authorizations"][0]["status"] == "CAPTURED"
    assert shown["captures"][0]["amount"] == {"currency_code": "EUR", "value": "10.00"}
    again = shop.post(path, money("1.00"))
    assert issues(again) == (422, E422, ["AUTHORIZATION_ALREADY_CAPTURED"])


def test_a_capture_under_its_key_is_the_same_whatever_its_body(shop: Merchant) -> None:
    id_, hold = shop.held()
    path, key = f"{PAYMENTS}/authorizations/{hold}/capture", name()

    first = shop.post(path, money("10.00"), key)
    second = shop.post(path, money("2.00"), key)

    assert (first.status, second.status) == (201, 200)
    assert second.json["id"] == first.json["id"]
    assert shop.at.kinds(id_).count("capture") == 1


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        (money("12.51"), "MAX_CAPTURE_AMOUNT_EXCEEDED"),
        (money("1.00", "USD"), "AUTH_CAPTURE_CURRENCY_MISMATCH"),
        (money("1.005"), "DECIMAL_PRECISION"),
        (money("1.5", "JPY"), "DECIMALS_NOT_SUPPORTED"),
        (money("0"), "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
def test_a_capture_that_cannot_be_is_refused_and_the_hold_stands(
    shop: Merchant, body: dict[str, Any], issue: str
) -> None:
    id_, hold = shop.held()

    answer = shop.post(f"{PAYMENTS}/authorizations/{hold}/capture", body)

    assert issues(answer) == (422, E422, [issue])
    assert payments(shop.get(f"{ORDERS}/{id_}"))["authorizations"][0]["status"] == "CREATED"


def test_a_captures_invoice_is_used_once(shop: Merchant) -> None:
    _, hold = shop.held()
    path, invoice = f"{PAYMENTS}/authorizations/{hold}/capture", name()
    shop.post(path, money("1.00") | {"invoice_id": invoice})

    answer = shop.post(path, money("1.00") | {"invoice_id": invoice})

    assert issues(answer) == (422, E422, ["DUPLICATE_INVOICE_ID"])


def test_a_void_takes_no_key_and_a_second_one_is_refused(shop: Merchant) -> None:
    id_, hold = shop.held()
    path, key = f"{PAYMENTS}/authorizations/{hold}/void", name()

    first = shop.call("POST", path, None, key, full=False)
    second = shop.post(path, None, key)
    collect = shop.post(f"{PAYMENTS}/authorizations/{hold}/capture", {})

    assert (first.status, first.body) == (204, b"")
    assert issues(second) == (422, E422, ["PREVIOUSLY_VOIDED"])
    assert issues(collect) == (422, E422, ["AUTHORIZATION_VOIDED"])
    assert shop.at.kinds(id_).count("void") == 1


def test_a_void_shows_the_authorization_to_who_wants_to_see_it(shop: Merchant) -> None:
    id_, hold = shop.held()

    shown = shop.post(f"{PAYMENTS}/authorizations/{hold}/void").json

    assert (shown["id"], shown["status"]) == (hold, "VOIDED")
    assert shown["supplementary_data"]["related_ids"]["order_id"] == id_


def test_collected_money_is_not_let_go_of(shop: Merchant) -> None:
    _, hold = shop.held()
    shop.post(f"{PAYMENTS}/authorizations/{hold}/capture", {})

    answer = shop.post(f"{PAYMENTS}/authorizations/{hold}/void")

    assert issues(answer) == (422, E422, ["PREVIOUSLY_CAPTURED"])


def test_a_hold_can_be_ended_and_denied_by_the_admin_port(shop: Merchant) -> None:
    id_, hold = shop.held()
    shop.at.admin("POST", f"/objects/{id_}/settle", {"to": "expired"})
    assert shop.get(f"{PAYMENTS}/authorizations/{hold}")["status"] == "VOIDED"

    waiting, hold = shop.held(payer="review@payer.example")
    assert shop.get(f"{PAYMENTS}/authorizations/{hold}")["status"] == "PENDING"
    shop.at.admin("POST", f"/objects/{waiting}/settle", {"to": "declined"})
    assert shop.get(f"{PAYMENTS}/authorizations/{hold}")["status"] == "DENIED"
    assert shop.at.pull(f"/objects/{waiting}/settle", {"to": "declined"}).status == 409


def test_refunds_go_on_until_nothing_is_left(shop: Merchant) -> None:
    id_, capture = shop.captured()
    path = f"{PAYMENTS}/captures/{capture}/refund"

    part = shop.post(path, money("2.50"))
    between = shop.get(f"{PAYMENTS}/captures/{capture}")["status"]
    much = shop.post(path, money("10.01"))
    rest = shop.post(path, {})
    none = shop.post(path, {})

    assert (part.status, between) == (201, "PARTIALLY_REFUNDED")
    assert issues(much) == (422, E422, ["REFUND_AMOUNT_EXCEEDED"])
    assert rest.json["amount"]["value"] == "10.00"
    assert shop.get(f"{PAYMENTS}/captures/{capture}")["status"] == "REFUNDED"
    assert issues(none) == (422, E422, ["CAPTURE_FULLY_REFUNDED"])
    assert shop.at.kinds(id_).count("refund") == 2


def test_a_refund_under_its_key_goes_back_once(shop: Merchant) -> None:
    id_, capture = shop.captured()
    path, key = f"{PAYMENTS}/captures/{capture}/refund", name()

    first, second = (shop.post(path, money("2.50"), key) for _ in range(2))
    without = shop.post(path, money("2.50"))

    assert (first.status, second.status, without.status) == (201, 200, 201)
    assert first.json["id"] == second.json["id"]
    assert without.json["id"] != first.json["id"]
    assert shop.at.kinds(id_).count("refund") == 2


def test_a_refunds_invoice_is_used_once(shop: Merchant) -> None:
    invoice = name()
    path = f"{PAYMENTS}/captures/{shop.captured()[1]}/refund"
    shop.post(path, money("1.00") | {"invoice_id": invoice})

    answer = shop.post(path, money("1.00") | {"invoice_id": invoice})

    assert issues(answer) == (422, E422, ["DUPLICATE_INVOICE_ID"])


def test_a_pending_refund_counts_and_is_decided_later(shop: Merchant) -> None:
    id_, capture = shop.captured()
    shop.at.fault("later", count=1, on="refund", containing=capture)
    path = f"{PAYMENTS}/captures/{capture}/refund"

    waits = shop.post(path, {}).json
    more = shop.post(path, money("1.00"))

    assert waits["status"] == "PENDING"
    assert issues(more) == (422, E422, ["CAPTURE_FULLY_REFUNDED"])
    assert "refund" not in shop.at.kinds(id_)
    shop.at.admin("POST", f"/refunds/{waits['id']}/fail")
    assert shop.get(f"{PAYMENTS}/refunds/{waits['id']}")["status"] == "FAILED"
    assert shop.post(path, {}).status == 201


def test_what_is_not_collected_yet_is_not_refunded(shop: Merchant) -> None:
    id_, capture = shop.captured(payer="review@payer.example")
    path = f"{PAYMENTS}/captures/{capture}/refund"

    assert issues(shop.post(path, {})) == (422, E422, ["PENDING_CAPTURE"])
    shop.at.admin("POST", f"/objects/{id_}/settle", {"to": "declined"})
    assert issues(shop.post(path, {})) == (422, E422, ["REFUND_NOT_ALLOWED"])


@pytest.mark.parametrize(
    "path",
    [
        f"{ORDERS}/X",
        f"{PAYMENTS}/authorizations/X",
        f"{PAYMENTS}/captures/X",
        f"{PAYMENTS}/refunds/X",
        "/v1/customer/disputes/X",
    ],
)
def test_what_is_not_there_is_not_found(shop: Merchant, path: str) -> None:
    answer = shop.call("GET", path)

    assert issues(answer) == (404, "RESOURCE_NOT_FOUND", ["INVALID_RESOURCE_ID"])


def test_a_child_is_only_found_as_what_it_is(shop: Merchant) -> None:
    _, capture = shop.captured()

    assert shop.call("GET", f"{PAYMENTS}/authorizations/{capture}").status == 404
    assert shop.call("GET", f"{PAYMENTS}/refunds/{capture}").status == 404


def test_a_dispute_is_listed_without_its_outcome_and_shown_with_it(shop: Merchant) -> None:
    id_, capture = shop.captured()
    search = f"/v1/customer/disputes?disputed_transaction_id={capture}"
    assert "items" not in shop.get(search)

    shop.at.admin("POST", f"/objects/{id_}/chargeback", {"amount": 500})

    listed = shop.get(search)["items"]
    assert [one["dispute_amount"]["value"] for one in listed] == ["5.00"]
    assert "dispute_outcome" not in listed[0]
    shown = shop.get(f"/v1/customer/disputes/{listed[0]['dispute_id']}")
    assert shown["dispute_outcome"]["outcome_code"] == "RESOLVED_BUYER_FAVOUR"
    assert shown["disputed_transactions"][0]["seller_transaction_id"] == capture
    assert shop.at.pull(f"/objects/{id_}/chargeback", {"amount": 751}).status == 409
    assert "chargeback" in shop.at.kinds(id_)
