"""The Midtrans simulator charges as Midtrans does: its cards, its wallets, its refusals, its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.sandbox.running import Response, wait_until
from tests.sandbox.warung import (
    GOOD,
    PAYOUTS,
    Warung,
    a_hold,
    a_transfer,
    a_wallet,
    an_order,
    authorised,
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    shop = Warung.opened(tmp_path_factory.mktemp("warung"))
    yield shop
    shop.close()


@pytest.fixture
def shop(running: Warung) -> Iterator[Warung]:
    yield running
    running.simulator.calm()


def code(answer: Response) -> str:
    return str(answer.json["status_code"])


@pytest.mark.parametrize(
    ("token", "status", "status_code", "fraud"),
    [
        (GOOD, "capture", "200", "accept"),
        ("tok_visa", "capture", "200", "accept"),
        ("44111111-1118", "capture", "200", "accept"),
        ("49111111-1113", "deny", "202", "accept"),
        ("45111111-1117", "capture", "201", "challenge"),
        ("46111111-1116", "deny", "202", "deny"),
        ("40240071-5022", "pending", "201", "accept"),
    ],
)
def test_every_test_card_does_what_it_is_for(
    shop: Warung, token: str, status: str, status_code: str, fraud: str
) -> None:
    order = an_order(token)

    said = shop.charged(order)

    assert said["transaction_status"] == status
    assert said["status_code"] == status_code
    assert said["fraud_status"] == fraud
    assert said["gross_amount"] == "145000.00"
    took = status == "capture" and fraud == "accept"
    assert shop.moved(said["order_id"]) == ([("sale", 14_500_000)] if took else [])


@pytest.mark.parametrize("token", ["tok_stale", "", "4811111111111114", "11111111-1111"])
def test_a_token_that_is_none_is_refused(shop: Warung, token: str) -> None:
    answer = shop.post("/v2/charge", an_order(token))

    assert (answer.status, code(answer)) == (200, "411")


def test_a_card_becomes_a_token(shop: Warung) -> None:
    made = shop.get("/v2/token?client_key=x&card_number=4811111111111114&card_cvv=123")

    assert made.json["token_id"].startswith(f"{GOOD}-")
    assert shop.charged(an_order(made.json["token_id"]))["transaction_status"] == "capture"
    assert code(shop.get("/v2/token?card_number=4111111111111111")) == "400"


def test_a_bank_may_ask_its_payer_first(shop: Warung) -> None:
    asks = {"token_id": GOOD, "authentication": True}
    said = shop.charged(an_order(credit_card=asks))
    page = urlsplit(said["redirect_url"]).path

    assert (said["transaction_status"], said["status_code"]) == ("pending", "201")
    assert shop.status(said["order_id"])["redirect_url"] == said["redirect_url"]
    asked = shop.simulator.send("GET", page)
    assert b'name="decision"' in asked.body
    assert b"prefers-color-scheme: dark" in asked.body
    shop.simulator.send("POST", page, b"decision=approve")
    assert shop.status(said["order_id"])["transaction_status"] == "settlement"
    assert b'name="decision"' not in shop.simulator.send("GET", page).body

    refused = shop.charged(an_order(credit_card=asks))
    shop.simulator.send("POST", urlsplit(refused["redirect_url"]).path, b"decision=decline")
    assert shop.status(refused["order_id"])["transaction_status"] == "deny"
    assert shop.charged(an_order("tok_3ds"))["redirect_url"]
    never = {"token_id": "44111111-1118", "authentication": True}
    assert shop.charged(an_order(credit_card=never))["transaction_status"] == "capture"
    assert shop.simulator.send("GET", "/v2/3ds/redirect/none").status == 404


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("gopay", ["generate-qr-code", "deeplink-redirect"]),
        ("qris", ["generate-qr-code"]),
        ("shopeepay", ["deeplink-redirect"]),
    ],
)
def test_a_wallet_is_paid_where_its_actions_say(
    shop: Warung, kind: str, actions: list[str]
) -> None:
    said = shop.charged(a_wallet(kind))

    assert [one["name"] for one in said["actions"]] == actions
    assert "actions" not in shop.status(said["order_id"])
    page = urlsplit(said["actions"][0]["url"]).path
    shop.simulator.send("POST", page, b"decision=approve")
    paid = shop.status(said["order_id"])
    assert paid["transaction_status"] == "settlement"
    assert paid["settlement_time"]
    assert shop.moved(said["order_id"]) == [("sale", 14_500_000)]


@pytest.mark.parametrize("bank", ["bca", "bni", "bri", "cimb", "permata"])
def test_a_virtual_account_is_shown_and_paid_into(shop: Warung, bank: str) -> None:
    said = shop.charged(a_transfer(bank))

    if bank == "permata":
        number = said["permata_va_number"]
        assert "va_numbers" not in said
    else:
        assert said["va_numbers"][0]["bank"] == bank
        number = said["va_numbers"][0]["va_number"]
    shop.simulator.send("POST", f"/va/{number}", b"decision=approve")
    assert shop.status(said["transaction_id"])["transaction_status"] == "settlement"


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        (an_order(amount=145_000.5), "gross_amount"),
        (an_order(amount="145000"), "gross_amount"),
        (an_order(amount=True), "gross_amount"),
        (an_order(amount=0), "gross_amount"),
        (an_order(transaction_details={"order_id": "a b", "gross_amount": 1}), "order_id"),
        (an_order(transaction_details={"order_id": "x" * 51, "gross_amount": 1}), "order_id"),
        (an_order(transaction_details={"gross_amount": 1}), "order_id"),
        (an_order(transaction_details=[]), "transaction_details"),
        (an_order(payment_type="carrier_pigeon"), "payment_type"),
        (an_order(payment_type=["credit_card"]), "payment_type"),
        (an_order(pigeon=1), "pigeon is not a known field"),
        (an_order(bank_transfer={"bank": "bca"}), "bank_transfer is not a known field"),
        (an_order(credit_card={"token_id": GOOD, "pin": "1"}), "credit_card.pin"),
        (an_order(credit_card={"token_id": GOOD, "authentication": "yes"}), "authentication"),
        (an_order(credit_card={"token_id": GOOD, "type": "hold"}), "credit_card.type"),
        (an_order(custom_field1="x" * 256), "custom_field"),
        (a_transfer("deutsche"), "bank_transfer.bank"),
        (a_wallet("bank_transfer"), "bank_transfer.bank is required"),
        (a_wallet("qris", qris={"acquirer": "none"}), "qris.acquirer"),
        (a_transfer(custom_expiry={"expiry_duration": 0}), "custom_expiry"),
        (a_transfer(custom_expiry={"expiry_duration": 1, "unit": "year"}), "custom_expiry"),
        (
            a_transfer(custom_expiry={"expiry_duration": 1, "order_time": "2026-11-30T12:00:00Z"}),
            "order_time",
        ),
    ],
)
def test_what_is_wrong_with_a_charge_is_named(
    shop: Warung, order: dict[str, Any], complaint: str
) -> None:
    answer = shop.post("/v2/charge", order)

    assert (answer.status, code(answer)) == (400, "400")
    assert complaint in " ".join(answer.json["validation_messages"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 10_000], ids=range(4))
def test_what_is_no_json_object_is_malformed(shop: Warung, body: bytes) -> None:
    answer = shop.simulator.send("POST", "/v2/charge", body, authorised("SB-server"))

    assert (answer.status, code(answer)) == (413, "413")


def test_what_has_no_way_or_no_key_is_refused_in_midtrans_words(shop: Warung) -> None:
    assert code(shop.get("/v2/nobody/status")) == "404"
    assert code(shop.post("/v2/nowhere")) == "404"
    assert code(shop.get("/v2/charge")) == "405"
    wrong = shop.post("/v2/charge", an_order(), as_="SB-wrong")
    assert (wrong.status, code(wrong)) == (401, "401")
    bare = shop.simulator.send("POST", "/v2/charge", b"{}")
    assert bare.status == 401


def test_an_order_id_is_used_once(shop: Warung) -> None:
    order = an_order()
    first = shop.charged(order)

    again = shop.post("/v2/charge", order)

    assert (again.status, code(again)) == (200, "406")
    assert shop.moved(first["order_id"]) == [("sale", 14_500_000)]
    denied = an_order("49111111-1113")
    shop.charged(denied)
    assert code(shop.post("/v2/charge", denied)) == "406", "also one that was denied"


def test_a_key_is_blind_to_the_body_and_to_the_path(shop: Warung) -> None:
    key, order = uuid4().hex, an_order()
    first = shop.post("/v2/charge", order, key)

    other_body = shop.post("/v2/charge", an_order(amount=1), key)
    other_path = shop.post(f"/v2/{first.json['order_id']}/refund", {"amount": 1}, key)

    assert other_body.body == other_path.body == first.body
    assert shop.moved(first.json["order_id"]) == [("sale", 14_500_000)]


@pytest.mark.parametrize(("length", "kept"), [(46, True), (47, False)])
def test_a_key_that_is_too_long_is_dropped_without_a_word(
    shop: Warung, length: int, kept: bool
) -> None:
    key, order = uuid4().hex.ljust(length, "k"), an_order()
    first = shop.post("/v2/charge", order, key)

    again = shop.post("/v2/charge", order, key)

    assert (again.body == first.body) is kept
    assert kept or code(again) == "406"


def test_only_what_succeeded_is_kept_under_a_key(shop: Warung) -> None:
    key = uuid4().hex
    assert code(shop.post("/v2/charge", an_order("tok_stale"), key)) == "411"
    denied = an_order("49111111-1113")
    assert code(shop.post("/v2/charge", denied, key)) == "202"
    assert code(shop.post("/v2/charge", denied, key)) == "406", "the denial was not kept"
    shop.simulator.fault("fail_after", count=1, on="charge")
    lost = an_order()
    assert shop.post("/v2/charge", lost, key).status == 500
    assert code(shop.post("/v2/charge", lost, key)) == "406", "it was done, and not kept"
    assert code(shop.post("/v2/charge", an_order(), key)) == "200"


def test_a_repetition_while_the_first_is_under_way_meets_a_202(shop: Warung) -> None:
    order, key = an_order("49111111-1113"), uuid4().hex
    reference = order["transaction_details"]["order_id"]
    shop.simulator.fault("latency", count=1, on="charge", ms=120_000, containing=reference)
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(_sent_and_left, shop, order, key)
        wait_until(lambda: "declined" in shop.simulator.kinds(reference))
        again = shop.post("/v2/charge", order, key)
        leaving.result()

    assert (again.status, code(again)) == (202, "202")
    assert "transaction_status" not in again.json


def _sent_and_left(shop: Warung, order: dict[str, Any], key: str) -> None:
    headers = authorised("SB-server") | {"Idempotency-Key": key}
    body = json.dumps(order).encode()
    with pytest.raises(TimeoutError):
        shop.simulator.send("POST", "/v2/charge", body, headers, timeout_s=2.0)


def test_no_key_protects_a_permata_account(shop: Warung) -> None:
    order, key = a_transfer("permata"), uuid4().hex
    shop.post("/v2/charge", order, key)

    assert code(shop.post("/v2/charge", order, key)) == "406"
    others = a_transfer("bca")
    shop.post("/v2/charge", others, key)
    assert code(shop.post("/v2/charge", others, key)) == "201"


def test_a_hold_is_no_sale(shop: Warung) -> None:
    said = shop.charged(a_hold())

    assert said["transaction_status"] == "authorize"
    assert shop.moved(said["order_id"]) == [("authorization", 14_500_000)]


def test_times_are_those_of_jakarta_and_do_not_say_so(shop: Warung) -> None:
    made = shop.charged(an_order())["transaction_time"]
    payout = shop.payout(shop.made())["created_at"]

    assert len(made) == len("2026-11-30 16:30:27")
    assert "+" not in made
    assert "Z" not in made
    jakarta, utc = int(made[11:13]), int(payout[11:13])
    assert (jakarta - utc) % 24 in (6, 7), "the hour may have turned between the two"
    assert PAYOUTS.startswith("/iris")
