"""The Midtrans simulator's transactions live as Midtrans' do: held, settled, given back, taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.running import Response, wait_until
from tests.sandbox.warung import (
    SERVER,
    Warung,
    a_hold,
    a_transfer,
    a_wallet,
    an_order,
)

WHOLE = 14_500_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    shop = Warung.opened(tmp_path_factory.mktemp("lives"))
    yield shop
    shop.close()


@pytest.fixture
def shop(running: Warung) -> Iterator[Warung]:
    yield running
    running.simulator.calm()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    """Where a card takes a day to settle."""
    shop = Warung.opened(tmp_path_factory.mktemp("slow"), "--settle-after-s", "86400")
    yield shop
    shop.close()


def code(answer: Response) -> str:
    return str(answer.json["status_code"])


def settled(shop: Warung) -> dict[str, Any]:
    """Return a card's transaction that has settled."""
    return shop.status(shop.charged(an_order())["order_id"])


def test_a_hold_is_collected_in_part_and_only_once(shop: Warung) -> None:
    held = shop.charged(a_hold())
    ask = {"transaction_id": held["transaction_id"], "gross_amount": 100_000}

    took = shop.post("/v2/capture", ask)

    assert took.json["transaction_status"] == "capture"
    assert took.json["gross_amount"] == "100000.00"
    assert shop.moved(held["order_id"]) == [("authorization", WHOLE), ("capture", 10_000_000)]
    assert code(shop.post("/v2/capture", ask)) == "412"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"gross_amount": 145_001}, "400"),
        ({"gross_amount": 100.5}, "400"),
        ({"gross_amount": "100"}, "400"),
        ({"gross_amount": 0}, "400"),
        ({"pigeon": 1}, "400"),
        ({"transaction_id": "nobody"}, "404"),
    ],
)
def test_a_capture_of_what_is_not_held_is_refused(
    shop: Warung, changes: dict[str, Any], refusal: str
) -> None:
    held = shop.charged(a_hold())
    ask = {"transaction_id": held["transaction_id"], "gross_amount": 1} | changes

    assert code(shop.post("/v2/capture", ask)) == refusal
    assert shop.status(held["order_id"])["transaction_status"] == "authorize"


def test_a_sale_cannot_be_captured(shop: Warung) -> None:
    sold = settled(shop)
    ask = {"transaction_id": sold["transaction_id"], "gross_amount": 1}

    assert code(shop.post("/v2/capture", ask)) == "412"


def test_a_cancel_lets_go_of_a_hold_and_of_nothing_that_has_settled(shop: Warung) -> None:
    held = shop.charged(a_hold())

    gone = shop.post(f"/v2/{held['order_id']}/cancel")

    assert gone.json["transaction_status"] == "cancel"
    assert shop.moved(held["order_id"])[-1] == ("void", WHOLE)
    assert code(shop.post(f"/v2/{held['order_id']}/cancel")) == "412"
    sold = settled(shop)
    assert code(shop.post(f"/v2/{sold['order_id']}/cancel")) == "412"


def test_a_cancel_undoes_a_sale_that_has_not_settled(slow: Warung) -> None:
    sold = slow.charged(an_order())
    assert slow.status(sold["order_id"])["transaction_status"] == "capture"

    gone = slow.post(f"/v2/{sold['transaction_id']}/cancel")

    assert gone.json["transaction_status"] == "cancel"
    assert slow.moved(sold["order_id"]) == [("sale", WHOLE), ("reversal", WHOLE)]


def test_what_has_not_settled_is_not_refunded(slow: Warung) -> None:
    sold = slow.charged(an_order())

    assert code(slow.post(f"/v2/{sold['order_id']}/refund", {"amount": 1})) == "412"


def test_only_what_waits_for_its_payer_expires(shop: Warung) -> None:
    waits = shop.charged(a_transfer())

    gone = shop.post(f"/v2/{waits['order_id']}/expire")

    assert (code(gone), gone.json["transaction_status"]) == ("407", "expire")
    sold = settled(shop)
    assert code(shop.post(f"/v2/{sold['order_id']}/expire")) == "412"


def test_a_payer_who_is_too_late_finds_it_expired(shop: Warung) -> None:
    soon = {"expiry_duration": 1, "unit": "second"}
    waits = shop.charged(a_wallet("gopay", custom_expiry=soon))

    wait_until(lambda: shop.status(waits["order_id"])["transaction_status"] == "expire")

    assert shop.status(waits["order_id"])["status_code"] == "407"
    assert shop.simulator.pull(f"/objects/{waits['transaction_id']}/approve").status == 409


def test_a_challenge_is_decided_by_a_person(shop: Warung) -> None:
    passes, fails = (shop.charged(an_order("45111111-1117")) for _ in range(2))
    assert shop.status(passes["order_id"])["fraud_status"] == "challenge"
    assert shop.moved(passes["order_id"]) == []

    shop.post(f"/v2/{passes['order_id']}/approve")
    shop.post(f"/v2/{fails['order_id']}/deny")

    assert shop.status(passes["order_id"])["transaction_status"] == "settlement"
    assert shop.moved(passes["order_id"]) == [("sale", WHOLE)]
    assert shop.status(fails["order_id"])["transaction_status"] == "deny"
    assert code(shop.post(f"/v2/{passes['order_id']}/approve")) == "412"


def test_a_refund_key_is_used_once(shop: Warung) -> None:
    sold = settled(shop)
    path = f"/v2/{sold['order_id']}/refund"
    part = {"refund_key": "r1", "amount": 45_000, "reason": "broken"}

    first = shop.post(path, part)
    again = shop.post(path, part)
    direct = shop.post(f"{path}/online/direct", {"refund_key": "r2"})

    assert first.json["transaction_status"] == "partial_refund"
    assert (code(again), again.json["status_message"]) == ("406", "Duplicate refund ID")
    assert direct.json["transaction_status"] == "refund"
    assert direct.json["refund_amount"] == "100000.00"
    listed = shop.status(sold["order_id"])["refunds"]
    assert [(one["refund_key"], one["refund_amount"]) for one in listed] == [
        ("r1", "45000.00"),
        ("r2", "100000.00"),
    ]
    assert shop.moved(sold["order_id"])[1:] == [("refund", 4_500_000), ("refund", 10_000_000)]


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        ({"amount": 145_001}, "412"),
        ({"amount": 0}, "400"),
        ({"amount": 1.5}, "400"),
        ({"amount": 1, "refund_key": 7}, "400"),
        ({"amount": 1, "reason": "x" * 256}, "400"),
        ({"pigeon": 1}, "400"),
    ],
)
def test_a_refund_that_cannot_be_is_refused(
    shop: Warung, ask: dict[str, Any], refusal: str
) -> None:
    sold = settled(shop)

    assert code(shop.post(f"/v2/{sold['order_id']}/refund", ask)) == refusal
    assert "refunds" not in shop.status(sold["order_id"])


def test_a_bank_denies_a_refund_with_a_202_and_leaves_all_as_it_was(shop: Warung) -> None:
    sold = settled(shop)
    path = f"/v2/{sold['order_id']}/refund"
    shop.simulator.fault("soft_decline", count=1, on="refund", containing=sold["order_id"])

    denied = shop.post(path, {"refund_key": "r1", "amount": 1})

    assert (denied.status, code(denied)) == (200, "202")
    assert denied.json["transaction_status"] == "settlement"
    shop.simulator.fault("hard_decline", count=1, on="refund", containing=sold["order_id"])
    assert code(shop.post(path, {"refund_key": "r1", "amount": 1})) == "414"
    assert code(shop.post(path, {"refund_key": "r1", "amount": 1})) == "200", "the key is free"


def test_a_transfer_is_not_given_back_by_the_api(shop: Warung) -> None:
    paid = shop.charged(a_transfer())
    shop.simulator.admin("POST", f"/objects/{paid['transaction_id']}/approve")

    assert code(shop.post(f"/v2/{paid['order_id']}/refund", {"amount": 1})) == "412"


def test_a_refund_is_told_twice_first_without_the_banks_word(shop: Warung) -> None:
    sold = settled(shop)
    shop.post(f"/v2/{sold['order_id']}/refund", {"refund_key": "r1"})
    first = shop.heard(sold["order_id"], "refund")
    assert "bank_confirmed_at" not in first["refunds"][0]
    number = shop.status(sold["order_id"])["refunds"][0]["refund_chargeback_id"]

    shop.simulator.admin("POST", f"/refunds/{number}/succeed")

    shop.receiver.first(
        lambda one: (
            one.event.get("order_id") == sold["order_id"]
            and bool(one.event.get("refunds", [{}])[0].get("bank_confirmed_at"))
        )
    )
    assert shop.simulator.pull(f"/refunds/{number}/fail").status == 409


def test_a_chargeback_takes_what_is_left(shop: Warung) -> None:
    sold = settled(shop)
    shop.post(f"/v2/{sold['order_id']}/refund", {"refund_key": "r1", "amount": 45_000})
    lever = f"/objects/{sold['transaction_id']}/chargeback"
    assert shop.simulator.pull(lever, {"amount": 1}).status == 409

    shop.simulator.admin("POST", lever, {"amount": 10_000_000})

    assert shop.status(sold["order_id"])["transaction_status"] == "chargeback"
    assert shop.moved(sold["order_id"])[-1] == ("chargeback", 10_000_000)


def test_what_has_settled_can_be_denied_late(shop: Warung) -> None:
    paid = shop.charged(a_transfer("permata"))
    lever = f"/transactions/{paid['transaction_id']}/deny"
    assert shop.simulator.pull(lever).status == 409
    shop.simulator.admin("POST", f"/objects/{paid['transaction_id']}/approve")

    shop.simulator.admin("POST", lever)

    denied = shop.status(paid["order_id"])
    assert denied["transaction_status"] == "deny"
    assert denied["settlement_time"], "so that anybody can see that the money had come"
    assert shop.moved(paid["order_id"]) == [("sale", WHOLE), ("reversal", WHOLE)]


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("captured", "settlement"),
        ("declined", "deny"),
        ("canceled", "cancel"),
        ("expired", "expire"),
    ],
)
def test_an_operator_decides_what_waits(shop: Warung, to: str, status: str) -> None:
    waits = shop.charged(a_wallet("qris"))
    lever = f"/objects/{waits['transaction_id']}/settle"

    shop.simulator.admin("POST", lever, {"to": to})

    assert shop.status(waits["order_id"])["transaction_status"] == status
    assert shop.simulator.pull(lever, {"to": "authorized"}).status == 409
    assert shop.simulator.pull("/objects/nobody/settle", {"to": to}).status == 409


def test_a_status_is_signed_like_a_notification(shop: Warung) -> None:
    sold = settled(shop)

    signed = f"{sold['order_id']}200145000.00{SERVER}".encode()

    assert sold["signature_key"] == hashlib.sha512(signed).hexdigest()


def test_a_status_need_not_repeat_where_the_payer_must_go(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bare = Warung.opened(tmp_path_factory.mktemp("bare"), "--bare-status")
    said = bare.charged(an_order(credit_card={"token_id": "tok_visa", "authentication": True}))

    assert said["redirect_url"]
    assert "redirect_url" not in bare.status(said["order_id"])
    bare.close()
