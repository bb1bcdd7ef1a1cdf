"""Withdrawals: money on its way out is ordered once per key, and shown without where it goes."""

from __future__ import annotations

import json
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from domain.commands import Command
from domain.ids import Kind, parse, public
from domain.payout import PayoutStatus
from ingress.contract import transfers_examples as examples
from ingress.withdrawals import LIST_ROOT
from ingress.xml_out import NAMESPACE, PROBLEM_NAMESPACE
from tests.ingress.transfers.conftest import STRANGER, Shop
from tests.ops.log_lines import Lines

PATHS = ("/v1/withdrawals", "/v1/withdrawal", "/v1/payouts", "/api/v1/payouts", "/withdrawal")
TOKEN = "acct_never_shown"
ORDER: dict[str, Any] = {
    "user_id": 1,
    "amount": 5000,
    "currency": "USD",
    "destination": {"type": "bank_account", "token": TOKEN},
}
ORDER_XML = (
    "<withdrawal><user_id>1</user_id><amount>5000</amount><currency>USD</currency>"
    f"<destination><type>bank_account</type><token>{TOKEN}</token></destination></withdrawal>"
)


@pytest.mark.parametrize("path", PATHS)
def test_a_withdrawal_is_written_down_told_and_announced(shop: Shop, path: str) -> None:
    answer = shop.call("POST", path, ORDER)

    assert answer.status_code == 202
    said = answer.json()
    (payout,) = shop.payouts()
    assert parse(Kind.PAYOUT, said["transaction_id"]) == payout.id
    assert (said["status"], said["message"]) == ("pending", "Withdrawal request is being processed")
    assert answer.headers["Location"] == f"/v1/withdrawals/{said['id']}"
    assert payout.destination.token == TOKEN
    assert payout.due.next_run_at == payout.created_at
    assert shop.woken == [(Command.PAYOUT, payout.id)]
    assert [told.entry.action for told in shop.store.books.told] == ["payout.created"]


def test_where_it_goes_is_never_shown_nor_logged(shop: Shop, lines: Lines) -> None:
    made = shop.call("POST", "/v1/withdrawals", ORDER)
    seen = [made, shop.call("GET", "/v1/payouts")]
    seen += [
        shop.call("GET", made.headers["Location"], Accept=form) for form in ("*/*", "text/xml")
    ]

    assert made.json()["destination"] == {"type": "bank_account"}
    assert not [answer for answer in seen if TOKEN in answer.text]
    assert TOKEN not in lines.text
    assert TOKEN not in repr(shop.payouts())
    assert TOKEN not in str([told.event.payload for told in shop.store.books.told])


def test_json_and_xml_are_one_command_in_either_order(shop: Shop) -> None:
    for key, first, second in (("k1", "json", "xml"), ("k2", "xml", "json")):
        answers = [
            shop.xml("/v1/payouts", ORDER_XML, Idempotency_Key=key)
            if form == "xml"
            else shop.call("POST", "/withdrawal", ORDER, Idempotency_Key=key)
            for form in (first, second)
        ]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[1].headers["Idempotent-Replayed"] == "true"

    assert len(shop.payouts()) == 2
    assert len(shop.woken) == 2


def test_the_examples_of_the_contract_are_one_request_in_three_forms(shop: Shop) -> None:
    asked = examples.asked("NewWithdrawal", examples.NEW_WITHDRAWAL, examples.NEW_WITHDRAWAL_XML)
    for media, content in asked.items():
        example = content["example"]
        text = example if isinstance(example, str) else json.dumps(example)
        answer = shop.xml("/v1/withdrawals", text, media, Idempotency_Key="k")
        assert answer.status_code == 202, answer.text

    assert len(shop.payouts()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 5001},
        {"user_id": 2},
        {"destination": {"type": "bank_account", "token": "acct_other"}},
        {"destination": {"type": "wallet", "token": TOKEN}},
        {"reference": "r"},
    ],
)
def test_another_withdrawal_under_the_same_key_is_refused(
    shop: Shop, change: dict[str, Any]
) -> None:
    shop.call("POST", "/v1/withdrawals", ORDER, Idempotency_Key="k")

    answer = shop.call("POST", "/v1/withdrawals", ORDER | change, Idempotency_Key="k")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(shop.payouts()) == 1


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 50.0}, "amount"),
        ({"amount": "5000"}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"user_id": None}, "user_id"),
        ({"user_id": True}, "user_id"),
        ({"destination": None}, "destination"),
        ({"destination": "acct"}, "destination"),
        ({"destination": {"token": "t"}}, "destination.type"),
        ({"destination": {"type": "bank_account"}}, "destination.token"),
        ({"destination": {"type": "cash", "token": "t"}}, "destination.type"),
        ({"country": "ZZ"}, "country"),
        ({"payment_method": {"type": "card"}}, "payment_method"),
    ],
)
def test_what_is_wrong_is_named(shop: Shop, change: dict[str, Any], wrong: str) -> None:
    answer = shop.call("POST", "/v1/withdrawals", ORDER | change)

    assert answer.status_code == 422
    assert wrong in [one["field"] for one in answer.json()["errors"]]
    assert not shop.payouts()


def test_an_account_that_is_a_card_number_is_refused(shop: Shop) -> None:
    card = {"destination": {"type": "card", "token": "4242424242424242"}}

    answer = shop.call("POST", "/v1/withdrawals", ORDER | card)

    assert (answer.status_code, answer.json()["code"]) == (422, "raw_card_data_refused")


def test_a_withdrawal_beyond_the_balance_is_refused_and_may_be_asked_for_again(shop: Shop) -> None:
    shop.refusals.append("50.00 USD are more than the balance")

    refused = shop.call("POST", "/v1/withdrawals", ORDER, Idempotency_Key="k")

    assert (refused.status_code, refused.json()["code"]) == (409, "withdrawal_refused")
    assert refused.json()["detail"] == shop.refusals[0]
    assert not shop.payouts()
    assert not shop.woken
    shop.refusals.clear()
    accepted = shop.call("POST", "/v1/withdrawals", ORDER, Idempotency_Key="k")
    assert accepted.status_code == 202
    shop.refusals.append("none left")
    again = shop.call("POST", "/v1/withdrawals", ORDER, Idempotency_Key="k")
    assert (again.status_code, again.content) == (202, accepted.content)


def test_an_amount_that_this_house_does_not_send_is_refused(shop: Shop) -> None:
    answer = shop.call("POST", "/v1/withdrawals", ORDER | {"amount": 10**11})

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_out_of_range")


def test_a_key_for_payments_sends_no_money_out(shop: Shop) -> None:
    writer = shop.book.add(scopes=frozenset({"payments:read", "payments:write"}))

    answer = shop.call("POST", "/v1/withdrawals", ORDER, key=writer)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    as_xml = shop.xml("/withdrawal", ORDER_XML, key=writer)
    assert ET.fromstring(as_xml.text).findtext(f"{{{PROBLEM_NAMESPACE}}}code") == "forbidden"


def test_a_live_withdrawal_needs_an_idempotency_key(shop: Shop) -> None:
    answer = shop.call("POST", "/v1/withdrawals", ORDER, key=shop.live_key())

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize("noun", ["withdrawals", "payouts"])
def test_a_withdrawal_is_read_by_its_merchant_alone(shop: Shop, noun: str) -> None:
    made = shop.call("POST", "/v1/withdrawals", ORDER).json()
    path = f"/v1/{noun}/{made['id']}"
    stranger = shop.book.add(scopes=frozenset({"payments:read"}), merchant_id=STRANGER)

    assert shop.call("GET", path).json() == made
    foreign = [shop.call("GET", path, key=key) for key in (stranger, shop.live_key())]
    unknown = shop.call("GET", f"/v1/{noun}/po_{'0' * 32}")
    assert [answer.status_code for answer in (*foreign, unknown)] == [404, 404, 404]
    assert len({answer.json()["detail"] for answer in (*foreign, unknown)}) == 1
    assert shop.call("GET", f"/v1/{noun}", key=stranger).json()["data"] == []


def test_waiting_ends_as_soon_as_it_is_over(shop: Shop) -> None:
    made = shop.call("POST", "/v1/withdrawals", ORDER, Idempotency_Key="k").json()
    id_ = parse(Kind.PAYOUT, made["id"])
    with shop.store.begin() as work:
        sent = work.save_payout(work.lock_payout(id_).moved(PayoutStatus.PROCESSING))
        work.save_payout(sent.ended(PayoutStatus.SUCCEEDED, work.now))
    began = time.monotonic()

    read = shop.call("GET", f"/v1/payouts/{made['id']}?wait=10")
    again = shop.call("POST", "/v1/payouts", ORDER, Idempotency_Key="k", Prefer="wait=10")

    assert time.monotonic() - began < 5
    assert (read.json()["status"], read.json()["message"]) == (
        "succeeded",
        "Withdrawal is completed",
    )
    assert (again.status_code, again.json()) == (200, read.json())
    assert again.headers["Preference-Applied"] == "wait=10"


def test_the_list_is_walked_without_missing_or_repeating_one(shop: Shop) -> None:
    for number in range(5):
        shop.call("POST", "/v1/payouts", ORDER | {"reference": f"r-{number}"})
    newest = [public(Kind.PAYOUT, payout.id) for payout in reversed(shop.payouts())]

    seen, cursor = [], ""
    while True:
        page = shop.call("GET", f"/v1/payouts?limit=2{cursor}").json()
        seen += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == newest
    found = shop.call("GET", "/v1/payouts?reference=r-3").json()["data"]
    assert [one["reference"] for one in found] == ["r-3"]
    assert shop.call("GET", "/v1/payouts?status=failed").json()["data"] == []
    for wrong in ("status=nonsense", "order_id=x", "limit=0", "cursor=x"):
        assert shop.call("GET", f"/v1/payouts?{wrong}").status_code == 422


def test_a_list_in_xml_has_an_element_for_each(shop: Shop) -> None:
    for _ in range(2):
        shop.call("POST", "/v1/payouts", ORDER)

    root = ET.fromstring(shop.call("GET", "/v1/payouts", Accept="application/xml").text)

    assert root.tag == f"{{{NAMESPACE}}}{LIST_ROOT}"
    assert len(root.findall(f"{{{NAMESPACE}}}data")) == 2


@pytest.mark.parametrize("path", PATHS)
def test_a_preference_for_nobody_is_refused_in_xml_too(shop: Shop, path: str) -> None:
    wish = "<provider_preference>nope</provider_preference></withdrawal>"
    order = ORDER_XML.replace("</withdrawal>", wish)
    answer = shop.xml(path, order)

    assert answer.status_code == 422
    told = [element.text for element in ET.fromstring(answer.text).iter() if element.text]
    assert "provider_preference" in told
    assert "nope is neither a gateway nor a provider here" in told
    assert "send one of bank, bank-a, bank-b, silent, or leave it out" in told
    assert not shop.payouts()
    assert shop.xml(path, order.replace("nope", "bank-a")).status_code == 202
