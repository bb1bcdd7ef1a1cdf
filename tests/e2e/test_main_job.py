"""The main job: a checkout is charged once, whatever the gateways do."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.system import System, eventually

pytestmark = pytest.mark.e2e


@pytest.mark.timed
def test_a_checkout_is_captured_within_two_seconds(system: System) -> None:
    id_ = system.checkout(10_000)  # the first one warms pools and caches up
    system.settled(id_, "captured")
    begun = time.monotonic()
    payment = system.settled(system.checkout(10_000), "captured")

    assert time.monotonic() - begun < 2
    assert (payment["amount_captured"], payment["provider"]) == (10_000, "sandbox-a")


def test_the_gateways_webhook_comes_back_in(system: System) -> None:
    id_ = system.checkout(metadata={"sandbox": "async"})
    system.settled(id_, "captured")

    def processed() -> bool:
        rows = system.sql(
            "SELECT status FROM webhook_events e JOIN payment_attempts a ON a.id = e.attempt_id"
            " WHERE a.payment_id = %s",
            [id_[4:]],
        )
        return bool(rows) and {row["status"] for row in rows} == {"processed"}

    eventually(processed, 10)


def test_prefer_wait_answers_with_the_outcome(system: System) -> None:
    answer = system.call(
        "POST", "/v1/checkout", {"amount": 700, "currency": "EUR"}, headers={"Prefer": "wait=10"}
    )

    assert (answer.status, answer.json()["status"]) == (200, "captured")


def test_hundred_requests_with_one_key_are_one_payment_and_one_charge(system: System) -> None:
    body = {"amount": 4321, "currency": "USD", "order_id": "order-hundred"}
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda _: system.call("POST", "/v1/checkout", body, key="hundred"), range(100))
        )

    assert {answer.status for answer in answers} == {202}
    assert len({answer.data for answer in answers}) == 1
    replayed = [answer for answer in answers if "Idempotent-Replayed" in answer.headers]
    assert len(replayed) == 99
    id_ = answers[0].json()["id"]
    system.settled(id_, "captured")
    made = system.sql("SELECT count(*) AS n FROM payments WHERE order_id = 'order-hundred'")
    assert made == [{"n": 1}]
    refs = [
        row["id"].hex
        for row in system.sql("SELECT id FROM payment_attempts WHERE payment_id = %s", [id_[4:]])
    ]
    assert [system.charges()["sandbox-a", ref] for ref in refs] == [1]
    other = system.call("POST", "/v1/checkout", body | {"amount": 1}, key="hundred")
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")


def test_refused_connections_fail_over_with_proof_and_the_breaker_recovers(system: System) -> None:
    system.fault("sandbox-a", "refuse")
    ids = system.checkouts(200, amount=1500)

    assert system.all_final(ids) == {"captured": 200}
    at = Counter(system.payment(id_)["provider"] for id_ in ids)
    assert at == {"sandbox-b": 200}
    proofs = system.sql(
        "SELECT a.payment_id, a.proof FROM payment_attempts a JOIN payments p"
        " ON p.id = a.payment_id WHERE a.gateway_id = 'sandbox-a' AND p.amount = 1500"
    )
    assert {row["proof"] for row in proofs} == {"never_sent"}
    # The breaker opened: most payments never tried the gateway that was away.
    assert 5 <= len(proofs) < 100
    opened = system.sql(
        "SELECT count(*) AS n FROM audit_logs WHERE action = 'gateway.breaker_open'"
        " AND entity_id = 'sandbox-a'"
    )
    assert opened[0]["n"] >= 1
    why = system.sql(
        "SELECT skipped ->> 'sandbox-a' AS why, count(*) AS n FROM payments"
        " WHERE amount = 1500 GROUP BY 1"
    )
    assert {row["why"] for row in why} <= {"tried", "open", "half_open_full", "budget"}, why
    assert sum(row["n"] for row in why if row["why"] != "tried") > 100

    system.no_faults()

    def back_at_a() -> bool:
        return bool(system.settled(system.checkout(1501), "captured")["provider"] == "sandbox-a")

    eventually(back_at_a, 30)


def test_a_lost_answer_is_resolved_at_the_same_gateway(system: System) -> None:
    id_ = system.checkout(metadata={"sandbox": "sandbox-a:charge_then_drop"})
    payment = system.settled(id_, "captured")

    attempts = system.call("GET", f"/v1/payments/{id_}/attempts").json()["data"]
    assert [(a["gateway"], a["state"]) for a in attempts] == [("sandbox-a", "captured")]
    assert payment["provider"] == "sandbox-a"
    sources = system.sql(
        "SELECT f.source, f.outcome FROM attempt_facts f JOIN payment_attempts a"
        " ON a.id = f.attempt_id WHERE a.payment_id = %s ORDER BY f.id",
        [id_[4:]],
    )
    assert sources[0] == {"source": "answer", "outcome": "Unknown"}


@pytest.mark.parametrize(
    ("fault", "status", "gateway"),
    [
        ("soft_decline", "captured", "sandbox-b"),
        ("hard_decline", "failed", None),
        ("drop_before_charge", "captured", "sandbox-a"),
        ("charge_then_500", "captured", "sandbox-a"),
        ("charge_then_garbage", "captured", "sandbox-a"),
        ("hang", "captured", "sandbox-a"),
        ("slow_drip", "captured", "sandbox-a"),
        ("rate_limited", "captured", "sandbox-b"),
        ("unavailable", "captured", "sandbox-b"),
        ("webhook_duplicate", "captured", "sandbox-a"),
        ("webhook_late", "captured", "sandbox-a"),
        ("webhook_early", "captured", "sandbox-a"),
        ("webhook_out_of_order", "captured", "sandbox-a"),
        ("webhooks_off", "captured", "sandbox-a"),
        ("async_decline", "failed", None),
    ],
)
def test_every_scripted_fault_ends_in_the_right_state(
    system: System, fault: str, status: str, gateway: str | None
) -> None:
    id_ = system.checkout(2500, metadata={"sandbox": f"sandbox-a:{fault}"})
    if fault == "async_decline":
        id_ = system.checkout(2500, metadata={"sandbox": fault})

    payment = system.settled(id_, within_s=45)

    assert (payment["status"], payment["provider"]) == (status, gateway)


def test_a_wrong_amount_is_parked_for_a_person_and_never_captured(system: System) -> None:
    id_ = system.checkout(2600, metadata={"sandbox": "wrong_amount"})

    def parked() -> bool:
        return bool(system.payment(id_)["parked"] == {"reason": "amount_mismatch"})

    eventually(parked, 20)
    assert system.payment(id_)["amount_captured"] == 0
