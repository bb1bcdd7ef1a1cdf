"""Payouts over real sockets: processing, paid, refused, and paid but sent back."""

import json

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response, Sandbox, a_payout

FIELDS = {
    "id",
    "object",
    "reference",
    "amount",
    "currency",
    "status",
    "failure_code",
    "destination_type",
    "description",
    "metadata",
    "created_at",
    "updated_at",
    "version",
}


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, answer.error["code"]


def paid_out(sandbox: Sandbox, reference: str) -> tuple[int, int, int]:
    tally = sandbox.admin("GET", "/ledger/summary")["references"][reference]
    return tally["payouts"], tally["paid_out"], tally["payout_returned"]


def test_a_payout_is_processing_first_and_paid_a_moment_later(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    order = a_payout(description="March", metadata={"a": "b"})

    answer = sandbox.pay_out(order)

    assert answer.status == 201
    payout = answer.json
    assert set(payout) == FIELDS
    assert payout["id"].startswith("so_")
    assert (payout["status"], payout["failure_code"]) == ("processing", None)
    assert (payout["destination_type"], payout["description"]) == ("bank_account", "March")
    paid = sandbox.wait_for_status(payout["id"], "paid")
    assert sandbox.kinds(payout["id"]) == [("payout.created", 1000), ("payout", 1000)]
    assert paid_out(sandbox, order["reference"]) == (1, 1000, 0)
    told = receiver.wait_for(order["reference"], 2)
    assert [one.type for one in told] == ["payout.processing", "payout.paid"]
    assert [one.event["data"] for one in told] == [{"payout": payout}, {"payout": paid}]
    assert all(one.is_signed() for one in told)


def test_a_payout_is_found_by_id_and_by_reference_at_once(sandbox: Sandbox) -> None:
    order = a_payout()
    first, second = sandbox.pay_out(order).json["id"], sandbox.pay_out(order).json["id"]

    assert sandbox.get(f"/v1/payouts/{first}").json["id"] == first
    found = sandbox.get(f"/v1/payouts?reference={order['reference']}").json["data"]
    assert [one["id"] for one in found] == [second, first]
    assert sandbox.get("/v1/payouts?reference=nobody").json == {"data": []}
    assert refused(sandbox.get("/v1/payouts/so_nobody")) == (404, "not_found")
    sandbox.wait_for_status(second, "paid")
    totals = sandbox.admin("GET", "/ledger/summary")["totals"]
    assert order["reference"] in totals["paid_out_more_than_once"]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"reference": None}, "reference"),
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"currency": "usd"}, "currency"),
        ({"destination": None}, "destination"),
        ({"destination": {"type": "cash", "token": "t"}}, "destination.type"),
        ({"destination": {"type": "card"}}, "destination.token"),
        ({"destination": {"type": "card", "token": "t", "iban": "x"}}, "destination.iban"),
        ({"description": 7}, "description"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"sandbox": "earthquake"}}, "metadata.sandbox"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_paid(
    sandbox: Sandbox, changes: dict[str, object], param: str
) -> None:
    order = a_payout(**changes)

    answer = sandbox.pay_out(order)

    assert (answer.status, answer.error["code"]) == (400, "invalid_request")
    assert answer.error["param"] == param
    assert sandbox.get(f"/v1/payouts?reference={order['reference']}").json == {"data": []}


def test_the_same_request_again_gets_the_first_answer_and_pays_once(sandbox: Sandbox) -> None:
    order = a_payout()
    first = sandbox.pay_out(order, order["reference"])
    sandbox.wait_for_status(first.json["id"], "paid")

    again = sandbox.pay_out(order, order["reference"])

    assert (again.status, again.body) == (201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert paid_out(sandbox, order["reference"])[0] == 1
    assert sandbox.pay_out(order | {"amount": 7}, order["reference"]).status == 422


@pytest.mark.parametrize(
    ("amount", "code"), [(9001, "insufficient_funds"), (9002, "account_closed")]
)
def test_a_declined_payout_is_a_402_with_the_payout_and_pays_nothing(
    sandbox: Sandbox, receiver: Receiver, amount: int, code: str
) -> None:
    order = a_payout(amount=amount)

    answer = sandbox.pay_out(order)

    assert refused(answer) == (402, "payout_declined")
    assert answer.error["type"] == "card_error"
    payout = answer.error["payout"]
    assert (payout["status"], payout["failure_code"]) == ("failed", code)
    assert sandbox.get(f"/v1/payouts/{payout['id']}").json == payout
    assert sandbox.kinds(payout["id"]) == [("payout.created", amount), ("payout.failed", amount)]
    assert [one.type for one in receiver.wait_for(order["reference"], 1)] == ["payout.failed"]


def test_a_payout_can_fail_a_moment_later(sandbox: Sandbox, receiver: Receiver) -> None:
    order = a_payout(amount=9021)
    payout = sandbox.pay_out(order).json
    assert payout["status"] == "processing"

    failed = sandbox.wait_for_status(payout["id"], "failed")

    assert failed["failure_code"] == "account_closed"
    assert paid_out(sandbox, order["reference"]) == (0, 0, 0)
    told = receiver.wait_for(order["reference"], 2)
    assert [one.type for one in told] == ["payout.processing", "payout.failed"]


@pytest.mark.parametrize("asked_by", ["amount", "metadata", "everyone"])
def test_a_payout_can_be_paid_and_come_back_by_itself(
    sandbox: Sandbox, receiver: Receiver, asked_by: str
) -> None:
    match asked_by:
        case "amount":
            order = a_payout(amount=9024)
        case "metadata":
            order = a_payout(metadata={"sandbox": "payout_returned"})
        case _:
            order = a_payout()
            sandbox.fault("payout_returned", count=1)

    payout = sandbox.pay_out(order).json["id"]

    returned = sandbox.wait_for_status(payout, "returned")
    assert returned["failure_code"] == "returned_by_bank"
    told = receiver.wait_for(order["reference"], 3)
    assert [one.type.removeprefix("payout.") for one in told] == ["processing", "paid", "returned"]
    amount = order["amount"]
    assert paid_out(sandbox, order["reference"]) == (1, amount, amount)
    assert [kind for kind, _ in sandbox.kinds(payout)][1:] == ["payout", "payout.returned"]


def test_an_operator_decides_and_returns_payouts_once(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "3600")
    own.start()
    first, second = (own.pay_out(a_payout()).json["id"] for _ in "12")
    with pytest.raises(AssertionError, match="invalid_state"):
        own.admin("POST", f"/payouts/{first}/return")

    assert own.admin("POST", f"/payouts/{first}/pay")["status"] == "paid"
    shown = own.admin("POST", f"/payouts/{first}/return", {"code": "account_frozen"})
    failed = own.admin("POST", f"/payouts/{second}/fail")

    assert (shown["status"], shown["failure_code"]) == ("returned", "account_frozen")
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    for payout in (first, second):
        for lever in ("pay", "fail", "return"):
            with pytest.raises(AssertionError, match="invalid_state"):
                own.admin("POST", f"/payouts/{payout}/{lever}")
    with pytest.raises(AssertionError, match="not_found"):
        own.admin("POST", "/payouts/so_nobody/pay")


def test_a_payout_goes_on_after_a_restart(own: Sandbox) -> None:
    own.options = ("--async-delay-s", "0.5")
    own.start()
    payout = own.pay_out(a_payout(amount=9024)).json["id"]
    own.kill()

    own.start()

    assert own.wait_for_status(payout, "returned")["version"] == 3
    lines = [json.loads(line) for line in own.ledger.read_bytes().splitlines()]
    assert [one["kind"] for one in lines if one.get("payout") == payout and "amount" in one] == [
        "payout.created",
        "payout",
        "payout.returned",
    ]


def test_an_operator_can_have_a_payout_told_again(sandbox: Sandbox, receiver: Receiver) -> None:
    order = a_payout()
    payout = sandbox.pay_out(order).json["id"]
    receiver.wait_for(order["reference"], 2)

    sandbox.admin("POST", "/deliver", {"payout": payout})

    told = receiver.wait_for(order["reference"], 3)
    assert told[1].body == told[2].body
