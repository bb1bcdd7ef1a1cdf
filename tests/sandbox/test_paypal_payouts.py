"""PayPal's payouts: the sender's number is the only guard, and receivers who do not claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.paypal_client import PAYOUTS, Merchant, a_payout, issues, name, simulator


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    running = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(running)
    running.stop()


def made(shop: Merchant, **item: Any) -> str:
    answer = shop.post(PAYOUTS, a_payout(**item))
    assert answer.status == 201, answer.body
    return str(answer.json["batch_header"]["payout_batch_id"])


def status(shop: Merchant, id_: str) -> tuple[str, str]:
    shown = shop.get(f"{PAYOUTS}/{id_}")
    return shown["batch_header"]["batch_status"], shown["items"][0]["transaction_status"]


def test_a_number_that_was_used_is_refused_with_a_link_to_the_original(shop: Merchant) -> None:
    number = name()
    first = shop.post(PAYOUTS, a_payout(number))
    id_ = first.json["batch_header"]["payout_batch_id"]

    second = shop.post(PAYOUTS, a_payout(number))

    assert (second.status, second.json["name"]) == (400, "USER_BUSINESS_ERROR")
    detail = second.json["details"][0]
    assert detail["field"] == "SENDER_BATCH_ID"
    assert detail["link"][0]["href"] == f"{shop.at.url}{PAYOUTS}/{id_}"
    assert shop.at.kinds(number) == ["payout.begun"]


def test_the_header_that_guards_everything_else_guards_no_payout(shop: Merchant) -> None:
    key = name()

    first, second = (shop.post(PAYOUTS, a_payout(), key) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    ids = {one.json["batch_header"]["payout_batch_id"] for one in (first, second)}
    assert len(ids) == 2


def test_a_batch_without_a_number_has_no_guard_at_all(shop: Merchant) -> None:
    body = a_payout()
    body["sender_batch_header"] = {}

    assert [shop.post(PAYOUTS, body).status for _ in range(2)] == [201, 201]


def test_a_payout_is_paid_and_may_come_back(shop: Merchant) -> None:
    id_ = made(shop)
    assert status(shop, id_) == ("PENDING", "PENDING")

    shop.at.admin("POST", f"/payouts/{id_}/pay")
    assert status(shop, id_) == ("SUCCESS", "SUCCESS")
    shop.at.admin("POST", f"/payouts/{id_}/return")
    assert status(shop, id_) == ("SUCCESS", "REFUNDED")
    assert shop.at.kinds(id_) == ["payout.begun", "payout", "payout_returned"]
    assert shop.at.pull(f"/payouts/{id_}/pay").status == 409
    assert shop.at.pull(f"/payouts/{id_}/return").status == 409


def test_a_payout_may_fail_and_says_why(shop: Merchant) -> None:
    id_ = made(shop)

    shop.at.admin("POST", f"/payouts/{id_}/fail")

    item = shop.get(f"{PAYOUTS}/{id_}")["items"][0]
    assert (item["transaction_status"], item["errors"]["name"]) == (
        "FAILED",
        "RECEIVER_ACCOUNT_LIMITATION",
    )
    assert "payout" not in shop.at.kinds(id_)


def test_whoever_has_no_account_is_offered_the_money(shop: Merchant) -> None:
    id_ = made(shop, receiver="unclaimed@payee.example")

    shop.at.admin("POST", f"/payouts/{id_}/pay")
    assert status(shop, id_) == ("SUCCESS", "UNCLAIMED")
    shop.at.admin("POST", f"/payouts/{id_}/return")
    assert status(shop, id_) == ("SUCCESS", "RETURNED")
    assert not {"payout", "payout_returned"} & set(shop.at.kinds(id_))


def test_a_payouts_item_is_found_by_its_own_id(shop: Merchant) -> None:
    item = shop.get(f"{PAYOUTS}/{made(shop)}")["items"][0]

    assert shop.get(f"{PAYOUTS}-item/{item['payout_item_id']}") == item


@pytest.mark.parametrize(
    ("note", "code", "named"),
    [
        ("ERRPYO001", 403, "SENDER_RESTRICTED"),
        ("ERRPYO002", 403, "SENDER_EMAIL_UNCONFIRMED"),
        ("ERRPYO003", 403, "AUTHORIZATION_ERROR"),
        ("ERRPYO005", 422, "INSUFFICIENT_FUNDS"),
        ("ERRPYO006", 500, "INTERNAL_ERROR"),
    ],
)
def test_a_note_plays_an_error_and_leaves_the_number_free(
    shop: Merchant, note: str, code: int, named: str
) -> None:
    number = name()

    answer = shop.post(PAYOUTS, a_payout(number, note=note))

    assert issues(answer) == (code, named, [])
    assert shop.post(PAYOUTS, a_payout(number)).status == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"receiver": "nobody"}, "items[0].receiver"),
        ({"recipient_type": "PAYPAL_ID"}, "items[0].receiver"),
        ({"amount": {"currency": "KWD", "value": "1.00"}}, "items[0].amount.currency"),
        ({"amount": {"currency": "EUR", "value": "1.005"}}, "items[0].amount.value"),
        ({"amount": {"currency": "EUR", "value": "-1.00"}}, "items[0].amount.value"),
        ({"amount": {"currency": "EUR"}}, "/items/0/amount/value"),
        ({"shop": "x"}, "/items/0/shop"),
        ({"sender_item_id": "x" * 64}, "/items/0/sender_item_id"),
    ],
)
def test_a_wrong_payout_is_refused_in_the_words_of_payouts(
    shop: Merchant, changes: dict[str, Any], field: str
) -> None:
    answer = shop.post(PAYOUTS, a_payout(**changes))

    assert (answer.status, answer.json["name"]) == (400, "VALIDATION_ERROR")
    assert answer.json["details"][0]["field"] == field


def test_an_unknown_batch_is_not_found(shop: Merchant) -> None:
    for path in (f"{PAYOUTS}/X", f"{PAYOUTS}-item/X"):
        assert issues(shop.call("GET", path)) == (404, "INVALID_RESOURCE_ID", [])
