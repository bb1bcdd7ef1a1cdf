"""The whole life of a payment on the real programs: held, collected in part, given back, undone."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.dev.program import Program
from tests.e2e.living import (
    a_hold,
    a_payment,
    an_undecided,
    get,
    movements,
    number,
    post,
    refunds_over,
)
from tests.e2e.system import Json, System, eventually
from tests.e2e.test_payers import press

pytestmark = pytest.mark.e2e


def test_a_hold_collected_in_part_and_given_back_in_two_parts(system: System) -> None:
    id_ = a_hold(system)
    held = system.payment(id_)
    assert set(held["allowed_operations"]) == {"capture", "cancel", "reverse"}

    post(system, f"/v1/payments/{id_}/capture", {"amount": 6_000})
    assert system.settled(id_, "captured")["amount_captured"] == 6_000
    for amount in (1_000, 500):
        post(system, f"/v1/payments/{id_}/refunds", {"amount": amount, "reason": "returned goods"})
        refunds_over(system, id_)  # two that are under way together end in any order
    first, second = refunds_over(system, id_)

    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    paid = system.settled(id_, "partially_refunded")
    assert (paid["amount_refunded"], paid["amount_refundable"]) == (1_500, 4_500)
    assert movements(system, id_) == [
        ("authorization", 10_000),
        ("capture", 6_000),
        ("refund", 1_000),
        ("refund", 500),
    ]
    assert get(system, f"/v1/refunds/{first['id']}")["amount"] == 1_000
    story = get(system, f"/v1/payments/{id_}/timeline")["data"]
    assert [one["at"] for one in story] == sorted(one["at"] for one in story)
    said = " ".join(one["summary"] for one in story)
    for word in ("accepted", "Screening", "capture", "refund"):
        assert word in said, said


def test_more_than_is_left_cannot_be_asked_back_and_the_refusal_says_what_can(
    system: System,
) -> None:
    id_ = a_payment(system, 3_000)
    system.settled(id_, "captured")
    post(system, f"/v1/payments/{id_}/refund", {"amount": 2_999, "reason": "almost all"})

    answer = system.call(
        "POST", f"/v1/payments/{id_}/refunds", {"amount": 2, "reason": "too much"}, key="too-much"
    )

    assert (answer.status, answer.json()["code"]) == (422, "amount_exceeds_refundable")
    assert "1" in answer.json()["fix"]


@pytest.mark.parametrize("verb", ["cancel", "reverse"])
def test_a_hold_is_let_go_of(system: System, verb: str) -> None:
    id_ = a_hold(system)
    post(system, f"/v1/payments/{id_}/{verb}", {"reason": "changed"} if verb == "reverse" else None)

    gone = system.settled(id_, "cancelled")

    assert (gone["amount_authorized"], gone["allowed_operations"]) == (0, [])
    assert movements(system, id_) == [("authorization", 10_000), ("void", 10_000)]


def test_what_is_captured_is_reversed_by_giving_all_of_it_back(system: System) -> None:
    id_ = a_payment(system, 7_000)
    system.settled(id_, "captured")

    refund = post(system, f"/v1/payments/{id_}/reverse", {"reason": "wrong order"})

    assert (refund["kind"], refund["amount"]) == ("reversal", 7_000)
    assert system.settled(id_, "refunded")["amount_refunded"] == 7_000
    assert movements(system, id_)[-1] == ("reversal", 7_000)


def test_an_unconfirmed_payment_waits_for_its_merchant(system: System) -> None:
    id_ = a_payment(system, confirm=False)
    waiting = system.payment(id_)
    assert (waiting["status"], waiting["allowed_operations"]) == (
        "pending",
        ["authorize", "cancel"],
    )

    post(system, f"/v1/payments/{id_}/authorize")

    assert system.settled(id_, "captured")["amount_captured"] == 10_000


def test_a_refund_that_fails_later_brings_the_money_back(system: System) -> None:
    id_ = a_payment(system, 4_000)
    system.settled(id_, "captured")
    post(system, f"/v1/payments/{id_}/refunds", {"reason": "all of it"})
    (refund,) = refunds_over(system, id_)
    theirs = _provider_reference(system, refund["id"])
    gateway = refund["provider"]

    system.admin("POST", gateway, f"/refunds/{theirs}/fail", {"code": "account_closed"})

    again = system.settled(id_, "captured")
    assert (again["amount_refunded"], again["amount_refundable"]) == (0, 4_000)
    assert get(system, f"/v1/refunds/{refund['id']}")["status"] == "failed"
    assert movements(system, id_)[-1] == ("refund_failure", 4_000)


def test_a_chargeback_is_told_by_a_webhook_and_ends_refunds(system: System) -> None:
    id_ = a_payment(system, 5_000)
    paid = system.settled(id_, "captured")
    (attempt,) = get(system, f"/v1/payments/{id_}/attempts")["data"]

    theirs = attempt["provider_reference"]
    system.admin("POST", paid["provider"], f"/payments/{theirs}/chargeback", {"reason": "fraud"})

    gone = system.settled(id_, "reversed")
    assert (gone["amount_reversed"], gone["allowed_operations"]) == (5_000, [])
    assert movements(system, id_) == [("sale", 5_000), ("chargeback", 5_000)]


def test_a_payout_is_paid_and_may_come_back(system: System) -> None:
    body = {
        "user_id": "u-1",
        "amount": 2_500,
        "currency": "USD",
        "destination": {"type": "bank_account", "token": "ba_life"},
    }
    id_ = post(system, "/v1/withdrawals", body)["id"]
    paid = _payout(system, id_, "succeeded")
    theirs = system.sql(
        "SELECT provider_id FROM payment_attempts WHERE payout_id = %s", [id_.removeprefix("po_")]
    )[0]["provider_id"]

    system.admin("POST", paid["provider"], f"/payouts/{theirs}/return", {"code": "account_closed"})

    back = _payout(system, id_, "failed")
    assert back["failure"]["code"] in ("account_closed", "returned")
    assert "ba_life" not in str(back)


SOAP = b"""<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <deposit><user_id>7</user_id><amount>2500</amount><currency>USD</currency></deposit>
  </soap:Body>
</soap:Envelope>"""


def test_a_deposit_in_soap_is_the_same_command_as_in_json(system: System) -> None:
    key = f"soap-{number()}"
    headers = {"Content-Type": "text/xml; charset=utf-8", "Idempotency-Key": key}
    answer = system.call("POST", "/v1/deposits", SOAP, headers=headers)

    assert answer.status == 202, answer.data
    assert b"<soap:Envelope" in answer.data
    as_json = {"user_id": "7", "amount": 2500, "currency": "USD"}
    replay = system.call("POST", "/v1/deposits", as_json, key=key)
    assert replay.headers["Idempotent-Replayed"] == "true"
    id_ = str(replay.json()["transaction_id"])
    assert id_.encode() in answer.data
    assert system.settled(id_, "captured")["amount"] == 2500


def test_the_hop_leads_a_payer_to_the_providers_page_and_back(system: System) -> None:
    id_ = a_payment(
        system,
        4_100,
        return_url="https://shop.example/done?basket=1",
        metadata={"sandbox": "sandbox-a:three_ds"},
    )
    url = system.settled(id_, "requires_action")["checkout_url"]
    hop = _path(url)

    away = system.http.request("GET", system.stack.url + hop, redirect=False)
    assert away.status == 303
    page = away.headers["Location"]
    assert page == system.payment(id_)["next_action"]["url"]
    press(system, page, "approve")
    system.settled(id_, "captured")

    back = system.http.request("GET", system.stack.url + hop, redirect=False)
    assert back.status == 303
    assert back.headers["Location"].startswith("https://shop.example/done?basket=1&")
    assert id_ in back.headers["Location"]


def test_a_virtual_account_waits_for_the_money(system: System) -> None:
    id_ = a_payment(system, 9_900, payment_method={"type": "bank_transfer"})
    waiting = system.settled(id_, "requires_action")

    press(system, waiting["next_action"]["url"], "approve")

    assert system.settled(id_, "captured")["amount_captured"] == 9_900


def test_a_saved_card_pays_and_is_forgotten_at_the_provider(system: System) -> None:
    customer = post(system, "/v1/customers", {"external_id": f"c-{number()}"}, 201)["id"]
    token = f"tok_saved_{number()}"
    saved = {"customer_id": customer, "type": "card", "token": token, "card": {"last4": "4242"}}
    method = post(system, "/v1/payment-methods", saved | {"gateway_id": "sandbox-a"}, 201)["id"]

    id_ = a_payment(system, payment_method={"id": method}, provider_preference="sandbox-a")
    assert system.settled(id_, "captured")["payment_method"]["id"] == method
    gone = system.call("DELETE", f"/v1/payment-methods/{method}")
    assert gone.status == 204

    ledger = system.folder / "sandbox-a.jsonl"
    eventually(lambda: token in ledger.read_text() and "detach" in ledger.read_text(), 20)
    row = "SELECT token, next_run_at, parked_at FROM payment_methods WHERE id = %s"
    forgotten = lambda: system.sql(row, [method.removeprefix("pm_")])[0]["token"] is None  # noqa: E731
    eventually(forgotten, 10)


def test_a_large_payment_is_held_for_a_person(system: System) -> None:
    id_ = an_undecided(system)
    held = system.settled(id_, "in_review")
    assert (held["amount_authorized"], held["amount_captured"]) == (3_000_000, 0)
    assert set(held["allowed_operations"]) == {"cancel", "approve", "reject"}
    assert id_ in str(get(system, "/v1/reviews")["data"])

    post(system, f"/v1/reviews/{id_}/approve", {"note": "known customer"})

    assert system.settled(id_, "captured")["amount_captured"] == 3_000_000
    assert id_ not in str(get(system, "/v1/reviews")["data"])


def test_money_that_does_not_match_is_decided_by_a_person(system: System) -> None:
    id_ = a_payment(system, 9_018)  # the provider takes one minor unit more, and says so
    eventually(lambda: id_ in str(get(system, "/v1/reviews")["data"]), 20)
    assert system.payment(id_)["parked"]["reason"] == "amount_mismatch"

    post(system, f"/v1/reviews/{id_}/reject", {"note": "not our price"}, 200)

    assert system.settled(id_, "failed")["failure"]["code"] == "amount_mismatch"
    (refund,) = refunds_over(system, id_)
    assert (refund["kind"], refund["status"], refund["amount"]) == ("late", "succeeded", 9_019)


def test_lists_are_filtered_and_exported(system: System) -> None:
    id_ = a_payment(system, 1_234, order_id=f"order-{number()}")
    order = system.settled(id_, "captured")["order_id"]

    assert [one["id"] for one in get(system, f"/v1/payments?order_id={order}")["data"]] == [id_]
    none = get(system, f"/v1/payments?order_id={order}&status=failed")["data"]
    assert none == []
    exported = system.call("GET", "/v1/reports/transactions?format=csv&type=sale")
    rows = list(csv.DictReader(io.StringIO(exported.data.decode())))
    assert (id_, "1234") in {(row["payment_id"], row["amount"]) for row in rows}


def test_a_gateway_held_down_is_not_offered_and_not_used(system: System) -> None:
    for gateway in ("sandbox-a", "sandbox-b"):
        _held(system, gateway, "down")
    try:
        options = get(system, "/v1/payment-options?country=US&currency=USD")["data"]
        assert not any(option["usable"] for option in options)
        id_ = a_payment(system)
        eventually(
            lambda: system.sql(
                "SELECT 1 FROM payments WHERE id = %s AND skipped <> '{}'", [id_[4:]]
            ),
            10,
        )
        assert system.payment(id_)["status"] in ("pending", "processing")
    finally:
        for gateway in ("sandbox-a", "sandbox-b"):
            _held(system, gateway, "release")
    system.settled(id_, "captured")


def _held(system: System, gateway: str, verb: str) -> None:
    """As an operator does, by command."""
    arguments = [str(Path(sys.executable).with_name("paylink")), "gateways", verb, gateway]
    if verb != "release":
        arguments += ["--for", "60s", "--reason", "test"]
    environ = dict(next(p for p in _programs(system) if p.name.startswith("ingress")).env)
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)


def _programs(system: System) -> Iterator[Program]:
    for one in system.stack.programs:
        yield from [one] if isinstance(one, Program) else one


def _payout(system: System, id_: str, status: str) -> Json:
    def look() -> Json | None:
        found = get(system, f"/v1/withdrawals/{id_}")
        return found if found["status"] == status else None

    return eventually(look, 20, lambda: str(get(system, f"/v1/withdrawals/{id_}")))


def _provider_reference(system: System, refund_id: str) -> Any:
    found = system.sql(
        "SELECT provider_id FROM payment_attempts WHERE refund_id = %s",
        [refund_id.removeprefix("ref_")],
    )
    return found[-1]["provider_id"]


def _path(url: str) -> str:
    return "/" + url.split("://", maxsplit=1)[1].split("/", maxsplit=1)[1]
