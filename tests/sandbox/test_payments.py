"""Payments over real sockets: creating, reading, capturing, canceling, refunding."""

from datetime import datetime, timedelta

import pytest

from tests.sandbox.running import Response, Sandbox, an_order, send

PAYMENT_FIELDS = {
    "id",
    "object",
    "reference",
    "amount",
    "currency",
    "status",
    "source_type",
    "amount_capturable",
    "amount_captured",
    "amount_refunded",
    "amount_refund_pending",
    "amount_charged_back",
    "next_action",
    "decline_code",
    "expires_at",
    "authorization_expires_at",
    "metadata",
    "created_at",
    "updated_at",
    "version",
}


def authorized(sandbox: Sandbox, amount: int = 1000) -> str:
    answer = sandbox.create(an_order(capture=False, amount=amount))
    assert (answer.status, answer.json["status"]) == (201, "authorized")
    return str(answer.json["id"])


def captured(sandbox: Sandbox, amount: int = 1000) -> str:
    answer = sandbox.create(an_order(amount=amount))
    assert (answer.status, answer.json["status"]) == (201, "captured")
    return str(answer.json["id"])


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, answer.error["code"]


def test_a_payment_is_charged_at_once_and_has_every_field(sandbox: Sandbox) -> None:
    order = an_order(metadata={"order": "7"})

    answer = sandbox.create(order)

    assert answer.status == 201
    payment = answer.json
    assert set(payment) == PAYMENT_FIELDS
    assert payment["id"].startswith("sp_")
    assert payment["reference"] == order["reference"]
    assert (payment["status"], payment["amount_captured"]) == ("captured", 1000)
    assert payment["metadata"] == {"order": "7"}
    assert sandbox.charges(order["reference"]) == 1


def test_without_the_secret_key_nothing_is_done_or_said(sandbox: Sandbox) -> None:
    order = an_order()
    for headers in ({}, {"Authorization": "Bearer sk_wrong"}):
        answer = send(sandbox.port, "POST", "/v1/payments", b"{}", headers)
        assert answer.status == 401
        assert answer.error["type"] == "authentication_error"
        assert answer.error["code"] == "invalid_api_key"
    assert send(sandbox.port, "GET", "/v1/payments/sp_1").status == 401
    assert sandbox.charges(order["reference"]) == 0


def test_a_payment_is_found_by_id_and_by_reference_at_once(sandbox: Sandbox) -> None:
    order = an_order()
    created = sandbox.create(order).json

    assert sandbox.get(f"/v1/payments/{created['id']}").json == created
    assert sandbox.get(f"/v1/payments?reference={order['reference']}").json == {"data": [created]}
    assert sandbox.get("/v1/payments?reference=nobody").json == {"data": []}
    assert refused(sandbox.get("/v1/payments/sp_nobody")) == (404, "not_found")
    assert refused(sandbox.get("/v1/refunds/sr_nobody")) == (404, "not_found")
    assert refused(sandbox.get("/v1/nothing")) == (404, "not_found")
    wrong_method = sandbox.get(f"/v1/payments/{created['id']}/cancel")
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")


def test_the_same_reference_under_two_keys_is_charged_twice_and_the_ledger_shows_it(
    sandbox: Sandbox,
) -> None:
    order = an_order()
    sandbox.create(order)
    sandbox.create(order)

    summary = sandbox.admin("GET", "/ledger/summary")
    assert summary["references"][order["reference"]] == {
        "currency": "USD",
        "charges": 2,
        "captured": 2000,
        "refunded": 0,
        "refund_failed": 0,
        "charged_back": 0,
        "reversed": 0,
        "payouts": 0,
        "paid_out": 0,
        "payout_returned": 0,
    }
    assert order["reference"] in summary["totals"]["charged_more_than_once"]
    found = sandbox.get(f"/v1/payments?reference={order['reference']}").json["data"]
    assert len({one["id"] for one in found}) == 2


def test_an_authorization_takes_no_money_until_it_is_captured(sandbox: Sandbox) -> None:
    order = an_order(capture=False)
    payment = sandbox.create(order).json
    assert (payment["status"], payment["amount_captured"]) == ("authorized", 0)
    assert sandbox.charges(order["reference"]) == 0

    answer = sandbox.post(f"/v1/payments/{payment['id']}/capture", {"amount": 400})

    assert (answer.status, answer.json["status"]) == (200, "captured")
    assert answer.json["amount_captured"] == 400
    assert answer.json["version"] > payment["version"]
    assert sandbox.charges(order["reference"]) == 1


def test_a_capture_takes_all_by_default_and_never_more_than_was_authorized(
    sandbox: Sandbox,
) -> None:
    payment = authorized(sandbox)
    path = f"/v1/payments/{payment}/capture"

    assert refused(sandbox.post(path, {"amount": 1001})) == (400, "capture_exceeds_authorized")
    assert sandbox.post(path, {}).json["amount_captured"] == 1000
    again = sandbox.post(path, {})
    assert refused(again) == (409, "invalid_state")
    assert again.error["payment"]["id"] == payment


@pytest.mark.parametrize(
    "order",
    [
        an_order(capture=False),
        an_order(three_ds="required"),
        an_order(source={"type": "bank_transfer"}),
        an_order(metadata={"sandbox": "async"}),
    ],
    ids=["authorized", "requires_action", "a transfer", "processing"],
)
def test_what_has_not_been_paid_can_be_canceled_once_and_for_all(
    sandbox: Sandbox, order: dict[str, object]
) -> None:
    payment = sandbox.create(order).json
    path = f"/v1/payments/{payment['id']}/cancel"

    assert (sandbox.post(path, {}).status, sandbox.post(path, {}).status) == (200, 200)

    again = sandbox.post(path, {})
    assert (again.json["status"], again.json["next_action"]) == ("canceled", None)
    assert sandbox.get(f"/v1/payments/{payment['id']}").json["version"] == payment["version"] + 1
    assert sandbox.charges(str(order["reference"])) == 0


def test_a_canceled_payment_is_not_captured_when_its_time_comes(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "async"})
    payment = sandbox.create(order).json["id"]
    sandbox.post(f"/v1/payments/{payment}/cancel", {})
    later = sandbox.create(an_order(metadata={"sandbox": "async"})).json["id"]

    sandbox.wait_for_status(later, "captured")

    assert sandbox.get(f"/v1/payments/{payment}").json["status"] == "canceled"
    assert sandbox.charges(order["reference"]) == 0


def test_a_captured_payment_cannot_be_canceled(sandbox: Sandbox) -> None:
    payment = captured(sandbox)

    answer = sandbox.post(f"/v1/payments/{payment}/cancel", {})

    assert refused(answer) == (409, "invalid_state")
    assert answer.error["payment"]["status"] == "captured"


def test_an_unpaid_payment_expires_when_it_was_told_to(sandbox: Sandbox) -> None:
    order = an_order(three_ds="required")
    half_hour = sandbox.create(order).json
    assert half_hour["expires_at"] > half_hour["created_at"]
    soon = _soon(half_hour["created_at"])

    payment = sandbox.create(an_order(three_ds="required", expires_at=soon)).json

    assert sandbox.wait_for_status(payment["id"], "expired")["next_action"] is None
    assert sandbox.get(f"/v1/payments/{half_hour['id']}").json["status"] == "requires_action"


def _soon(moment: str) -> str:
    later = datetime.fromisoformat(moment) + timedelta(seconds=1.5)
    return later.isoformat()
