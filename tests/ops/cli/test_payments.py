"""One payment's whole story: complete, in order of time, and without anything secret."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from ops.store import tables
from tests.ops.cli.stage import ADDRESS, EMAIL, TOKEN, Stage

pytestmark = pytest.mark.services

PAID = Succeeded("sp_paid", Money(12_550, CURRENCIES["EUR"]))
SOFT = Declined("insufficient_funds", Hardness.SOFT, "sp_declined")
PAGE = "https://bank.example/approve/secret"


def story(stage: Stage, id_: str) -> dict[str, Any]:
    return dict(json.loads(stage.run("payments", "show", id_, "--json").out))


def test_a_failed_over_payment_is_told_from_acceptance_to_money(stage: Stage) -> None:
    id_ = stage.pay({"one": SOFT, "two": PAID}, order_id="order-1")
    attempt = stage.sql("SELECT id FROM payment_attempts WHERE number = 2")[0]["id"]
    _webhook(stage, attempt)
    stage.seal()

    told = story(stage, id_)

    assert told["payment"]["status"] == "captured"
    assert told["payment"]["amount_captured"] == 12_550
    assert told["fraud"]["decision"] == "approve"
    assert [(a["gateway_id"], a["state"], a["proof"]) for a in told["attempts"]] == [
        ("one", "declined", "declined"),
        ("two", "captured", None),
    ]
    assert [(f["source"], f["outcome"]) for f in told["facts"]] == [
        ("answer", "Declined"),
        ("answer", "Succeeded"),
    ]
    assert [(t["type"], t["amount"], t["gateway_id"]) for t in told["transactions"]] == [
        ("sale", 12_550, "two")
    ]
    assert [(w["gateway_id"], w["status"]) for w in told["webhooks"]] == [("two", "received")]
    assert all(entry["sealed_as"] for entry in told["audit"])
    assert {entry["action"] for entry in told["audit"]} >= {
        "payment.created",
        "attempt.declined",
        "payment.captured",
    }
    assert len(told["events"]) == len(told["audit"])
    times = [line["at"] for line in told["story"]]
    assert times == sorted(times)
    assert told["story"][0]["what"] == "payment accepted"

    shown = stage.run("payments", "show", id_).out
    assert "125.50 EUR" in shown
    assert "one (declined), then two (captured)" in shown
    assert "no money moved: declined" in shown
    assert "(sealed as 1)" in shown
    assert "order-1" in shown


def test_what_is_not_sealed_yet_is_marked(stage: Stage) -> None:
    id_ = stage.pay({"one": PAID})

    assert "(not sealed yet)" in stage.run("payments", "show", id_).out
    assert {entry["sealed_as"] for entry in story(stage, id_)["audit"]} == {None}


@pytest.mark.parametrize("as_data", [[], ["--json"]])
def test_a_story_holds_no_secret_and_no_personal_data(stage: Stage, as_data: list[str]) -> None:
    waiting = RequiresAction("sp_1", PAGE)
    id_ = stage.pay({"one": waiting}, return_url="https://shop.example/back?session=1")
    attempt = stage.sql("SELECT id FROM payment_attempts")[0]["id"]
    _webhook(stage, attempt)

    shown = stage.run("payments", "show", id_, *as_data).out

    assert "requires_action" in shown
    secrets = (TOKEN, EMAIL, ADDRESS, PAGE, "fp_secret", "Ms Example", "555 0100", "session=1")
    assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ({"one": Unknown("timed out")}, "nowhere else before it is known what became of it at one"),
        (
            {"one": NotCharged(Proof.NEVER_SENT, "refused")},
            "passed over in the last run: two (no_adapter)",
        ),
        ({"one": NotCharged(Proof.NEVER_SENT, "refused")}, "it would go to: one, then two"),
        ({}, "tried: none yet"),
    ],
)
def test_the_route_says_why_it_waits(stage: Stage, outcomes: dict[str, Outcome], said: str) -> None:
    id_ = stage.pay(outcomes)

    assert said in stage.run("payments", "show", id_).out


def test_a_held_gateway_is_told_with_its_reason(stage: Stage) -> None:
    stage.run("gateways", "down", "one", "--reason", "maintenance")
    id_ = stage.pay({})

    assert "not to one (held_down)" in stage.run("payments", "show", id_).out
    assert story(stage, id_)["route"] == {"order": ["two"], "skipped": {"one": "held_down"}}


def test_fraud_factors_are_told(stage: Stage) -> None:
    id_ = stage.pay({"one": PAID}, amount=1_100_000)

    told = {factor["name"] for factor in story(stage, id_)["fraud"]["factors"]}
    assert told - {"night_high_amount"} == {"high_amount"}, "whatever the hour"
    assert "amount above 10,000.00 reference units" in stage.run("payments", "show", id_).out


def test_terminal_codes_in_stored_text_reach_no_terminal(stage: Stage) -> None:
    id_ = stage.pay({"one": Unknown("\x1b[2Jgone [bold]away[/bold]")})

    shown = stage.run("payments", "show", id_).out

    assert "\x1b" not in shown
    assert "gone [bold]away[/bold]" in shown


def test_the_list_has_the_newest_first_and_filters(stage: Stage) -> None:
    paid, open_ = stage.pay({"one": PAID}), stage.pay({})

    lines = stage.run("payments", "list").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [open_, paid]
    assert paid in stage.run("payments", "list", environ={"COLUMNS": "80"}).out
    assert len(stage.run("payments", "list", "--limit", "1").out.splitlines()) == 2
    only = stage.run("payments", "list", "--status", "captured").out
    assert paid in only
    assert open_ not in only


def test_a_wrong_payment_is_refused_with_the_fix(stage: Stage) -> None:
    assert "pay_" in stage.run("payments", "show", "order-1", code=2).err
    unknown = f"pay_{UUID(int=1).hex}"
    assert "payments list" in stage.run("payments", "show", unknown, code=1).err
    assert "--status" in stage.run("payments", "list", "--status", "paid", code=2).err
    assert stage.run("payments", "list", "--limit", "0", code=2).err


def _webhook(stage: Stage, attempt: UUID) -> None:
    values = {
        "id": UUID(int=9),
        "gateway_id": "two",
        "dedupe_key": "evt_1",
        "body": b"sealed",
        "attempt_id": attempt,
        "request_id": "req-2",
    }
    with stage.engine.begin() as db:
        db.execute(insert(tables.webhook_events).values(values))
