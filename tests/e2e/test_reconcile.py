"""Reconciling the running system: what the providers' lists prove is applied, the rest is told."""

from __future__ import annotations

import json

import pytest

from tests.e2e.living import number
from tests.e2e.system import Json, System, eventually
from tests.ops.cli.stage import run

pytestmark = pytest.mark.e2e


def compared(system: System, gateway: str) -> Json:
    """Have the workers compare today with a gateway's list; return the report."""
    stack = system.stack
    servers = {
        "DATABASE_URL": stack.settings.database_url,
        "REDIS_URL": stack.settings.redis_url,
    }
    args = ("reconcile", "--gateway", gateway, "--format", "json", "--wait", "60")
    ran = run(*args, **{**stack.environ, **servers})
    said: Json = json.loads(ran.out)
    assert ran.code == bool(said["open"]), ran
    assert [one["status"] for one in said["runs"]] == ["done"], said
    return said


def about(said: Json, payment: str) -> list[Json]:
    return [one for one in said["discrepancies"] if one["payment"] == payment]


def attempts(system: System, payment: str) -> list[Json]:
    return system.sql("SELECT * FROM payment_attempts WHERE payment_id = %s", [payment[4:]])


def test_a_lost_answer_that_nobody_can_look_up_is_settled_by_the_list(system: System) -> None:
    card = {"type": "card", "token": f"pt-card-lost{number()}"}
    system.fault("xendit-id", "webhooks_off")
    system.fault("xendit-id", "drop_after", on="charge", count=1)
    payment = system.checkout(
        2_500_000,
        currency="IDR",
        country="ID",
        payment_method=card,
        provider_preference="xendit-id",
    )
    (lost,) = eventually(
        lambda: [a for a in attempts(system, payment) if a["state"] == "unknown"],
        60,
        lambda: str([(a["gateway_id"], a["state"], a["cause"]) for a in attempts(system, payment)]),
    )
    assert lost["gateway_id"] == "xendit-id"

    said = compared(system, "xendit-id")

    (item,) = about(said, payment)
    assert (item["kind"], item["theirs"]["stands"]) == ("status", "moved")
    assert item["resolved_at"] is not None
    assert system.settled(payment, within_s=60)["status"] == "captured"
    (settled,) = attempts(system, payment)
    assert str(settled["provider_id"]).startswith("pr-")
    facts = system.sql(
        "SELECT source FROM attempt_facts WHERE attempt_id = %s ORDER BY id DESC LIMIT 1",
        [settled["id"]],
    )
    assert facts == [{"source": "reconciliation"}]
    assert about(compared(system, "xendit-id"), payment) == []


def test_a_wrong_amount_is_a_discrepancy_with_an_owner(system: System) -> None:
    system.fault("sandbox-a", "wrong_amount", on="create", count=1)
    payment = system.checkout(7_001, provider_preference="sandbox-a")
    eventually(
        lambda: [a for a in attempts(system, payment) if a["parked_reason"] == "amount_mismatch"],
        60,
        lambda: str(attempts(system, payment)),
    )

    said = compared(system, "sandbox-a")

    (item,) = about(said, payment)
    assert (item["kind"], item["owner"], item["resolved_at"]) == ("amount", "operations", None)
    assert (item["ours"]["amount"], item["theirs"]["amount"]) == (7_001, 7_002)
    assert system.payment(payment)["status"] != "captured"


def test_a_day_of_all_providers_is_compared_without_a_false_alarm(system: System) -> None:
    """What a merchant does on an ordinary day, and nothing of it is a discrepancy."""
    made = [
        system.checkout(5_000 + number(), provider_preference="sandbox-b"),
        system.checkout(
            5_000 + number(),
            currency="CHF",
            country="CH",
            payment_method={"type": "card", "token": f"tok_day{number()}"},
            provider_preference="soapbank-ch",
        ),
        system.checkout(
            1_500_000,
            currency="IDR",
            country="ID",
            payment_method={"type": "card", "token": f"tok_day{number()}"},
            provider_preference="midtrans-id",
        ),
        system.checkout(
            5_000 + number(),
            currency="EUR",
            country="FR",
            payment_method={"type": "card", "token": "pm_card_visa"},
            provider_preference="stripe-eu",
        ),
    ]
    for payment in made:
        assert system.settled(payment)["status"] == "captured"

    for gateway in ("sandbox-b", "soapbank-ch", "midtrans-id", "stripe-eu"):
        said = compared(system, gateway)
        assert [about(said, payment) for payment in made] == [[]] * len(made)
        method = "asked" if gateway == "midtrans-id" else "listed"
        assert [run["method"] for run in said["runs"]] == [method]
        assert said["runs"][0]["compared"] >= 1
