"""What becomes of a refund: pending, refused, or failed long after it had succeeded."""

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Sandbox, an_order
from tests.sandbox.test_refunds import captured, money, refused


@pytest.mark.parametrize(
    ("fault", "ends_as", "code", "back"),
    [("async", "succeeded", None, 400), ("async_decline", "failed", "account_closed", 0)],
)
def test_an_asynchronous_refund_is_pending_and_decided_a_moment_later(
    sandbox: Sandbox, fault: str, ends_as: str, code: str | None, back: int
) -> None:
    payment = captured(sandbox)
    sandbox.fault(fault, count=1, on="refund")

    answer = sandbox.refund(payment, amount=400)

    assert (answer.status, answer.json["status"]) == (201, "pending")
    refund = sandbox.wait_for_status(answer.json["id"], ends_as)
    assert refund["failure_code"] == code
    assert refund["version"] == 2
    status = "partially_refunded" if back else "captured"
    assert money(sandbox, payment) == (status, back, 0)


def test_a_pending_refund_counts_against_what_can_be_refunded(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "3600")
    own.start()
    payment = captured(own)
    own.fault("async", count=1, on="refund")

    pending = own.refund(payment, amount=400).json

    assert money(own, payment) == ("captured", 0, 400)
    assert refused(own.refund(payment, amount=601)) == (400, "refund_exceeds_captured")
    own.kill()
    own.start()
    assert own.get(f"/v1/refunds/{pending['id']}").json == pending
    assert own.refund(payment).json["amount"] == 600
    assert own.admin("POST", f"/refunds/{pending['id']}/succeed")["status"] == "succeeded"
    assert money(own, payment) == ("refunded", 1000, 0)


def test_a_pending_refund_that_an_operator_fails_frees_its_amount(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "3600")
    own.start()
    payment = captured(own)
    own.fault("async", count=1, on="refund")
    pending = own.refund(payment, amount=400).json["id"]

    failed = own.admin("POST", f"/refunds/{pending}/fail", {"code": "account_frozen"})

    assert (failed["status"], failed["failure_code"]) == ("failed", "account_frozen")
    assert money(own, payment) == ("captured", 0, 0)
    assert own.kinds(pending) == [("refund.created", 400), ("refund.declined", 400)]
    assert own.refund(payment).json["amount"] == 1000


@pytest.mark.parametrize(
    ("fault", "code"), [("soft_decline", "insufficient_funds"), ("hard_decline", "account_closed")]
)
def test_a_declined_refund_is_a_402_with_the_refund_and_moves_nothing(
    sandbox: Sandbox, fault: str, code: str
) -> None:
    payment = captured(sandbox)
    sandbox.fault(fault, count=1, on="refund")

    answer = sandbox.refund(payment, f"d-{payment}", reference="back", amount=400)

    assert refused(answer) == (402, "refund_declined")
    assert answer.error["type"] == "card_error"
    refund = answer.error["refund"]
    assert (refund["status"], refund["failure_code"]) == ("failed", code)
    assert sandbox.get(f"/v1/refunds/{refund['id']}").json == refund
    assert sandbox.kinds(refund["id"]) == [("refund.declined", 400)]
    assert money(sandbox, payment) == ("captured", 0, 0)
    again = sandbox.refund(payment, f"d-{payment}", reference="back", amount=400)
    assert (again.status, again.body) == (402, answer.body)
    assert sandbox.refund(payment, amount=400).status == 201


def test_a_refund_that_succeeded_can_fail_later_and_the_money_is_back(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = an_order()
    payment = sandbox.create(order).json["id"]
    sandbox.refund(payment, amount=300)
    refund = sandbox.refund(payment).json
    assert money(sandbox, payment) == ("refunded", 1000, 0)

    failed = sandbox.admin("POST", f"/refunds/{refund['id']}/fail")

    assert (failed["status"], failed["failure_code"]) == ("failed", "returned_by_bank")
    assert sandbox.get(f"/v1/refunds/{refund['id']}").json == failed
    assert money(sandbox, payment) == ("partially_refunded", 300, 0)
    assert sandbox.kinds(refund["id"]) == [("refund", 700), ("refund.failed", 700)]
    told = receiver.wait_for(order["reference"], 4)[-1]
    assert told.type == "refund.failed"
    assert told.event["data"]["refund"] == failed
    assert told.event["data"]["payment"]["amount_refunded"] == 300
    tally = sandbox.admin("GET", "/ledger/summary")["references"][order["reference"]]
    assert (tally["refunded"], tally["refund_failed"]) == (1000, 700)
    with pytest.raises(AssertionError, match="invalid_state"):
        sandbox.admin("POST", f"/refunds/{refund['id']}/fail")
    with pytest.raises(AssertionError, match="invalid_state"):
        sandbox.admin("POST", f"/refunds/{refund['id']}/succeed")


def test_what_failed_can_be_refunded_again(sandbox: Sandbox) -> None:
    payment = captured(sandbox)
    refund = sandbox.refund(payment).json["id"]
    sandbox.admin("POST", f"/refunds/{refund}/fail")

    assert money(sandbox, payment) == ("captured", 0, 0)
    assert sandbox.refund(payment).json["amount"] == 1000


def test_a_forced_refund_has_no_reference_and_a_life_of_its_own(sandbox: Sandbox) -> None:
    payment = captured(sandbox)
    sandbox.admin("POST", "/settle", {"payment": payment, "status": "refunded"})
    [entry] = [
        one
        for one in sandbox.entries()
        if one.get("payment") == payment and one["kind"] == "refund"
    ]

    refund = sandbox.get(f"/v1/refunds/{entry['refund']}").json

    assert (refund["status"], refund["reference"]) == ("succeeded", None)
    sandbox.admin("POST", f"/refunds/{refund['id']}/fail")
    assert money(sandbox, payment) == ("captured", 0, 0)


def test_a_payment_with_a_pending_refund_cannot_be_forced(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "3600")
    own.start()
    payment = captured(own)
    own.fault("async", count=1, on="refund")
    own.refund(payment)

    for status in ("declined", "refunded", "captured"):
        with pytest.raises(AssertionError, match="invalid_state"):
            own.admin("POST", "/settle", {"payment": payment, "status": status})
    assert money(own, payment) == ("captured", 0, 1000)
