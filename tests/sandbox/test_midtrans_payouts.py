"""The Midtrans simulator's Iris: two keys, two calls, and money that may come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox.warung import (
    APPROVER,
    CREATOR,
    PAYOUTS,
    SERVER,
    Warung,
    a_payout,
    authorised,
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    shop = Warung.opened(tmp_path_factory.mktemp("iris"))
    yield shop
    shop.close()


@pytest.fixture
def shop(running: Warung) -> Iterator[Warung]:
    yield running
    running.simulator.calm()


def test_only_an_approval_moves_money(shop: Warung) -> None:
    notes = uuid4().hex
    number = shop.made(notes=notes)
    assert shop.payout(number)["status"] == "queued"
    assert shop.simulator.kinds(number) == ["made"]

    assert (shop.approved(number).status, shop.payout(number)["status"]) == (202, "approved")
    assert shop.moved(notes) == []
    shop.simulator.admin("POST", f"/payouts/{number}/pay")

    paid = shop.payout(number)
    assert (paid["status"], paid["amount"], paid["notes"]) == ("completed", "420000.00", notes)
    assert shop.moved(notes) == [("payout", 42_000_000)]


def test_a_payout_that_has_arrived_may_come_back(shop: Warung) -> None:
    number = shop.made()
    shop.approved(number)
    assert shop.simulator.pull(f"/payouts/{number}/return").status == 409
    shop.simulator.admin("POST", f"/payouts/{number}/pay")

    shop.simulator.admin("POST", f"/payouts/{number}/return")

    assert shop.payout(number)["status"] == "failed"
    assert shop.moved(number)[-1] == ("payout_returned", 42_000_000)
    assert shop.simulator.pull(f"/payouts/{number}/pay").status == 409


def test_a_payout_may_fail_on_its_way(shop: Warung) -> None:
    number = shop.made()
    shop.approved(number)

    shop.simulator.admin("POST", f"/payouts/{number}/fail")

    failed = shop.payout(number)
    assert (failed["status"], failed["error_code"]) == ("failed", "012")
    assert shop.moved(number) == []


def test_nobody_approves_what_they_made(shop: Warung) -> None:
    number = shop.made()
    body = {"reference_nos": [number]}

    assert shop.post(f"{PAYOUTS}/approve", body, as_=CREATOR).status == 401
    made = {"payouts": [a_payout()]}
    assert shop.post(PAYOUTS, made, as_=APPROVER).status == 401
    refused = shop.post(PAYOUTS, made, as_=SERVER)
    assert refused.status == 401
    assert refused.json["error_message"]
    assert shop.get(f"{PAYOUTS}/{number}", as_=APPROVER).status == 200
    assert shop.get(f"{PAYOUTS}/{number}", as_=SERVER).status == 401
    assert shop.payout(number)["status"] == "queued"


def test_what_was_approved_or_rejected_cannot_be_approved(shop: Warung) -> None:
    number, other = shop.made(), shop.made()
    shop.approved(number)
    again = shop.approved(number)
    assert again.status == 400
    assert again.json["errors"] == ["Payouts not found. Please check reference nos"]
    rejected = {"reference_nos": [other], "reject_reason": "no"}

    assert shop.post(f"{PAYOUTS}/reject", rejected, as_=APPROVER).status == 202

    assert shop.payout(other)["status"] == "rejected"
    assert shop.approved(other).status == 400
    assert shop.approved("nobody").status == 400
    assert shop.get(f"{PAYOUTS}/nobody", as_=CREATOR).status == 404


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"amount": 420_000}, "Amount is not a number"),
        ({"amount": "420000.50"}, "Amount is not a number"),
        ({"amount": "0"}, "Amount is not a number"),
        ({"beneficiary_bank": "deutsche"}, "Beneficiary bank is not included in the list"),
        ({"beneficiary_account": "DE89"}, "Beneficiary account is invalid"),
        ({"beneficiary_name": ""}, "Beneficiary name is invalid"),
        ({"beneficiary_email": "nobody"}, "beneficiary_email is invalid"),
        ({"notes": "tip & thanks"}, "Notes is invalid"),
        ({"pigeon": "1"}, "pigeon is unknown"),
    ],
)
def test_what_is_wrong_with_a_payout_is_named(
    shop: Warung, changes: dict[str, Any], complaint: str
) -> None:
    answer = shop.post(PAYOUTS, {"payouts": [a_payout(), a_payout(**changes)]}, as_=CREATOR)

    assert answer.status == 400
    assert answer.json["error_message"] == "An error occurred when creating payouts"
    assert answer.json["errors"] == {"1": [complaint]}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"payouts": []}', b'{"payouts": [7]}', b'{"payouts": 7}']
)
def test_what_is_no_request_for_payouts_is_refused(shop: Warung, body: bytes) -> None:
    answer = shop.simulator.send("POST", PAYOUTS, body, authorised(CREATOR))

    assert answer.status == 400


def test_a_key_brings_the_first_payout_back_and_no_other(shop: Warung) -> None:
    key, body = uuid4().hex, {"payouts": [a_payout()]}

    first = shop.post(PAYOUTS, body, key, as_=CREATOR)
    again = shop.post(PAYOUTS, body, key, as_=CREATOR)
    other = shop.post(PAYOUTS, {"payouts": [a_payout()]}, key, as_=CREATOR)

    assert again.body == first.body
    assert other.status == 409
    assert shop.post(PAYOUTS, body, "k" * 101, as_=CREATOR).status == 400


@pytest.mark.parametrize(
    ("fault", "error_code"), [("soft_decline", "016"), ("hard_decline", "012")]
)
def test_an_approval_says_yes_also_where_the_bank_will_not(
    shop: Warung, fault: str, error_code: str
) -> None:
    number = shop.made()
    shop.simulator.fault(fault, count=1, on="payout", step="move", containing=number)

    assert shop.approved(number).status == 202

    failed = shop.payout(number)
    assert (failed["status"], failed["error_code"]) == ("failed", error_code)


def test_what_the_stage_refuses_is_said_in_iris_words(shop: Warung) -> None:
    body = {"payouts": [a_payout()]}
    for fault, status in (("rate_limited", 429), ("unavailable", 503), ("fail_before", 500)):
        shop.simulator.fault(fault, count=1, on="payout", containing=body["payouts"][0]["notes"])
        answer = shop.post(PAYOUTS, body, as_=CREATOR)
        assert answer.status == status
        assert answer.json["error_message"]
