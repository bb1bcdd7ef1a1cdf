"""The Xendit simulator's own rules about refunds, payouts, disputes and webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.sandbox.xendit.limits import RateLimit
from tests.sandbox.running import wait_until
from tests.sandbox.xenditing import (
    TOKEN,
    Shop,
    a_card,
    a_number,
    a_payout,
    a_reference,
    a_wallet,
    opened,
    refused,
    shop,
)

__all__ = ["shop"]  # a fixture


def given_back(shop: Shop, charge: Any) -> list[int]:
    """What the books say has gone back of a charge."""
    lines = shop.simulator.lines(charge["payment_request_id"])
    return [line["amount"] for line in lines if line["kind"] == "refund"]


def test_a_refund_without_a_key_is_made_again_by_a_repetition(shop: Shop) -> None:
    charge = shop.charge(a_card())

    first = shop.refund(charge, amount=1000)
    second = shop.refund(charge, amount=1000)

    assert first.json["id"] != second.json["id"]
    assert given_back(shop, charge) == [100_000, 100_000]


def test_a_refund_with_a_key_is_made_once(shop: Shop) -> None:
    charge, key = shop.charge(a_card()), a_reference()

    first = shop.refund(charge, key, amount=1000)
    assert shop.refund(charge, key, amount=1000).body == first.body
    assert refused(shop.refund(charge, key, amount=2000)) == (409, "DUPLICATE_ERROR")
    assert given_back(shop, charge) == [100_000]


def test_refunds_are_bounded_by_what_was_collected(shop: Shop) -> None:
    charge = shop.charge(a_card())

    assert refused(shop.refund(charge, amount=12501)) == (400, "REFUND_AMOUNT_EXCEEDED")
    assert shop.refund(charge, amount=2500).json["status"] == "SUCCEEDED"
    assert shop.refund(charge).json["amount"] == 10000
    assert refused(shop.refund(charge)) == (400, "REFUND_AMOUNT_EXCEEDED")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"reason": "BECAUSE"}, (400, "API_VALIDATION_ERROR")),
        ({"currency": "PHP"}, (400, "API_VALIDATION_ERROR")),
        ({"amount": 0.5}, (400, "INVALID_VALUE_ERROR")),
        ({"note": "x"}, (400, "API_VALIDATION_ERROR")),
        ({"payment_request_id": "pr-0"}, (404, "DATA_NOT_FOUND")),
    ],
    ids=str,
)
def test_a_refund_that_is_wrong_is_refused(
    shop: Shop, changes: dict[str, Any], answer: tuple[int, str]
) -> None:
    charge = shop.charge(a_card())

    assert refused(shop.refund(charge, **changes)) == answer
    assert given_back(shop, charge) == []


def test_one_refund_at_a_time_and_only_of_what_was_paid(shop: Shop) -> None:
    number, held = shop.charge(a_number()), shop.charge(a_card(capture_method="MANUAL"))
    assert refused(shop.refund(number)) == (403, "REFUND_NOT_SUPPORTED")
    assert refused(shop.refund(held)) == (400, "INELIGIBLE_TRANSACTION_STATUS")
    charge = shop.charge(a_card())
    shop.simulator.fault("later", on="refund", count=1, containing=charge["payment_request_id"])

    pending = shop.refund(charge, amount=1000).json

    assert pending["status"] == "PENDING"
    assert refused(shop.refund(charge, amount=1)) == (400, "REFUND_IN_PROGRESS")
    shop.simulator.admin("POST", f"/refunds/{pending['id']}/succeed")
    assert shop.refund(charge, amount=1).json["status"] == "SUCCEEDED"


def test_refunds_are_listed_newest_first_in_pages(shop: Shop) -> None:
    charge = shop.charge(a_card())
    ids = [shop.refund(charge, amount=n).json["id"] for n in (1, 2, 3)]
    path = f"/refunds?payment_request_id={charge['payment_request_id']}&limit=2"

    first = shop.get(path).json
    assert [one["id"] for one in first["data"]] == [ids[2], ids[1]]
    assert first["has_more"]
    last = shop.get(f"{path}&after_id={ids[1]}").json
    assert ([one["id"] for one in last["data"]], last["has_more"]) == ([ids[0]], False)
    assert refused(shop.get(path + "x")) == (400, "API_VALIDATION_ERROR")


def test_a_payout_needs_a_key_and_is_made_once(shop: Shop) -> None:
    order, key = a_payout(), a_reference()

    assert refused(shop.post("/v2/payouts", order)) == (400, "API_VALIDATION_ERROR")
    first = shop.post("/v2/payouts", order, key)
    assert first.json["status"] == "ACCEPTED"
    shop.simulator.admin("POST", f"/payouts/{first.json['id']}/pay")
    assert shop.post("/v2/payouts", order, key).body == first.body
    other = shop.post("/v2/payouts", order | {"amount": 1}, key)
    assert refused(other) == (409, "DUPLICATE_ERROR")
    listed = shop.get(f"/v2/payouts?reference_id={order['reference_id']}").json
    assert [one["status"] for one in listed] == ["SUCCEEDED"]
    again = shop.post("/v2/payouts", order, a_reference())
    assert again.json["id"] != first.json["id"]
    assert shop.get(f"/v2/payouts?reference_id={a_reference()}").json == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel_code": "ID_NOWHERE"}, "CHANNEL_CODE_NOT_SUPPORTED_ERROR"),
        ({"currency": "PHP"}, "INVALID_VALUE_ERROR"),
        ({"amount": 42000.5}, "INVALID_VALUE_ERROR"),
        ({"channel_properties": {"account_number": "1"}}, "API_VALIDATION_ERROR"),
        ({"description": "d" * 101}, "API_VALIDATION_ERROR"),
        ({"reason": "x"}, "API_VALIDATION_ERROR"),
    ],
    ids=str,
)
def test_a_payout_that_is_wrong_is_refused(shop: Shop, changes: dict[str, Any], code: str) -> None:
    answered = shop.post("/v2/payouts", a_payout() | changes, a_reference())

    assert refused(answered) == (400, code)


def test_a_payout_can_be_cancelled_before_it_is_sent(shop: Shop) -> None:
    payout = shop.post("/v2/payouts", a_payout("131313"), a_reference()).json
    path = f"/v2/payouts/{payout['id']}"

    assert shop.post(f"{path}/cancel", {}).json["status"] == "CANCELLED"
    assert refused(shop.post(f"{path}/cancel", {})) == (400, "INELIGIBLE_TRANSACTION_STATUS")


@pytest.mark.parametrize(
    ("account", "status", "code"),
    [
        ("123456", "FAILED", "TEMPORARY_TRANSFER_ERROR"),
        ("999999", "FAILED", "REJECTED_BY_CHANNEL"),
        ("121212", "FAILED", "INVALID_DESTINATION"),
        ("000000000099", "SUCCEEDED", None),
    ],
)
def test_an_account_number_decides_what_becomes_of_a_payout(
    tmp_path: Path, account: str, status: str, code: str | None
) -> None:
    quick = opened(tmp_path, "--async-delay-s", "0")
    try:
        payout = quick.post("/v2/payouts", a_payout(account), a_reference()).json
        path = f"/v2/payouts/{payout['id']}"
        wait_until(lambda: bool(quick.get(path).json["status"] == status))

        assert quick.get(path).json.get("failure_code") == code
        event = "payout.succeeded" if code is None else "payout.failed"
        assert quick.told(event, payout["id"]).event["data"]["status"] == status
    finally:
        quick.simulator.stop()
        quick.receiver.close()


def test_what_was_paid_out_may_come_back(shop: Shop) -> None:
    payout = shop.post("/v2/payouts", a_payout("654321"), a_reference()).json
    shop.simulator.admin("POST", f"/payouts/{payout['id']}/pay")

    shop.simulator.admin("POST", f"/payouts/{payout['id']}/return")

    assert shop.get(f"/v2/payouts/{payout['id']}").json["status"] == "REVERSED"
    assert shop.told("payout.reversed", payout["id"]).event["data"]["status"] == "REVERSED"
    kinds = shop.simulator.kinds(payout["reference_id"])
    assert [kind for kind in kinds if kind in ("payout", "payout_returned")] == [
        "payout",
        "payout_returned",
    ]


def test_a_payout_that_is_scripted_to_come_back_does_so_in_a_moment(tmp_path: Path) -> None:
    quick = opened(tmp_path, "--async-delay-s", "0")
    try:
        quick.simulator.fault("payout_returned", on="payout", count=1)
        payout = quick.post("/v2/payouts", a_payout(), a_reference()).json

        path = f"/v2/payouts/{payout['id']}"
        wait_until(lambda: bool(quick.get(path).json["status"] == "REVERSED"))
    finally:
        quick.simulator.stop()
        quick.receiver.close()


def test_a_lost_dispute_is_listed_by_its_payment(shop: Shop) -> None:
    charge = shop.charge(a_card())

    shop.lever(charge, "chargeback", amount=700_050)

    (dispute,) = shop.get(f"/v1/disputes?payment_id={charge['latest_payment_id']}").json["data"]
    assert dispute["status"] == "LOST"
    assert dispute["amount"] == {"initial": "7000.50", "terminal": "7000.50"}
    told = shop.told("dispute.lost", charge["reference_id"]).event
    assert (told["payment_id"], told["reference_id"]) == (
        charge["latest_payment_id"],
        charge["reference_id"],
    )
    assert "data" not in told
    wallet = shop.charge(a_wallet())
    shop.decides(wallet, "approve")
    path = f"/objects/{wallet['payment_request_id']}/chargeback"
    assert shop.simulator.pull(path, {"amount": 1}).status == 409


def test_a_webhook_shows_the_token_and_two_tries_differ_but_for_their_id(tmp_path: Path) -> None:
    shop = opened(tmp_path, "--webhook-time-scale", "0.0001")
    shop.receiver.answers = lambda _id, number: 503 if number < 3 else 200
    try:
        charge = shop.charge(a_card())
        first = shop.told("payment.capture", charge["payment_request_id"])
        id_ = first.headers["webhook-id"]
        tries = shop.receiver.wait_for(id_, 3)

        assert {one.headers["x-callback-token"] for one in tries} == {TOKEN}
        assert len({one.event["created"] for one in tries}) == 3
        assert [one.event["data"] for one in tries] == [first.event["data"]] * 3
        assert first.event["data"]["reference_id"] == charge["reference_id"]
    finally:
        shop.simulator.stop()
        shop.receiver.close()


def test_everything_is_there_again_after_a_kill(tmp_path: Path) -> None:
    shop = opened(tmp_path)
    try:
        order, key = a_payout(), a_reference()
        payout = shop.post("/v2/payouts", order, key)
        held = shop.charge(a_card(capture_method="MANUAL"))
        charge = shop.charge(a_card())
        refund = shop.refund(charge, key, amount=1000)
        shop.lever(charge, "chargeback", amount=100)
        shop.post("/v3/payment_tokens/pt-card-2/cancel", {})
        before = [shop.shown(held), shop.paid(charge)]

        shop.simulator.kill()
        shop.simulator.start()

        assert [shop.shown(held), shop.paid(charge)] == before
        assert shop.post("/v2/payouts", order, key).body == payout.body
        assert shop.refund(charge, key, amount=1000).body == refund.body
        again = shop.post("/v3/payment_requests", a_card(reference_id=charge["reference_id"]))
        assert refused(again) == (409, "DUPLICATE_ERROR")
        disputes = shop.get(f"/v1/disputes?payment_id={charge['latest_payment_id']}").json
        assert len(disputes["data"]) == 1
        assert shop.get("/v3/payment_tokens/pt-card-2").json["status"] == "CANCELED"
        path = f"/v3/payments/{held['latest_payment_id']}/capture"
        assert shop.post(path, {"capture_amount": 12500}).status == 200
    finally:
        shop.simulator.stop()
        shop.receiver.close()


def test_an_endpoint_may_be_asked_so_often_a_minute() -> None:
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])

    def asked(path: str) -> float | None:
        return limit.refuses_for_s("GET", path)

    assert [asked("/v3/payments/py-1"), asked("/v3/payments/py-2")] == [None, None]
    assert asked("/refunds") is None
    now[0] = 20.0
    assert asked("/v3/payments/py-3") == 40.0
    now[0] = 60.0
    assert asked("/v3/payments/py-3") is None
    free = RateLimit(0)
    assert [free.refuses_for_s("GET", "/") for _ in range(3)] == [None] * 3


def test_beyond_the_limit_the_answer_says_when_to_come_back(tmp_path: Path) -> None:
    shop = opened(tmp_path, "--per-minute", "1")
    try:
        shop.charge(a_wallet())
        answered = shop.post("/v3/payment_requests", a_wallet())
        assert refused(answered) == (429, "RATE_LIMIT_EXCEEDED")
        assert 0 < float(answered.headers["rate-limit-reset"]) <= 60
    finally:
        shop.simulator.stop()
        shop.receiver.close()


def test_options_make_an_account_stricter_or_say_more(tmp_path: Path) -> None:
    shop = opened(tmp_path, "--always-3ds", "--list-by-reference")
    try:
        create = "/v3/payment_requests"
        assert refused(shop.post(create, a_card())) == (403, "SKIP_3DS_FORBIDDEN")
        wallet = shop.charge(a_wallet())
        listed = shop.get(f"{create}?reference_id={wallet['reference_id']}").json
        assert [one["payment_request_id"] for one in listed["data"]] == [
            wallet["payment_request_id"]
        ]
        assert b"pt-frictionless" in shop.simulator.send("GET", "/").body
    finally:
        shop.simulator.stop()
        shop.receiver.close()
