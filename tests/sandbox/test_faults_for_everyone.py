"""Faults switched on at the admin port: how often, how likely, for which requests, until when."""

import http.client
import socket
import threading

import pytest

from tests.sandbox.running import SECRET_KEY, Sandbox, an_order, send, wait_until


def statuses(sandbox: Sandbox, number: int) -> list[int]:
    return [sandbox.create(an_order()).status for _ in range(number)]


def test_a_count_is_used_up_by_the_requests_it_strikes(sandbox: Sandbox) -> None:
    sandbox.fault("unavailable", count=2)

    assert statuses(sandbox, 4) == [503, 503, 201, 201]


def test_without_a_count_it_lasts_until_it_is_deleted(sandbox: Sandbox) -> None:
    sandbox.fault("soft_decline")
    assert statuses(sandbox, 3) == [402, 402, 402]
    [rule] = sandbox.admin("GET", "/faults")["data"]
    assert (rule["fault"], rule["count"], rule["struck"]) == ("soft_decline", None, 3)

    sandbox.admin("DELETE", "/faults")

    assert statuses(sandbox, 1) == [201]
    assert sandbox.admin("GET", "/faults") == {"data": []}


def test_the_same_seed_throws_the_same_dice(sandbox: Sandbox) -> None:
    rounds = []
    for _ in range(2):
        sandbox.fault("unavailable", probability=0.5, seed=7)
        rounds.append(statuses(sandbox, 20))
        sandbox.admin("DELETE", "/faults")

    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {201, 503}


def test_a_rule_strikes_only_the_requests_it_is_for(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]
    sandbox.fault("unavailable", on="refund")
    assert statuses(sandbox, 1) == [201]
    assert sandbox.get(f"/v1/payments/{payment}").status == 200
    assert sandbox.refund(payment).status == 503

    sandbox.fault("unavailable", on="any")

    assert statuses(sandbox, 1) == [503]
    assert sandbox.get(f"/v1/payments/{payment}").status == 503


def test_a_refund_can_lose_its_answer_too(sandbox: Sandbox) -> None:
    payment = sandbox.create(an_order()).json["id"]
    sandbox.fault("charge_then_drop", count=1)
    refund = {"amount": 400, "reference": "back"}
    with pytest.raises(http.client.HTTPException):
        sandbox.refund(payment, f"r-{payment}", **refund)

    assert sandbox.refund(payment, f"r-{payment}", **refund).status == 201
    assert sandbox.get(f"/v1/payments/{payment}").json["amount_refunded"] == 400


def test_a_replay_uses_up_no_fault(sandbox: Sandbox) -> None:
    order = an_order()
    sandbox.create(order, order["reference"])
    sandbox.fault("soft_decline", count=1)

    assert sandbox.create(order, order["reference"]).status == 201

    assert statuses(sandbox, 2) == [402, 201]


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "earthquake"},
        {"fault": "hang", "count": 0},
        {"fault": "hang", "probability": 1.5},
        {"fault": "hang", "ms": -1},
        {"fault": "hang", "on": "tuesdays"},
        {"fault": "hang", "colour": "red"},
        {"fault": "three_ds", "on": "refund"},
        {"fault": "async", "on": "cancel"},
        {"fault": "payout_returned", "on": "create"},
        {"fault": "soft_decline", "on": "read"},
        {"fault": "webhook_late", "on": "detach"},
        {"fault": "refuse", "count": 1},
        {},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(sandbox: Sandbox, rule: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="invalid_request"):
        sandbox.admin("POST", "/faults", rule)
    assert sandbox.admin("GET", "/faults") == {"data": []}


def test_refuse_closes_the_door_for_new_and_kept_connections_until_it_is_deleted(
    sandbox: Sandbox,
) -> None:
    kept = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=5)
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    kept.request("GET", "/v1/payments?reference=x", headers=headers)
    assert kept.getresponse().read() == b'{"data":[]}'

    sandbox.fault("refuse")

    with pytest.raises(ConnectionRefusedError):
        sandbox.create(an_order())
    assert kept.sock is not None
    assert kept.sock.recv(1) == b""
    kept.close()
    assert sandbox.admin("GET", "/faults")["data"][0]["fault"] == "refuse"

    sandbox.admin("DELETE", "/faults")

    assert statuses(sandbox, 1) == [201]


def test_refuse_can_end_by_itself(sandbox: Sandbox) -> None:
    sandbox.fault("refuse", ms=200)
    with pytest.raises(ConnectionRefusedError):
        sandbox.create(an_order())

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", sandbox.port)) == 0

    wait_until(answers)
    assert sandbox.admin("GET", "/faults") == {"data": []}
    assert statuses(sandbox, 1) == [201]


def test_the_admin_port_shows_the_requests_about_one_reference(sandbox: Sandbox) -> None:
    order = an_order(amount=9001)
    sandbox.create(order, "the-key")
    sandbox.get(f"/v1/payments?reference={order['reference']}")

    seen = sandbox.admin("GET", f"/requests?reference={order['reference']}")["data"]

    assert [(one["method"], one["path"], one["key"], one["status"]) for one in seen] == [
        ("POST", "/v1/payments", "the-key", 402),
        ("GET", "/v1/payments", None, 200),
    ]


def test_the_ledger_can_be_read_while_it_grows(sandbox: Sandbox) -> None:
    orders = [an_order() for _ in range(200)]
    buying = threading.Thread(target=lambda: [sandbox.create(order) for order in orders])
    buying.start()
    while buying.is_alive():
        sandbox.entries()
    buying.join()

    charged = [one["reference"] for one in sandbox.entries() if one["kind"] == "charge"]
    assert set(charged) >= {order["reference"] for order in orders}


@pytest.mark.parametrize(
    ("order", "to", "then", "charges"),
    [
        ({"amount": 9001}, "captured", "captured", 1),
        ({"capture": False}, "captured", "captured", 1),
        ({"capture": False}, "expired", "expired", 0),
        ({"three_ds": "required"}, "declined", "declined", 0),
        ({"three_ds": "required"}, "authorized", "authorized", 0),
        ({}, "refunded", "refunded", 1),
        ({}, "declined", "declined", 1),
    ],
)
def test_an_operator_can_force_a_late_change(
    sandbox: Sandbox, order: dict[str, object], to: str, then: str, charges: int
) -> None:
    body = an_order(**order)
    answer = sandbox.create(body)
    payment = answer.json if answer.status == 201 else answer.error["payment"]

    shown = sandbox.admin("POST", "/settle", {"payment": payment["id"], "status": to})

    assert shown["status"] == then
    assert shown["version"] == payment["version"] + 1
    assert sandbox.get(f"/v1/payments/{payment['id']}").json == shown
    assert sandbox.charges(body["reference"]) == charges
    with pytest.raises(AssertionError, match="invalid_state"):
        sandbox.admin("POST", "/settle", {"payment": payment["id"], "status": to})


def test_money_taken_back_by_force_is_a_reverse_in_the_ledger(sandbox: Sandbox) -> None:
    order = an_order()
    payment = sandbox.create(order).json["id"]

    shown = sandbox.admin("POST", "/settle", {"payment": payment, "status": "declined"})

    assert shown["amount_captured"] == 0
    kinds = [
        (entry["kind"], entry["amount"], entry.get("forced", False))
        for entry in sandbox.entries()
        if entry.get("payment") == payment and entry["kind"] in ("charge", "reverse")
    ]
    assert kinds == [("charge", 1000, False), ("reverse", 1000, True)]


def test_the_admin_port_answers_unknown_paths_and_ids_with_404(sandbox: Sandbox) -> None:
    assert send(sandbox.admin_port, "GET", "/nothing").status == 404
    assert send(sandbox.admin_port, "PUT", "/faults").status == 405
    body = b'{"payment": "sp_nobody", "status": "captured"}'
    assert send(sandbox.admin_port, "POST", "/settle", body).status == 404
