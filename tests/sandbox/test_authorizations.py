"""Holding money: captured once, in part or whole, canceled, or lapsed when its time is over."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response, Sandbox, an_order


def authorized(sandbox: Sandbox, **changes: object) -> str:
    answer = sandbox.create(an_order(capture=False, **changes))
    assert (answer.status, answer.json["status"]) == (201, "authorized")
    return str(answer.json["id"])


def capture(sandbox: Sandbox, payment: str, amount: int | None = None) -> Response:
    return sandbox.post(
        f"/v1/payments/{payment}/capture", {} if amount is None else {"amount": amount}
    )


def cancel(sandbox: Sandbox, payment: str) -> Response:
    return sandbox.post(f"/v1/payments/{payment}/cancel", {})


def in_a_moment() -> str:
    return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()


def assert_wrong_state(answer: Response, status: str) -> None:
    assert (answer.status, answer.error["code"]) == (409, "invalid_state")
    assert answer.error["payment"]["status"] == status


def test_a_partial_capture_releases_the_rest_and_is_the_only_one(sandbox: Sandbox) -> None:
    payment = authorized(sandbox)
    assert sandbox.get(f"/v1/payments/{payment}").json["amount_capturable"] == 1000

    shown = capture(sandbox, payment, 400).json

    assert (shown["status"], shown["amount_captured"]) == ("captured", 400)
    assert shown["amount_capturable"] == 0
    assert_wrong_state(capture(sandbox, payment, 100), "captured")
    assert_wrong_state(cancel(sandbox, payment), "captured")
    assert sandbox.refund(payment, amount=401).error["code"] == "refund_exceeds_captured"
    assert sandbox.kinds(payment)[-2:] == [("authorize", 1000), ("capture", 400)]


def test_after_a_cancel_nothing_can_be_captured(sandbox: Sandbox) -> None:
    payment = authorized(sandbox)
    assert cancel(sandbox, payment).json["amount_capturable"] == 0

    assert_wrong_state(capture(sandbox, payment), "canceled")


def test_an_authorization_is_held_for_seven_days_unless_told(own: Sandbox) -> None:
    own.start()
    shown = own.get(f"/v1/payments/{authorized(own)}").json
    held = datetime.fromisoformat(shown["authorization_expires_at"])
    assert held - datetime.fromisoformat(shown["created_at"]) == timedelta(days=7)

    wish = "2999-01-01T00:00:00+01:00"
    asked = own.get(f"/v1/payments/{authorized(own, authorization_expires_at=wish)}").json

    assert asked["authorization_expires_at"] == "2998-12-31T23:00:00.000Z"
    assert own.create(an_order()).json["authorization_expires_at"] is None


def test_an_authorization_lapses_when_its_time_is_over(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = an_order(capture=False, authorization_expires_at=in_a_moment())
    payment = sandbox.create(order).json["id"]

    shown = sandbox.wait_for_status(payment, "expired")

    assert (shown["amount_captured"], shown["amount_capturable"]) == (0, 0)
    assert_wrong_state(capture(sandbox, payment), "expired")
    assert_wrong_state(cancel(sandbox, payment), "expired")
    told = receiver.wait_for(order["reference"], 2)
    assert [one.type for one in told] == ["payment.authorized", "payment.expired"]
    assert sandbox.charges(order["reference"]) == 0


def test_a_captured_authorization_does_not_lapse_and_a_restart_keeps_the_clock(
    own: Sandbox,
) -> None:
    own.options = ("--authorization-life-s", "1.5")
    own.start()
    taken, left = authorized(own), authorized(own)
    capture(own, taken)
    own.kill()

    own.start()

    own.wait_for_status(left, "expired")
    assert own.get(f"/v1/payments/{taken}").json["status"] == "captured"


def test_an_authorization_after_approval_has_its_own_time(own: Sandbox) -> None:
    own.options = ("--authorization-life-s", "1")
    own.start()
    payment = own.create(an_order(capture=False, three_ds="required")).json
    assert payment["authorization_expires_at"] is None

    shown = own.admin("POST", "/settle", {"payment": payment["id"], "status": "authorized"})

    assert shown["authorization_expires_at"] > shown["updated_at"]
    own.wait_for_status(payment["id"], "expired")


def test_a_clock_that_was_set_for_another_state_does_nothing(sandbox: Sandbox) -> None:
    undecided = {"capture": False, "metadata": {"sandbox": "async"}}
    first = sandbox.create(an_order(**undecided)).json["id"]
    sandbox.admin("POST", "/settle", {"payment": first, "status": "authorized"})
    later = sandbox.create(an_order(**undecided)).json["id"]

    sandbox.wait_for_status(later, "authorized")

    assert sandbox.get(f"/v1/payments/{first}").json["status"] == "authorized"


def test_a_time_that_has_passed_is_refused(sandbox: Sandbox) -> None:
    order = an_order(capture=False, authorization_expires_at="2020-01-01T00:00:00Z")

    answer = sandbox.create(order)

    assert (answer.status, answer.error["param"]) == (400, "authorization_expires_at")


@pytest.mark.parametrize(
    ("fault", "code", "then"),
    [
        ("soft_decline", "insufficient_funds", "authorized"),
        ("hard_decline", "stolen_card", "declined"),
    ],
)
def test_a_capture_can_be_declined_for_now_or_for_good(
    sandbox: Sandbox, fault: str, code: str, then: str
) -> None:
    payment = authorized(sandbox)
    sandbox.fault(fault, count=1, on="capture")

    answer = capture(sandbox, payment)

    assert (answer.status, answer.error["type"], answer.error["code"]) == (402, "card_error", code)
    assert answer.error["payment"]["status"] == then
    assert answer.error["payment"]["amount_captured"] == 0
    assert capture(sandbox, payment).status == (200 if then == "authorized" else 409)


@pytest.mark.parametrize(
    ("fault", "ends_as", "taken"), [("async", "captured", 400), ("async_decline", "declined", 0)]
)
def test_a_capture_can_be_decided_later(
    sandbox: Sandbox, receiver: Receiver, fault: str, ends_as: str, taken: int
) -> None:
    order = an_order(capture=False)
    payment = sandbox.create(order).json["id"]
    sandbox.fault(fault, count=1, on="capture")

    answer = capture(sandbox, payment, 400)

    assert (answer.status, answer.json["status"]) == (200, "processing")
    assert answer.json["amount_captured"] == 0
    shown = sandbox.wait_for_status(payment, ends_as)
    assert shown["amount_captured"] == taken
    told = receiver.wait_for(order["reference"], 3)
    assert [one.type for one in told[1:]] == ["payment.processing", f"payment.{ends_as}"]


def test_an_operator_can_decide_a_capture_that_waits(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "3600")
    own.start()
    payment = authorized(own)
    own.fault("async", count=1, on="capture")
    capture(own, payment, 400)
    assert_wrong_state(capture(own, payment, 400), "processing")

    shown = own.admin("POST", "/settle", {"payment": payment, "status": "captured"})

    assert (shown["status"], shown["amount_captured"]) == ("captured", 400)


@pytest.mark.parametrize("fault", ["soft_decline", "hard_decline"])
def test_a_cancel_can_be_refused_and_then_nothing_has_changed(sandbox: Sandbox, fault: str) -> None:
    payment = authorized(sandbox)
    before = sandbox.get(f"/v1/payments/{payment}").json
    sandbox.fault(fault, count=1, on="cancel")

    answer = cancel(sandbox, payment)

    assert (answer.status, answer.error["code"]) == (402, "cancel_declined")
    assert answer.error["payment"] == before
    assert sandbox.get(f"/v1/payments/{payment}").json == before
    assert cancel(sandbox, payment).json["status"] == "canceled"
