"""PayPal's orders: tokens, keys that show the latest status, approval, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.paypal_client import (
    ORDERS,
    Merchant,
    an_order,
    basic,
    issues,
    name,
    payments,
    simulator,
)
from tests.sandbox.running import wait_until

E422 = "UNPROCESSABLE_ENTITY"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    running = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(running)
    running.stop()


# Tokens.


def test_without_a_token_nothing_is_answered(shop: Merchant) -> None:
    bare = shop.at.send("POST", ORDERS, b"{}", {"Content-Type": "application/json"})
    odd = shop.at.send("GET", f"{ORDERS}/X", None, {"Authorization": "Bearer A21AA-odd"})

    assert issues(bare) == (401, "AUTHENTICATION_FAILURE", [])
    assert (odd.status, odd.json["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic x", basic("secret-2")])
def test_a_token_is_given_to_the_account_alone(shop: Merchant, authorization: str) -> None:
    answer = shop.token(authorization or "none")

    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


def test_a_token_is_asked_for_by_client_credentials(shop: Merchant) -> None:
    answer = shop.token(form=b"grant_type=password")

    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
    good = shop.token().json
    assert (good["token_type"], good["expires_in"]) == ("Bearer", 31_668)


def test_revoked_tokens_are_not_taken_any_more(shop: Merchant) -> None:
    other = Merchant(shop.at)
    other.made()

    shop.at.admin("POST", "/tokens/revoke")

    answer = other.post(ORDERS, an_order())
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")
    shop.bearer = ""  # the others of this module need a new one


def test_a_token_ends_in_its_time(tmp_path: Any) -> None:
    running = simulator(tmp_path, "--token-life-s", "0").start()
    try:
        answer = Merchant(running).post(ORDERS, an_order())
        assert (answer.status, answer.json["error"]) == (401, "invalid_token")
    finally:
        running.stop()


# Keys.


def test_a_key_that_was_used_shows_the_order_as_it_is_by_now(shop: Merchant) -> None:
    key, body = name(), an_order()
    first = shop.post(ORDERS, body, key)
    shop.at.admin("POST", f"/objects/{first.json['id']}/approve")

    again = shop.post(ORDERS, an_order("99.00"), key)  # another body is not even looked at

    assert (first.status, first.json["status"]) == (201, "PAYER_ACTION_REQUIRED")
    assert (again.status, again.json["status"]) == (200, "APPROVED")
    assert again.json["id"] == first.json["id"]
    assert again.json["purchase_units"][0]["amount"]["value"] == "12.50"


def test_without_a_key_the_same_request_is_another_order(shop: Merchant) -> None:
    body = an_order()

    assert shop.post(ORDERS, body).json["id"] != shop.post(ORDERS, body).json["id"]


def test_a_key_of_more_than_108_characters_is_refused(shop: Merchant) -> None:
    assert shop.post(ORDERS, an_order(), "x" * 108).status == 201
    answer = shop.post(ORDERS, an_order(), "x" * 109)
    assert issues(answer) == (400, "INVALID_REQUEST", ["INVALID_STRING_LENGTH"])


def test_after_its_window_a_key_makes_another_order(tmp_path: Any) -> None:
    running = simulator(tmp_path, "--key-window-s", "0").start()
    try:
        shop, key, body = Merchant(running), name(), an_order()
        first, second = (shop.post(ORDERS, body, key) for _ in range(2))
        assert (first.status, second.status) == (201, 201)
        assert first.json["id"] != second.json["id"]
    finally:
        running.stop()


def test_a_capture_under_its_key_moves_money_once_and_without_it_is_refused(
    shop: Merchant,
) -> None:
    id_, key = shop.approved(), name()
    path = f"{ORDERS}/{id_}/capture"

    first, second = (shop.post(path, {}, key) for _ in range(2))
    third = shop.post(path, {}, name())

    assert (first.status, second.status) == (201, 200)
    assert payments(first.json)["captures"] == payments(second.json)["captures"]
    assert issues(third) == (422, E422, ["ORDER_ALREADY_CAPTURED"])
    assert shop.at.kinds(id_).count("sale") == 1


def test_a_refused_capture_leaves_its_key_free_for_when_the_payer_comes_back(
    shop: Merchant,
) -> None:
    id_, key = shop.approved(), name()
    path = f"{ORDERS}/{id_}/capture"
    shop.at.fault("soft_decline", count=1, on="charge", step="move", containing=id_)

    refused = shop.post(path, {}, key)
    early = shop.post(path, {}, key)
    shop.at.admin("POST", f"/objects/{id_}/approve")
    captured = shop.post(path, {}, key)

    assert issues(refused) == (422, E422, ["INSTRUMENT_DECLINED"])
    assert issues(early) == (422, E422, ["ORDER_NOT_APPROVED"])
    assert (captured.status, captured.json["status"]) == (201, "COMPLETED")


def test_of_two_requests_under_one_key_at_once_the_second_fails(shop: Merchant) -> None:
    key, body = name(), an_order()
    shop.made()  # the token is fetched before threads share it
    shop.at.fault("latency", count=1, on="charge", ms=1_500, containing=key)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.post, ORDERS, body, key)
        wait_until(lambda: bool(shop.at.requests(key)))
        second = shop.post(ORDERS, body, key)
        assert issues(second) == (409, "RESOURCE_CONFLICT", ["PREVIOUS_REQUEST_IN_PROGRESS"])
        assert first.result(30).status == 201

    assert shop.post(ORDERS, body, key).status == 200


# The payer.


def test_the_payer_approves_on_a_page_and_is_sent_back(shop: Merchant) -> None:
    order = shop.made(description="Two <books>")
    link = next(one["href"] for one in order["links"] if one["rel"] == "payer-action")
    path = link.removeprefix(shop.at.url)

    page = shop.at.send("GET", path)
    refused = shop.at.send("POST", path, b"decision=decline")
    still = shop.get(f"{ORDERS}/{order['id']}")["status"]
    approved = shop.at.send("POST", path, b"decision=approve")
    over = shop.at.send("GET", path)

    assert b"12.50 EUR" in page.body
    assert b"Two &lt;books&gt;" in page.body
    assert (refused.status, still) == (200, "PAYER_ACTION_REQUIRED")
    assert f"https://shop.example/done?a=1&amp;token={order['id']}".encode() in approved.body
    assert shop.get(f"{ORDERS}/{order['id']}")["status"] == "APPROVED"
    assert b"needs nothing" in over.body
    assert shop.at.send("GET", "/checkoutnow?token=nobody").status == 404


def test_an_order_without_a_source_is_approved_under_the_old_link(shop: Merchant) -> None:
    body = an_order()
    del body["payment_source"]

    order = shop.post(ORDERS, body).json

    assert order["status"] == "CREATED"
    assert [one["rel"] for one in order["links"]] == ["self", "approve"]


@pytest.mark.parametrize(
    ("payer", "issue"),
    [
        ("declined@payer.example", "INSTRUMENT_DECLINED"),
        ("refused@payer.example", "TRANSACTION_REFUSED"),
        ("again@payer.example", "PAYER_ACTION_REQUIRED"),
    ],
)
def test_some_payers_are_known_for_not_paying(shop: Merchant, payer: str, issue: str) -> None:
    id_ = shop.approved(payer=payer)

    answer = shop.post(f"{ORDERS}/{id_}/capture", {})

    assert issues(answer) == (422, E422, [issue])
    assert "sale" not in shop.at.kinds(id_)


def test_a_payer_under_review_leaves_the_capture_pending(shop: Merchant) -> None:
    id_, _ = shop.captured(payer="review@payer.example")

    capture = payments(shop.get(f"{ORDERS}/{id_}"))["captures"][0]

    assert (capture["status"], capture["status_details"]["reason"]) == (
        "PENDING",
        "PENDING_REVIEW",
    )
    shop.at.admin("POST", f"/objects/{id_}/settle", {"to": "captured"})
    assert payments(shop.get(f"{ORDERS}/{id_}"))["captures"][0]["status"] == "COMPLETED"


def test_an_order_that_nobody_approves_is_forgotten(tmp_path: Any) -> None:
    running = simulator(tmp_path, "--order-life-s", "0").start()
    try:
        shop = Merchant(running)
        answer = shop.call("GET", f"{ORDERS}/{shop.made()['id']}")
        assert issues(answer) == (404, "RESOURCE_NOT_FOUND", ["INVALID_RESOURCE_ID"])
    finally:
        running.stop()


# Changes.


def test_what_an_order_is_for_can_be_changed_until_it_is_done(shop: Merchant) -> None:
    id_, done = shop.approved(), shop.captured()[0]
    change = [{"op": "replace", "path": "/intent", "value": "AUTHORIZE"}]

    assert shop.call("PATCH", f"{ORDERS}/{id_}", change).status == 204
    refused = shop.call("PATCH", f"{ORDERS}/{done}", change)
    other = [{"op": "replace", "path": "/purchase_units", "value": []}]
    odd = shop.call("PATCH", f"{ORDERS}/{id_}", other)
    sale = [{"op": "replace", "path": "/intent", "value": "SALE"}]
    wrong = shop.call("PATCH", f"{ORDERS}/{id_}", sale)

    assert shop.get(f"{ORDERS}/{id_}")["intent"] == "AUTHORIZE"
    assert issues(refused) == (422, E422, ["NOT_PATCHABLE"])
    assert issues(odd) == (422, E422, ["NOT_PATCHABLE"])
    assert issues(wrong) == (422, E422, ["UNSUPPORTED_PATCH_PARAMETER_VALUE"])
    late = shop.post(f"{ORDERS}/{id_}/capture", {})
    assert issues(late) == (422, E422, ["ACTION_DOES_NOT_MATCH_INTENT"])


def test_the_guide_says_what_is_simulated(shop: Merchant) -> None:
    page = shop.at.send("GET", "/").body.decode()

    for said in ("declined@", "PayPal-Mock-Response", "ERRPYO001", "/tokens/revoke"):
        assert said in page
