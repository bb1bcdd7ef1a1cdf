"""Every scripted fault of one payment, over real sockets, checked against the ledger."""

import http.client
import json
import time
from typing import Any

import pytest

from tests.sandbox.running import Response, Sandbox, an_order, wait_until

#: The provider's documented table, written down a second time on purpose.
AMOUNTS = {
    "soft_decline": 9001,
    "hard_decline": 9002,
    "drop_before_charge": 9004,
    "charge_then_drop": 9005,
    "charge_then_500": 9006,
    "charge_then_garbage": 9007,
    "hang": 9008,
    "hang_before_charge": 9009,
    "slow_drip": 9010,
    "rate_limited": 9011,
    "server_error": 9012,
    "unavailable": 9013,
    "webhook_duplicate": 9014,
    "webhook_late": 9015,
    "webhook_early": 9016,
    "webhook_out_of_order": 9017,
    "wrong_amount": 9018,
    "webhooks_off": 9019,
    "async": 9020,
    "async_decline": 9021,
    "three_ds": 9022,
    "latency": 9023,
    "payout_returned": 9024,
    "chargeback": 9025,
}


@pytest.fixture(params=["amount", "metadata", "global"])
def asked_by(request: pytest.FixtureRequest) -> str:
    """Each fault is asked for in each of the three ways."""
    return str(request.param)


def meets(sandbox: Sandbox, asked_by: str, fault: str) -> dict[str, Any]:
    """Return an order that will meet the fault."""
    match asked_by:
        case "amount":
            return an_order(amount=AMOUNTS[fault])
        case "metadata":
            return an_order(metadata={"sandbox": f"other:hang, sandbox-a:{fault}"})
        case _:
            sandbox.fault(fault, count=1)
            return an_order()


def dropped(sandbox: Sandbox, order: dict[str, Any], timeout_s: float = 10.0) -> type[Exception]:
    """Send a create that must not be answered and return how it ended."""
    with pytest.raises((OSError, http.client.HTTPException)) as caught:
        sandbox.post("/v1/payments", order, order["reference"], timeout_s)
    return type(caught.value)


def replay(sandbox: Sandbox, order: dict[str, Any]) -> Response:
    return sandbox.create(order, order["reference"])


def replay_once_free(sandbox: Sandbox, order: dict[str, Any]) -> Response:
    """Replay when the provider has noticed that the first client is gone."""
    wait_until(lambda: sandbox.requests(order["reference"])[0] == ("POST", "dropped"))
    return replay(sandbox, order)


def test_the_documented_table_is_the_real_one(sandbox: Sandbox) -> None:
    shown = json.loads(sandbox.get("/?format=json").body)
    assert shown["magic_amounts"] == {str(amount): name for name, amount in AMOUNTS.items()}
    assert {one["fault"] for one in shown["faults"]} == {*AMOUNTS, "refuse"}


@pytest.mark.parametrize(
    ("fault", "code"), [("soft_decline", "insufficient_funds"), ("hard_decline", "stolen_card")]
)
def test_a_decline_is_a_402_with_its_code_and_no_charge(
    sandbox: Sandbox, asked_by: str, fault: str, code: str
) -> None:
    order = meets(sandbox, asked_by, fault)

    answer = sandbox.create(order)

    assert answer.status == 402
    assert (answer.error["type"], answer.error["code"]) == ("card_error", code)
    assert answer.error["payment"]["status"] == "declined"
    assert answer.error["payment"]["decline_code"] == code
    assert sandbox.charges(order["reference"]) == 0


def test_drop_before_charge_closes_charges_nothing_and_forgets_the_key(
    sandbox: Sandbox, asked_by: str
) -> None:
    order = meets(sandbox, asked_by, "drop_before_charge")

    assert dropped(sandbox, order) is not TimeoutError

    assert sandbox.charges(order["reference"]) == 0
    assert sandbox.requests(order["reference"]) == [("POST", "dropped")]
    again = replay(sandbox, order)  # whoever asked for it, the same request gets through next time
    assert (again.status, "idempotent-replayed" in again.headers) == (201, False)


def test_charge_then_drop_charges_and_the_key_gives_the_answer_back(
    sandbox: Sandbox, asked_by: str
) -> None:
    order = meets(sandbox, asked_by, "charge_then_drop")

    assert dropped(sandbox, order) is not TimeoutError

    assert sandbox.charges(order["reference"]) == 1
    again = replay(sandbox, order)
    assert (again.status, again.json["status"]) == (201, "captured")
    assert again.headers["idempotent-replayed"] == "true"
    assert sandbox.charges(order["reference"]) == 1
    assert sandbox.requests(order["reference"]) == [("POST", "dropped"), ("POST", 201)]


def test_charge_then_500_charges_and_says_500_for_ever(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "charge_then_500")

    first, again = replay(sandbox, order), replay(sandbox, order)

    assert (first.status, first.error["type"]) == (500, "api_error")
    assert (again.status, again.body) == (500, first.body)
    assert sandbox.charges(order["reference"]) == 1
    found = sandbox.get(f"/v1/payments?reference={order['reference']}").json["data"]
    assert [one["status"] for one in found] == ["captured"]


def test_charge_then_garbage_is_a_200_nobody_can_read(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "charge_then_garbage")

    answer = replay(sandbox, order)

    assert answer.status == 200
    with pytest.raises(ValueError):
        json.loads(answer.body)
    assert sandbox.charges(order["reference"]) == 1
    assert replay(sandbox, order).json["status"] == "captured"


def test_hang_charges_and_says_nothing_until_the_client_leaves(
    sandbox: Sandbox, asked_by: str
) -> None:
    order = meets(sandbox, asked_by, "hang")

    assert dropped(sandbox, order, timeout_s=0.3) is TimeoutError

    again = replay_once_free(sandbox, order)
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert sandbox.charges(order["reference"]) == 1


def test_a_hang_ends_by_itself_without_an_answer(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "hang=50"})

    assert dropped(sandbox, order) is not TimeoutError

    assert sandbox.charges(order["reference"]) == 1


def test_hang_before_charge_says_nothing_charges_nothing_and_forgets_the_key(
    sandbox: Sandbox, asked_by: str
) -> None:
    order = meets(sandbox, asked_by, "hang_before_charge")

    assert dropped(sandbox, order, timeout_s=0.3) is TimeoutError

    wait_until(lambda: sandbox.requests(order["reference"]) == [("POST", "dropped")])
    assert sandbox.charges(order["reference"]) == 0
    if asked_by == "global":
        again = replay(sandbox, order)
        assert (again.status, "idempotent-replayed" in again.headers) == (201, False)


def test_slow_drip_charges_and_sends_one_byte_at_a_time(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "slow_drip")

    assert dropped(sandbox, order, timeout_s=0.3) is TimeoutError

    wait_until(lambda: sandbox.charges(order["reference"]) == 1)
    assert replay(sandbox, order).headers["idempotent-replayed"] == "true"


def test_a_slow_drip_that_is_waited_for_is_a_whole_answer(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "slow_drip=1"})
    started_s = time.monotonic()

    answer = replay(sandbox, order)

    assert answer.json["reference"] == order["reference"]
    assert time.monotonic() - started_s > len(answer.body) * 0.001


@pytest.mark.parametrize(
    ("fault", "status", "type_"),
    [("rate_limited", 429, "rate_limit_error"), ("unavailable", 503, "unavailable_error")],
)
def test_a_request_turned_away_is_not_executed_and_its_key_is_free(
    sandbox: Sandbox, asked_by: str, fault: str, status: int, type_: str
) -> None:
    order = meets(sandbox, asked_by, fault)

    answer = replay(sandbox, order)

    assert (answer.status, answer.error["type"]) == (status, type_)
    assert answer.headers["retry-after"] == "1"
    assert sandbox.charges(order["reference"]) == 0
    again = replay(sandbox, order)
    assert again.status == (201 if asked_by == "global" else status)
    assert "idempotent-replayed" not in again.headers


def test_server_error_charges_nothing_and_is_saved(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "server_error")

    first, again = replay(sandbox, order), replay(sandbox, order)

    assert (first.status, again.status, again.body) == (500, 500, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert sandbox.charges(order["reference"]) == 0
    assert sandbox.get(f"/v1/payments?reference={order['reference']}").json["data"] == []


def test_wrong_amount_charges_one_more_and_says_so(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "wrong_amount")

    payment = sandbox.create(order).json

    assert payment["amount"] == payment["amount_captured"] == order["amount"] + 1
    summary = sandbox.admin("GET", "/ledger/summary")["references"]
    assert summary[order["reference"]]["captured"] == order["amount"] + 1


@pytest.mark.parametrize(
    ("fault", "ends_as"), [("async", "captured"), ("async_decline", "declined")]
)
def test_async_is_processing_first_and_decided_later(
    sandbox: Sandbox, asked_by: str, fault: str, ends_as: str
) -> None:
    order = meets(sandbox, asked_by, fault)
    answer = sandbox.create(order)
    assert (answer.status, answer.json["status"]) == (201, "processing")

    shown = sandbox.wait_for_status(answer.json["id"], ends_as)

    declined = ends_as == "declined"
    assert shown["decline_code"] == ("insufficient_funds" if declined else None)
    assert sandbox.charges(order["reference"]) == (0 if declined else 1)


def test_three_ds_requires_action_and_names_the_page(sandbox: Sandbox, asked_by: str) -> None:
    order = meets(sandbox, asked_by, "three_ds")

    payment = sandbox.create(order).json

    page = f"http://127.0.0.1:{sandbox.port}/pay/{payment['id']}"
    assert payment["status"] == "requires_action"
    assert payment["next_action"] == {"type": "redirect", "url": page}
    assert sandbox.charges(order["reference"]) == 0


def test_latency_holds_back_the_answer_after_the_charge(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "sandbox-a:latency=400"})
    started_s = time.monotonic()

    assert sandbox.create(order).status == 201

    assert time.monotonic() - started_s >= 0.4
    assert sandbox.charges(order["reference"]) == 1


def test_several_faults_of_one_payment_add_up(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "soft_decline,charge_then_drop"})

    dropped(sandbox, order)

    again = replay(sandbox, order)
    assert (again.status, again.error["code"]) == (402, "insufficient_funds")
    assert sandbox.charges(order["reference"]) == 0


def test_a_fault_addressed_to_another_gateway_does_nothing_here(sandbox: Sandbox) -> None:
    order = an_order(metadata={"sandbox": "sandbox-b:hang,sandbox-b:no_such_fault"})

    assert sandbox.create(order).json["status"] == "captured"
