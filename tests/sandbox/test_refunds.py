"""Refunds over real sockets: made, added up, found again, told."""

import threading

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response, Sandbox, an_order

FIELDS = {
    "id",
    "object",
    "payment",
    "payment_reference",
    "reference",
    "amount",
    "currency",
    "status",
    "failure_code",
    "reason",
    "created_at",
    "updated_at",
    "version",
}


def captured(sandbox: Sandbox, **changes: object) -> str:
    answer = sandbox.create(an_order(**changes))
    assert answer.json["status"] == "captured"
    return str(answer.json["id"])


def money(sandbox: Sandbox, payment: str) -> tuple[str, int, int]:
    shown = sandbox.get(f"/v1/payments/{payment}").json
    return shown["status"], shown["amount_refunded"], shown["amount_refund_pending"]


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, answer.error["code"]


def test_a_refund_succeeds_at_once_and_is_found_by_id_and_by_its_own_reference(
    sandbox: Sandbox,
) -> None:
    order = an_order()
    payment = sandbox.create(order).json["id"]

    answer = sandbox.refund(payment, amount=300, reference=f"b-{payment}", reason="damaged")

    assert answer.status == 201
    refund = answer.json
    assert set(refund) == FIELDS
    assert refund["id"].startswith("sr_")
    assert (refund["payment"], refund["payment_reference"]) == (payment, order["reference"])
    assert (refund["status"], refund["failure_code"]) == ("succeeded", None)
    assert (refund["amount"], refund["currency"], refund["reason"]) == (300, "USD", "damaged")
    assert sandbox.get(f"/v1/refunds/{refund['id']}").json == refund
    assert sandbox.get(f"/v1/refunds?reference=b-{payment}").json == {"data": [refund]}
    assert sandbox.get("/v1/refunds?reference=nobody").json == {"data": []}
    assert sandbox.kinds(refund["id"]) == [("refund", 300)]


def test_refunds_add_up_to_what_was_captured_and_no_further(sandbox: Sandbox) -> None:
    payment = captured(sandbox)

    sandbox.refund(payment, amount=300)
    assert money(sandbox, payment) == ("partially_refunded", 300, 0)
    assert refused(sandbox.refund(payment, amount=701)) == (400, "refund_exceeds_captured")

    assert sandbox.refund(payment).json["amount"] == 700
    assert money(sandbox, payment) == ("refunded", 1000, 0)
    assert refused(sandbox.refund(payment)) == (400, "refund_exceeds_captured")


def test_nothing_can_be_refunded_before_it_is_captured(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order(capture=False)).json["id"]

    assert refused(sandbox.refund(payment, amount=1)) == (400, "refund_exceeds_captured")


def test_refunds_that_arrive_together_never_give_back_more_than_was_captured(
    sandbox: Sandbox,
) -> None:
    payment = captured(sandbox)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(sandbox.refund(payment, amount=100).status))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(201), statuses.count(400)) == (10, 10)
    assert money(sandbox, payment) == ("refunded", 1000, 0)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "reference"),
        ({"reference": ""}, "reference"),
        ({"reference": "r" * 65}, "reference"),
        ({"reference": "r", "amount": 0}, "amount"),
        ({"reference": "r", "amount": 1.5}, "amount"),
        ({"reference": "r", "reason": 7}, "reason"),
        ({"reference": "r", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_goes_back(
    sandbox: Sandbox, body: dict[str, object], param: str
) -> None:
    payment = captured(sandbox)

    answer = sandbox.post(f"/v1/payments/{payment}/refunds", body)

    assert (answer.status, answer.error["param"]) == (400, param)
    assert money(sandbox, payment) == ("captured", 0, 0)


def test_an_unknown_payment_or_refund_is_a_404(sandbox: Sandbox) -> None:
    assert refused(sandbox.refund("sp_nobody")) == (404, "not_found")
    assert refused(sandbox.get("/v1/refunds/sr_nobody")) == (404, "not_found")


def test_the_same_reference_under_two_keys_goes_back_twice_and_the_summary_shows_it(
    sandbox: Sandbox,
) -> None:
    payment = captured(sandbox)
    for _ in range(2):
        sandbox.refund(payment, amount=100, reference=f"b-{payment}")

    found = sandbox.get(f"/v1/refunds?reference=b-{payment}").json["data"]

    assert len({one["id"] for one in found}) == 2
    totals = sandbox.admin("GET", "/ledger/summary")["totals"]
    assert f"b-{payment}" in totals["refunded_more_than_once"]


def test_a_refund_is_told_with_its_payment(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order()
    payment = sandbox.create(order).json["id"]
    receiver.wait_for(order["reference"], 1)
    sandbox.fault("async", count=1, on="refund")
    refund = sandbox.refund(payment, amount=400).json

    _, pending, succeeded = receiver.wait_for(order["reference"], 3)

    assert (pending.type, succeeded.type) == ("refund.pending", "refund.succeeded")
    assert pending.event["data"]["refund"] == refund
    assert pending.event["data"]["payment"]["amount_refund_pending"] == 400
    assert set(succeeded.event["data"]) == {"payment", "refund"}
    assert succeeded.event["data"]["payment"]["amount_refunded"] == 400


def test_the_requests_about_a_refund_are_found_by_its_reference_too(sandbox: Sandbox) -> None:
    payment = captured(sandbox)
    sandbox.refund(payment, reference=f"b-{payment}")

    assert sandbox.requests(f"b-{payment}") == [("POST", 201)]


def test_an_operator_can_have_a_refund_told_again(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order()
    payment = sandbox.create(order).json["id"]
    first, second = (sandbox.refund(payment, amount=100).json["id"] for _ in "12")
    receiver.wait_for(order["reference"], 3)

    sandbox.admin("POST", "/deliver", {"refund": first})

    assert receiver.wait_for(order["reference"], 4)[-1].event["data"]["refund"]["id"] == first
    sandbox.admin("POST", "/deliver", {"payment": payment})  # its latest change was the second
    assert receiver.wait_for(order["reference"], 5)[-1].event["data"]["refund"]["id"] == second
    with pytest.raises(AssertionError, match="not_found"):
        sandbox.admin("POST", "/deliver", {"payment": first})
