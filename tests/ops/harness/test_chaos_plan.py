"""What a storm is made of follows from its seed, and asks of providers only what they can play."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from ops.harness.chaos.faults import (
    HOUSES,
    Providers,
    hanging,
    lost_answers,
    rules_of,
    with_own_faults,
)
from ops.harness.chaos.lives import Answer, Ask, Press, Wait, life
from ops.harness.chaos.options import parsed
from ops.harness.chaos.orders import KINDS, LEAST, TILLS, Kind, Order, orders
from ops.harness.chaos.storm import BLOWS, schedule
from ops.sandbox.faults import MAGIC_AMOUNTS
from ops.sandbox.faults import Fault as OfTheHouse
from ops.sandbox.stage.faults import Fault as OfTheStage


def test_the_same_seed_gives_the_same_orders_and_another_one_does_not() -> None:
    assert orders(50, 7, 60.0) == orders(50, 7, 60.0)
    assert orders(50, 7, 60.0) != orders(50, 8, 60.0)


def test_orders_arrive_in_time_at_every_gateway_and_of_every_kind() -> None:
    found = orders(2_000, 1, 60.0)

    assert [order.at_s for order in found] == sorted(order.at_s for order in found)
    assert all(0 <= order.at_s <= 60 for order in found)
    assert {order.gateway for order in found} == TILLS.keys()
    counts = Counter(order.kind for order in found)
    assert counts.keys() == KINDS.keys()
    assert abs(counts[Kind.SALE] / 2_000 - KINDS[Kind.SALE] / sum(KINDS.values())) < 0.05


def test_no_amount_makes_the_sandbox_misbehave_and_parts_can_be_paid() -> None:
    for order in orders(2_000, 3, 60.0):
        parts = {order.part, 2 * order.part, order.amount - 2 * order.part}
        assert order.amount >= LEAST
        assert not (parts | {order.amount}) & MAGIC_AMOUNTS.keys()
        assert all(part > 0 and part % order.till.unit == 0 for part in parts)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_an_order_posts_is_json_and_says_its_mark(kind: Kind) -> None:
    body = Order(12, kind, "stripe-eu", 0.0, 20_001, 1).body()

    assert json.loads(json.dumps(body)) == body
    assert "00012x" in body["description"]
    assert (kind is Kind.PAYOUT) == ("destination" in body)
    holds = kind in (Kind.CAPTURED, Kind.CAPTURED_IN_PART, Kind.VOIDED)
    assert body.get("capture_method") == (
        None if kind is Kind.PAYOUT else "manual" if holds else "automatic"
    )


@pytest.mark.parametrize("gateway", sorted(TILLS))
def test_every_rule_names_a_fault_that_the_simulator_knows(gateway: str) -> None:
    known = set(OfTheHouse) if gateway in HOUSES else set(OfTheStage)
    rules = [*rules_of(gateway, 2**32 - 3), *lost_answers(gateway, 5), hanging(gateway)]

    assert {rule["fault"] for rule in rules} <= {str(fault) for fault in known}
    assert all(0 <= rule.get("seed", 0) < 2**32 for rule in rules)
    assert len(rules_of(gateway, 1)) > 15


@pytest.mark.parametrize(
    ("gateway", "fault"),
    [
        ("stripe-eu", "fail_before"),
        ("xendit-id", "drop_before"),
        ("xendit-id", "hang_before"),
        ("xendit-id", "fail_before"),
        ("xendit-id", "webhooks_off"),
        ("sandbox-a", "server_error"),
        *((gateway, "wrong_amount") for gateway in sorted(TILLS)),
    ],
)
def test_what_nobody_can_know_is_not_asked_for(gateway: str, fault: str) -> None:
    assert fault not in {rule["fault"] for rule in rules_of(gateway, 1)}


def test_only_money_that_nothing_follows_is_charged_back() -> None:
    found = with_own_faults(orders(2_000, 1, 60.0), 1)

    struck = [order for order in found if order.fault]
    assert struck
    assert {order.kind for order in struck} == {Kind.SALE}
    assert {order.gateway for order in struck} <= HOUSES
    for gateway in sorted(TILLS.keys() - HOUSES):
        marks = [r["containing"] for r in rules_of(gateway, 1) if r["fault"] == "chargeback"]
        assert all("plain" in order.mark for order in found if order.kind is Kind.SALE)
        assert set(marks) <= {"plain"}


@pytest.mark.parametrize("storm_s", [45.0, 600.0])
def test_every_blow_falls_once_per_round_and_the_load_outlives_the_last(storm_s: float) -> None:
    blows = schedule(4, storm_s)

    assert schedule(4, storm_s) == blows
    counts = Counter(blow.what for blow in blows)
    assert counts.keys() == set(BLOWS)
    assert len(set(counts.values())) == 1
    assert [blow.at_s for blow in blows] == sorted(blow.at_s for blow in blows)
    assert 0 < blows[0].at_s < blows[-1].at_s < storm_s * 0.9


def test_a_short_run_and_one_with_a_planted_bug_are_small_unless_told_otherwise() -> None:
    long, short = parsed([]), parsed(["--short", "--seed", "5"])

    assert long.payments >= 10_000
    assert (short.seed, short.calm) == (5, False)
    assert short.payments < 1_000
    assert short.storm_s < 90
    assert parsed(["--short", "--payments", "7"]).payments == 7
    bug = parsed(["--sabotage", "failover-on-unknown"])
    assert bug.calm
    assert bug.payments <= short.payments
    with pytest.raises(SystemExit):
        parsed(["--sabotage", "nonsense"])


def played(order: Order, *answers: dict[str, Any]) -> list[Ask | Press]:
    """Live an order with these answers; return what it did, waits left out."""
    told, did, alive = list(answers), list[Ask | Press](), life(order)
    heard: Answer | None = None
    try:
        while True:
            step = alive.send(heard)
            heard = None
            if isinstance(step, Wait):
                continue
            did.append(step)
            if isinstance(step, Ask):
                said = told.pop(0)
                heard = Answer(said.pop("http", 202 if step.method == "POST" else 200), said)
    except StopIteration:
        assert told == []
        return did


def test_a_payer_approves_and_a_merchant_gives_back_in_parts_under_keys_of_their_own() -> None:
    did = played(
        Order(1, Kind.REFUNDED_IN_PARTS, "paypal-eu", 0.0, 30_000, 9),
        {"id": "pay_1"},
        {"status": "requires_action", "next_action": {"url": "http://page"}},
        {"status": "captured"},
        *({"id": f"ref_{n}"} for n in range(3)),
        *({"status": "succeeded"} for _ in range(3)),
    )

    assert Press("http://page") in did
    assert Press("http://page").form == "decision=approve"
    posts = [step for step in did if isinstance(step, Ask) and step.method == "POST"]
    assert [post.path for post in posts] == ["/v1/payments", *["/v1/payments/pay_1/refunds"] * 3]
    assert [(post.body or {}).get("amount") for post in posts[1:]] == [10_000, 10_000, None]
    assert len({post.key for post in posts}) == 4


def test_what_could_not_be_scored_is_approved_and_what_was_refused_is_not_insisted_on() -> None:
    did = played(
        Order(1, Kind.VOIDED, "sandbox-a", 0.0, 30_000, 9),
        {"id": "pay_1"},
        {"status": "in_review"},
        {"status": "in_review"},
        {"status": "authorized"},
        {"http": 409, "code": "illegal_state"},
        {"status": "captured"},
    )

    posts = [step.path for step in did if isinstance(step, Ask) and step.method == "POST"]
    assert posts == [
        "/v1/payments",
        "/v1/reviews/pay_1/approve",
        "/v1/payments/pay_1/cancel",
    ]


def test_what_was_parked_is_left_alone() -> None:
    did = played(
        Order(1, Kind.REFUNDED, "sandbox-a", 0.0, 30_000, 9),
        {"id": "pay_1"},
        {"status": "processing", "parked": {"reason": "unresolved"}},
    )

    assert len(did) == 2


def test_a_rule_that_a_simulator_refuses_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        status, data = 400, msgspec.json.encode({"error": "no such fault"})

    providers = Providers({"sandbox-a": 1}, seed=1, calm=False)
    monkeypatch.setattr(providers._http, "request", lambda *_, **__: Refusing())

    with pytest.raises(RuntimeError, match="sandbox-a refuses"):
        providers.hang("sandbox-a")
