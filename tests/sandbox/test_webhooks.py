"""Webhooks as a receiver sees them: signed, retried, and wrong in the ways that were asked for."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import PATIENCE_S, Sandbox, an_order, wait_until


@pytest.fixture(autouse=True)
def patient(receiver: Receiver) -> Iterator[None]:
    """Let every test start with a receiver that accepts everything."""
    yield
    receiver.answers = lambda _reference, _number: 204


def outcomes(sandbox: Sandbox, reference: str) -> list[tuple[str, int]]:
    """Return (kind, tries) of what the ledger says became of a payment's events."""
    return [
        (entry["kind"], entry["tries"])
        for entry in sandbox.entries()
        if entry.get("reference") == reference and "tries" in entry
    ]


def test_a_captured_payment_sends_one_signed_event(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order()
    payment = sandbox.create(order).json

    [delivery] = receiver.wait_for(order["reference"], 1)

    assert delivery.is_signed()
    assert delivery.headers["content-type"] == "application/json"
    event = delivery.event
    assert event["id"].startswith("evt_")
    assert (event["object"], event["type"]) == ("event", "payment.captured")
    assert isinstance(event["created"], int)
    assert event["data"] == {"payment": payment}
    wait_until(lambda: outcomes(sandbox, order["reference"]) == [("event.delivered", 1)])


def test_every_change_of_status_is_told(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order(capture=False, metadata={"sandbox": "async"})
    payment = sandbox.create(order).json["id"]
    sandbox.wait_for_status(payment, "authorized")
    receiver.wait_for(order["reference"], 2)
    sandbox.post(f"/v1/payments/{payment}/capture", {})
    receiver.wait_for(order["reference"], 3)
    sandbox.refund(payment, amount=1)
    receiver.wait_for(order["reference"], 4)
    refund = sandbox.refund(payment).json

    told = receiver.wait_for(order["reference"], 5)

    assert [one.type for one in told] == [
        "payment.processing",
        "payment.authorized",
        "payment.captured",
        "refund.succeeded",
        "refund.succeeded",
    ]
    assert told[-1].event["data"]["refund"] == refund
    versions = [one.event["data"]["payment"]["version"] for one in told]
    assert versions == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("order", "type_"),
    [
        ({"amount": 9001}, "payment.declined"),
        ({"three_ds": "required"}, "payment.requires_action"),
    ],
)
def test_what_is_not_a_charge_is_told_as_well(
    sandbox: Sandbox, receiver: Receiver, order: dict[str, object], type_: str
) -> None:
    body = an_order(**order)
    sandbox.create(body)

    assert [one.type for one in receiver.wait_for(body["reference"], 1)] == [type_]


@pytest.mark.parametrize("status", [500, 302])
def test_anything_but_2xx_is_tried_again_with_the_same_event_and_a_new_signature(
    sandbox: Sandbox, receiver: Receiver, status: int
) -> None:
    order = an_order()
    receiver.answers = lambda ref, n: status if ref == order["reference"] and n < 4 else 204
    sandbox.create(order)

    tries = receiver.wait_for(order["reference"], 4)

    assert len({one.event["id"] for one in tries}) == 1
    assert all(one.is_signed() for one in tries)
    waits = [after.arrived_s - before.arrived_s for before, after in pairwise(tries)]
    for wait, least in zip(waits, (0.05, 0.1, 0.2), strict=True):
        assert wait >= least
    wait_until(lambda: outcomes(sandbox, order["reference"]) == [("event.delivered", 4)])


def test_after_the_sixth_retry_an_event_is_given_up(own: Sandbox, receiver: Receiver) -> None:
    own.options = ("--webhook-time-scale", "0.001")
    own.start()
    order = an_order()
    receiver.answers = lambda ref, _: 500 if ref == order["reference"] else 204
    own.create(order)

    wait_until(lambda: outcomes(own, order["reference"]) == [("event.given_up", 7)])
    assert len(receiver.about(order["reference"])) == 7


def test_webhook_duplicate_sends_three_copies_at_once(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order(amount=9014)
    sandbox.create(order)

    copies = receiver.wait_for(order["reference"], 3)

    assert len({one.body for one in copies}) == 1
    wait_until(lambda: outcomes(sandbox, order["reference"]) == [("event.delivered", 1)])
    assert len(receiver.about(order["reference"])) == 3


def test_webhook_late_waits_before_it_sends(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order(amount=9015)
    started_s = time.monotonic()
    sandbox.create(order)

    [late] = receiver.wait_for(order["reference"], 1)

    assert late.arrived_s - started_s >= 0.25


def test_webhook_early_is_answered_before_the_api_answers(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = an_order(amount=9016)
    seen_by_receiver = []

    def look(reference: str, _: int) -> int:
        if reference == order["reference"]:
            seen_by_receiver.append(sandbox.requests(reference))
        return 204

    receiver.answers = look
    sandbox.create(order)

    assert seen_by_receiver == [[("POST", "open")]]
    assert sandbox.requests(order["reference"]) == [("POST", 201)]


def test_webhook_out_of_order_tells_the_end_before_the_beginning(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = an_order(amount=9017)
    payment = sandbox.create(order).json
    assert payment["status"] == "processing"

    captured, processing = receiver.wait_for(order["reference"], 2)

    assert captured.type == "payment.captured"
    assert processing.type == "payment.processing"
    assert processing.event["data"]["payment"]["version"] == payment["version"]
    assert processing.event["created"] <= captured.event["created"]


def test_an_older_event_that_arrives_late_does_not_release_a_held_one(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order, captured = an_order(capture=False), threading.Event()

    def slowly(reference: str, number: int) -> int:
        first = reference == order["reference"] and number == 1
        return 204 if not first or captured.wait(PATIENCE_S) else 500

    receiver.answers = slowly
    payment = sandbox.create(order).json["id"]
    receiver.wait_for(order["reference"], 1)
    sandbox.fault("webhook_out_of_order", count=1, on="capture")
    sandbox.post(f"/v1/payments/{payment}/capture", {})
    captured.set()

    told = [one.type for one in receiver.wait_for(order["reference"], 3)]

    assert told == ["payment.authorized", "payment.captured", "payment.processing"]


@pytest.mark.parametrize("asked_by", ["amount", "global"])
def test_webhooks_off_sends_nothing_until_asked_to_deliver(
    sandbox: Sandbox, receiver: Receiver, asked_by: str
) -> None:
    order = an_order(amount=9019 if asked_by == "amount" else 1000)
    if asked_by == "global":
        sandbox.fault("webhooks_off", count=1)
    payment = sandbox.create(order).json["id"]
    marker = an_order()
    sandbox.create(marker)
    receiver.wait_for(marker["reference"], 1)
    assert receiver.about(order["reference"]) == []

    for number in (1, 2):
        sandbox.admin("POST", "/deliver", {"payment": payment})
        receiver.wait_for(order["reference"], number)

    first, second = receiver.about(order["reference"])
    assert first.body == second.body
    assert first.type == "payment.captured"


def test_a_forced_change_is_told_like_any_other(sandbox: Sandbox, receiver: Receiver) -> None:
    order = an_order(amount=9002)
    payment = sandbox.create(order).error["payment"]["id"]
    receiver.wait_for(order["reference"], 1)

    sandbox.admin("POST", "/settle", {"payment": payment, "status": "captured"})

    told = [one.type for one in receiver.wait_for(order["reference"], 2)]
    assert told == ["payment.declined", "payment.captured"]


def test_a_receiver_that_is_down_gets_everything_once_it_is_back(own: Sandbox) -> None:
    late_receiver = Receiver()
    late_receiver.close()
    own.webhook_url = late_receiver.url
    own.start()
    order = an_order()
    own.create(order)
    assert outcomes(own, order["reference"]) == []
    own.kill()
    again = Receiver()
    own.webhook_url = again.url

    own.start()

    assert [one.type for one in again.wait_for(order["reference"], 1)] == ["payment.captured"]
    again.close()
