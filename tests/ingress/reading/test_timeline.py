"""The timeline: one payment's whole story, in order, without anything secret."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
import uuid_utils.compat
from sqlalchemy import insert

from domain.flows.charge import charge
from domain.flows.refund import refund
from domain.flows.screen import screen
from domain.ids import Kind, parse
from domain.outcome import Declined, Hardness, NotCharged, Proof, RequiresAction
from domain.policy import Policy
from domain.ports import Runtime
from ingress import tale_out
from ingress.openapi import document
from ingress.tale_entries import ORDER
from ingress.tale_out import entries_of, timeline_json
from ops.store import tables
from ops.store.ledger import seal
from ops.store.tale import Tale
from tests.ingress.reading.conftest import Shop, pay
from tests.scripted import Board, Scripted, Windows, paid
from tests.store.books import a_payment

TOKEN, EMAIL, PAGE = "tok_never_shown", "payer@mail.example", "https://bank.example/secret/page"
CHECKOUT = {
    "amount": 12_550,
    "currency": "EUR",
    "order_id": "o-1",
    "payment_method": {"type": "card", "token": TOKEN, "card": {"fingerprint": "fp_secret"}},
    "customer": {"id": "c-1", "email": EMAIL, "ip": "203.0.113.99"},
    "description": "a gift for Ms Example",
    "metadata": {"phone": "+1 555 0100"},
}


def runtime(shop: Shop, *gateways: Scripted) -> Runtime:
    ticks = itertools.count()
    return Runtime(
        store=shop.books.store,
        gateways=Board({gateway.row.id: gateway for gateway in gateways}),
        velocity=Windows(),
        policy=Policy(),
        owner=7,
        new_id=uuid_utils.compat.uuid7,
        monotonic=lambda: float(next(ticks)),
        draw=lambda: 0.5,
        wake=lambda *_: None,
        draining=lambda: False,
    )


def post(shop: Shop, path: str, body: object, status: int = 202) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {shop.books.key}"}
    answer = shop.door.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def charged(shop: Shop, *gateways: Scripted, **more: Any) -> str:
    """Take a checkout through the door and as far as these gateways let it go."""
    id_ = str(post(shop, "/v1/checkout", CHECKOUT | more)["id"])
    run = runtime(shop, *gateways)
    screen(parse(Kind.PAYMENT, id_), run)
    charge(parse(Kind.PAYMENT, id_), run)
    return id_


def story(shop: Shop, id_: str) -> list[dict[str, Any]]:
    told = shop.shown(f"/v1/payments/{id_}/timeline")
    assert set(told) == set(document()["components"]["schemas"]["Timeline"]["required"])
    assert not told["is_cut"]
    entries: list[dict[str, Any]] = told["data"]
    return entries


@pytest.mark.services
def test_a_payment_is_told_from_the_checkout_to_the_refund(shop: Shop) -> None:
    soft = Declined("insufficient_funds", Hardness.SOFT, "ch_0")
    one, two = Scripted("one", soft), Scripted("two", paid, refunds=[paid])
    id_ = charged(shop, one, two)
    asked = post(shop, f"/v1/payments/{id_}/refunds", {"amount": 550, "reason": "one came back"})
    refund(parse(Kind.REFUND, str(asked["id"])), runtime(shop, one, two))
    _webhook(shop, id_)
    seal(shop.books.engine, b"a" * 32)

    entries = story(shop, id_)

    told = [entry["type"] for entry in entries if entry["type"] != "audit.recorded"]
    assert told == [
        "payment.accepted",
        "screening.decided",
        "attempt.begun",
        "fact.told",
        "attempt.ended",
        "routing.chosen",
        "attempt.begun",
        "fact.told",
        "attempt.ended",
        "money.moved",
        "refund.asked",
        "attempt.begun",
        "fact.told",
        "attempt.ended",
        "refund.ended",
        "money.moved",
        "webhook.received",
        "webhook.processed",
    ]
    by_type = {entry["type"]: entry for entry in reversed(entries)}
    key = f"key:{shop.shown('/v1/merchant')['api_key']['id']}"
    accepted = by_type["payment.accepted"]
    assert accepted["actor"] == {"type": "merchant", "id": key}
    assert accepted["summary"] == "A payment of 125.50 EUR by card was accepted."
    assert by_type["screening.decided"]["data"]["decision"] == "approve"
    ended = by_type["attempt.ended"]
    assert ended["summary"] == "Charge 1 ended as declined; no money moved, proof: declined."
    assert (ended["data"]["gateway"], ended["data"]["code"]) == ("one", "insufficient_funds")
    assert by_type["routing.chosen"]["data"]["gateway"] == "two"
    moved = [entry["data"] for entry in entries if entry["type"] == "money.moved"]
    assert [(data["type"], data["amount"]) for data in moved] == [("sale", 12_550), ("refund", 550)]
    assert moved[1]["refund_id"] == asked["id"]
    assert by_type["refund.asked"]["actor"]["id"] == key
    audited = [entry for entry in entries if entry["type"] == "audit.recorded"]
    actions = {entry["data"]["action"] for entry in audited}
    assert actions >= {"payment.created", "attempt.declined", "payment.captured", "refund.created"}
    assert all(entry["data"]["sealed_as"] for entry in audited)
    times = [entry["at"] for entry in entries]
    assert times == sorted(times)


@pytest.mark.services
def test_a_gateway_that_was_passed_over_is_told_with_its_reason(shop: Shop) -> None:
    away = Scripted("one", NotCharged(Proof.NEVER_SENT, "connection refused"))
    id_ = charged(shop, away)

    (routed,) = [one for one in story(shop, id_) if one["type"] == "routing.chosen"]

    assert routed["data"]["skipped"]["two"] in routed["summary"]


@pytest.mark.services
def test_a_decision_that_waits_for_a_person_is_told_until_it_is_made(shop: Shop) -> None:
    wallet = {"type": "wallet", "token": TOKEN}
    id_ = charged(shop, Scripted("one", paid), amount=9_000_000, payment_method=wallet)

    (opened,) = [one for one in story(shop, id_) if one["type"] == "review.opened"]

    assert opened["data"]["kind"] == "fraud"
    post(shop, f"/v1/reviews/{id_}/reject", {"note": "not our customer"}, status=200)
    (decided,) = [one for one in story(shop, id_) if one["type"] == "review.decided"]
    assert decided["data"]["decision"] == "rejected"
    assert decided["actor"]["type"] == "merchant"


@pytest.mark.services
def test_a_story_holds_nothing_secret_and_no_operators_name(shop: Shop) -> None:
    id_ = charged(shop, Scripted("one", RequiresAction("ch_1", PAGE)))
    with shop.books.engine.begin() as db:
        entry = {"actor": "operator", "actor_id": "os:pat", "action": "payment.noted"}
        entry |= {"entity": "payment", "entity_id": id_, "request_id": "r"}
        db.execute(insert(tables.audit_logs).values(before={}, after={}, **entry))

    entries = story(shop, id_)

    shown = json.dumps(entries)
    secrets = (TOKEN, EMAIL, PAGE, "203.0.113.99", "fp_secret", "Ms Example", "555 0100", "os:pat")
    assert [secret for secret in secrets if secret in shown] == []
    noted = next(one for one in entries if one["data"].get("action") == "payment.noted")
    assert noted["actor"] == {"type": "operator", "id": None}
    assert {one["type"] for one in entries} <= set(ORDER)


@pytest.mark.services
def test_a_payment_that_nobody_touched_has_a_short_story(shop: Shop) -> None:
    id_ = pay(a_payment(shop.books))

    assert [entry["type"] for entry in story(shop, id_)] == ["payment.accepted"]


NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def a_tale(**parts: Any) -> Tale:
    """A tale of a bare payment with these rows."""
    row = {
        "id": "pay_1",
        "created_at": NOON,
        "amount": 1_000,
        "currency": "USD",
        "method_type": "card",
        "skipped": {},
    }
    empty = dict.fromkeys(
        ("order_id", "preference", "request_id", "cancel_requested_at", "parked_at")
    )
    lists: dict[str, Any] = dict.fromkeys(
        ("attempts", "facts", "transactions", "refunds", "cases", "webhooks", "audit"), ()
    )
    told = {"payment": empty | row, "fraud": None} | lists | parts
    return cast("Tale", SimpleNamespace(**told))


def an_entry(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "created_at": NOON - timedelta(seconds=n),
        "actor": "worker",
        "actor_id": "charge",
        "action": "payment.processing",
        "entity_id": "pay_1",
        "before": {},
        "after": {},
        "sealed_as": None,
        "request_id": None,
    }


def test_what_happened_at_one_moment_is_told_cause_first() -> None:
    audit = [an_entry(0)]

    entries = entries_of(a_tale(audit=audit))

    assert [entry.at for entry in entries] == [NOON, NOON]
    assert [entry.type for entry in entries] == ["payment.accepted", "audit.recorded"]


def test_the_evidence_of_a_settlement_stays_among_operators() -> None:
    said = {"as": "charged", "evidence": "call with Ms Example", "amount": 12_550}
    settled = {"action": "attempt.settled", "actor": "operator", "actor_id": "ann", "after": said}

    entries = entries_of(a_tale(audit=[an_entry(0) | settled]))

    (told,) = [entry for entry in entries if entry.type == "audit.recorded"]
    assert told.told["after"] == {"as": "charged", "amount": 12_550}
    assert "ann" not in str(told.shown())


def test_a_story_without_end_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tale_out, "MOST_TOLD", 3)

    whole = timeline_json(a_tale(audit=[an_entry(n) for n in (1, 2)]))
    cut = timeline_json(a_tale(audit=[an_entry(n) for n in (1, 2, 3)]))

    assert (len(whole["data"]), whole["is_cut"]) == (3, False)
    assert (len(cut["data"]), cut["is_cut"]) == (3, True)
    assert [entry["data"].get("entry") for entry in cut["data"]] == [3, 2, 1]


def _webhook(shop: Shop, payment_id: str) -> None:
    found = "SELECT id FROM payment_attempts WHERE payment_id = :id AND state = 'captured'"
    (row,) = shop.books.sql(found, id=parse(Kind.PAYMENT, payment_id))
    now = datetime.now(UTC)
    values = {
        "id": UUID(int=9),
        "gateway_id": "two",
        "dedupe_key": "evt_1",
        "body": b"sealed",
        "attempt_id": row["id"],
        "status": "processed",
        "received_at": now,
        "read_began_at": now + timedelta(milliseconds=1),
        "request_id": "req-2",
    }
    with shop.books.engine.begin() as db:
        db.execute(insert(tables.webhook_events).values(values))
