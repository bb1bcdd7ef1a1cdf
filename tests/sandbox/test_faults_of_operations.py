"""Every scripted fault on every operation: was it done, and what does the same request get then?"""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response, Sandbox, a_payout, an_order, wait_until


@dataclass(frozen=True)
class Try:
    """One request that can be sent again, and a look at whether it was done."""

    path: str
    body: dict[str, Any]
    done: Callable[[], bool]
    accepted: int


def a_create(sandbox: Sandbox) -> Try:
    order = an_order()
    return Try("/v1/payments", order, lambda: sandbox.charges(order["reference"]) == 1, 201)


def a_payment(sandbox: Sandbox, **changes: object) -> str:
    return str(sandbox.create(an_order(**changes)).json["id"])


def shown(sandbox: Sandbox, payment: str) -> Any:
    return sandbox.get(f"/v1/payments/{payment}").json


def a_capture(sandbox: Sandbox) -> Try:
    payment = a_payment(sandbox, capture=False)
    path = f"/v1/payments/{payment}/capture"
    return Try(path, {}, lambda: shown(sandbox, payment)["amount_captured"] == 1000, 200)


def a_cancel(sandbox: Sandbox) -> Try:
    payment = a_payment(sandbox, capture=False)
    path = f"/v1/payments/{payment}/cancel"
    return Try(path, {}, lambda: shown(sandbox, payment)["status"] == "canceled", 200)


def a_refund(sandbox: Sandbox) -> Try:
    payment = a_payment(sandbox)
    body = {"amount": 400, "reference": f"b-{payment}"}
    path = f"/v1/payments/{payment}/refunds"
    return Try(path, body, lambda: shown(sandbox, payment)["amount_refunded"] == 400, 201)


def a_payout_try(sandbox: Sandbox) -> Try:
    order = a_payout()

    def done() -> bool:
        return bool(sandbox.get(f"/v1/payouts?reference={order['reference']}").json["data"])

    return Try("/v1/payouts", order, done, 201)


def a_detach(sandbox: Sandbox) -> Try:
    token = f"tok_{uuid4().hex}"

    def done() -> bool:
        return any(entry.get("token") == token for entry in sandbox.entries())

    return Try(f"/v1/payment_methods/{quote(token)}/detach", {}, done, 200)


TRIES: dict[str, Callable[[Sandbox], Try]] = {
    "create": a_create,
    "capture": a_capture,
    "cancel": a_cancel,
    "refund": a_refund,
    "payout": a_payout_try,
    "detach": a_detach,
}


@pytest.fixture(params=list(TRIES))
def operation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sent(sandbox: Sandbox, one: Try, key: str, timeout_s: float = 10.0) -> Response | None:
    """Send the request; None where no answer came."""
    try:
        return sandbox.post(one.path, one.body, key, timeout_s)
    except (OSError, http.client.HTTPException):
        return None


def again_once_free(sandbox: Sandbox, one: Try, key: str) -> Response:
    """Send it again when the provider has noticed that the first client is gone."""
    answers: list[Response] = []

    def answered() -> bool:
        answers.append(sandbox.post(one.path, one.body, key))
        return answers[-1].status != 409

    wait_until(answered)
    return answers[-1]


@pytest.mark.parametrize("fault", ["charge_then_drop", "hang", "slow_drip"])
def test_what_was_done_without_an_answer_is_found_under_its_key(
    sandbox: Sandbox, operation: str, fault: str
) -> None:
    one, key = TRIES[operation](sandbox), uuid4().hex
    sandbox.fault(fault, count=1, on=operation)

    assert sent(sandbox, one, key, timeout_s=0.3) is None

    wait_until(one.done)
    again = again_once_free(sandbox, one, key)
    assert (again.status, again.headers["idempotent-replayed"]) == (one.accepted, "true")


@pytest.mark.parametrize("fault", ["drop_before_charge", "hang_before_charge"])
def test_what_was_lost_on_the_way_in_was_not_done_and_can_be_sent_again(
    sandbox: Sandbox, operation: str, fault: str
) -> None:
    one, key = TRIES[operation](sandbox), uuid4().hex
    sandbox.fault(fault, count=1, on=operation)

    assert sent(sandbox, one, key, timeout_s=0.3) is None

    assert not one.done()
    again = again_once_free(sandbox, one, key)
    assert (again.status, "idempotent-replayed" in again.headers) == (one.accepted, False)
    assert one.done()


@pytest.mark.parametrize(("fault", "status"), [("rate_limited", 429), ("unavailable", 503)])
def test_what_was_turned_away_was_not_done_and_its_key_is_free(
    sandbox: Sandbox, operation: str, fault: str, status: int
) -> None:
    one, key = TRIES[operation](sandbox), uuid4().hex
    sandbox.fault(fault, count=1, on=operation)

    refused = sandbox.post(one.path, one.body, key)

    assert (refused.status, refused.headers["retry-after"]) == (status, "1")
    assert not one.done()
    assert sandbox.post(one.path, one.body, key).status == one.accepted


@pytest.mark.parametrize(("fault", "done"), [("charge_then_500", True), ("server_error", False)])
def test_a_500_says_nothing_and_stays(
    sandbox: Sandbox, operation: str, fault: str, done: bool
) -> None:
    one, key = TRIES[operation](sandbox), uuid4().hex
    sandbox.fault(fault, count=1, on=operation)

    first, again = (sandbox.post(one.path, one.body, key) for _ in "12")

    assert (first.status, again.status, again.body) == (500, 500, first.body)
    assert one.done() == done


def test_garbage_is_sent_once_and_the_answer_is_kept(sandbox: Sandbox, operation: str) -> None:
    one, key = TRIES[operation](sandbox), uuid4().hex
    sandbox.fault("charge_then_garbage", count=1, on=operation)

    with pytest.raises(ValueError):
        json.loads(sandbox.post(one.path, one.body, key).body)

    assert one.done()
    assert sandbox.post(one.path, one.body, key).status == one.accepted


def test_a_fault_for_one_operation_leaves_the_others_alone(
    sandbox: Sandbox, operation: str
) -> None:
    sandbox.fault("unavailable", on=operation)

    statuses = {}
    for name, make in TRIES.items():
        sandbox.admin("DELETE", "/faults")
        one = make(sandbox)  # made in fair weather
        sandbox.fault("unavailable", on=operation)
        statuses[name] = sandbox.post(one.path, one.body).status == 503

    assert statuses == {name: name == operation for name in TRIES}


@pytest.mark.parametrize(
    ("operation", "moved"), [("create", 1001), ("capture", 999), ("refund", 399), ("payout", 1001)]
)
def test_wrong_amount_is_off_by_one_and_says_so(
    sandbox: Sandbox, operation: str, moved: int
) -> None:
    one = TRIES[operation](sandbox)
    sandbox.fault("wrong_amount", count=1, on=operation)

    answer = sandbox.post(one.path, one.body).json

    told = answer["amount_captured" if operation in ("create", "capture") else "amount"]
    assert told == moved
    if operation == "payout":
        sandbox.wait_for_status(answer["id"], "paid")
    kind, amount = sandbox.kinds(answer["id"])[-1]
    assert (kind, amount) == (
        {"create": "charge", "capture": "capture", "refund": "refund", "payout": "payout"}[
            operation
        ],
        moved,
    )


def test_an_outcome_named_without_an_operation_is_for_new_payments_only(
    sandbox: Sandbox,
) -> None:
    refund = a_refund(sandbox)
    rule = sandbox.fault("soft_decline")

    assert rule["on"] == "create"
    assert sandbox.post(refund.path, refund.body).status == 201
    assert sandbox.create(an_order()).status == 402
    sandbox.admin("DELETE", "/faults")
    assert sandbox.fault("payout_returned")["on"] == "payout"
    assert sandbox.fault("hang", count=1)["on"] == "post"


def test_an_outcome_for_every_post_strikes_refunds_and_payouts_too(sandbox: Sandbox) -> None:
    refund = a_refund(sandbox)
    sandbox.fault("soft_decline", on="post")

    assert sandbox.post(refund.path, refund.body).error["code"] == "refund_declined"
    assert sandbox.pay_out(a_payout()).error["code"] == "payout_declined"


def test_a_magic_amount_strikes_a_part_of_a_payment_and_never_the_whole(sandbox: Sandbox) -> None:
    large = a_payment(sandbox, amount=10_000)
    whole = a_payment(sandbox, amount=9020, metadata={"sandbox": "latency=0"})
    held = a_payment(sandbox, amount=10_000, capture=False)
    sandbox.wait_for_status(whole, "captured")

    assert sandbox.refund(large, amount=9020).json["status"] == "pending"
    assert sandbox.refund(whole, amount=9020).json["status"] == "succeeded"
    declined = sandbox.post(f"/v1/payments/{held}/capture", {"amount": 9001})
    assert (declined.status, declined.error["code"]) == (402, "insufficient_funds")


def test_a_webhook_fault_can_be_limited_to_one_kind_of_change(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.fault("webhook_duplicate", on="capture")
    order = an_order(capture=False)
    payment = sandbox.create(order).json["id"]
    receiver.wait_for(order["reference"], 1)
    sandbox.post(f"/v1/payments/{payment}/capture", {})
    receiver.wait_for(order["reference"], 4)
    sandbox.refund(payment)

    told = [one.type for one in receiver.wait_for(order["reference"], 5)]

    assert told == ["payment.authorized", *["payment.captured"] * 3, "refund.succeeded"]


@pytest.mark.parametrize("operation", ["capture", "refund", "payout"])
def test_the_end_can_be_told_before_the_beginning(
    sandbox: Sandbox, receiver: Receiver, operation: str
) -> None:
    one = TRIES[operation](sandbox)
    sandbox.fault("webhook_out_of_order", count=1, on=operation)

    answer = sandbox.post(one.path, one.body).json

    reference = answer.get("payment_reference") or answer["reference"]
    first, second = receiver.wait_for(reference, 2 if operation == "payout" else 3)[-2:]
    assert (first.type, second.type) == {
        "capture": ("payment.captured", "payment.processing"),
        "refund": ("refund.succeeded", "refund.pending"),
        "payout": ("payout.paid", "payout.processing"),
    }[operation]
    word = second.type.partition(".")[0]
    versions = [told.event["data"][word]["version"] for told in (first, second)]
    assert versions == sorted(versions, reverse=True)


def test_a_payout_brings_its_webhook_faults_along(sandbox: Sandbox, receiver: Receiver) -> None:
    order = a_payout(metadata={"sandbox": "webhook_duplicate"})
    sandbox.pay_out(order)

    told = receiver.wait_for(order["reference"], 6)

    assert [one.type for one in told].count("payout.paid") == 3
