"""Every move leaves an audit entry and an event, without personal data and without secrets."""

from __future__ import annotations

from dataclasses import replace

from domain.attempt import State
from domain.audit import GENESIS, canonical, checkpoint_mac, link
from domain.due import Due, Parked, Reason
from domain.events import Actor, attempt_told, notice_told, payment_told, screened_told
from domain.ids import Kind, public
from domain.means import Customer
from domain.outcome import Proof
from domain.payment import Failure, Mode, Status
from tests.builders import ATTEMPT, NOON, PAYMENT, a_notice, a_payment, an_attempt


def test_a_new_payment_is_told_as_created() -> None:
    told = payment_told(None, a_payment(order_id="o-1"), Actor.MERCHANT, "key:k")

    assert told.entry.action == told.event.type == "payment.created"
    assert told.entry.before == {}
    assert told.entry.after == {"status": "pending", "amount": 5_000, "currency": "USD"}
    assert (told.entry.actor, told.entry.actor_id) == (Actor.MERCHANT, "key:k")
    assert told.event.payload["order_id"] == "o-1"
    assert told.event.aggregate_id == told.entry.entity_id == public(Kind.PAYMENT, PAYMENT)


def test_a_move_tells_from_where_to_where_and_why() -> None:
    before = a_payment(status=Status.PROCESSING)
    after = before.ended(Status.FAILED, Failure("declined", "no"))

    told = payment_told(before, replace(after, gateway_id="one"), Actor.PROVIDER, "answer")

    assert told.entry.action == "payment.failed"
    assert told.entry.before == {"status": "processing"}
    assert told.entry.after["failure_code"] == "declined"
    assert told.entry.after["gateway"] == "one"
    assert told.event.payload["status"] == "failed"


def test_parking_is_told_with_its_reason() -> None:
    parked = a_payment(due=Due(None, 0, Parked(NOON, Reason.POISON)))
    told = payment_told(a_payment(), parked, Actor.WORKER, "charge")
    assert (told.entry.action, told.entry.after["parked"]) == ("payment.parked", "poison")

    held = an_attempt(due=parked.due, state=State.UNKNOWN)
    told = attempt_told(an_attempt(), held, Actor.WORKER, "resolve")
    assert (told.entry.action, told.entry.after["parked"]) == ("attempt.unknown", "poison")


def test_an_attempt_tells_its_proof() -> None:
    no = an_attempt(state=State.DECLINED, proof=Proof.DECLINED, code="stolen", cause="hard")

    told = attempt_told(an_attempt(), no, Actor.PROVIDER, "answer")

    assert told.entry.before == {"state": "sending"}
    assert told.event.payload == told.entry.after
    assert {"proof", "code", "cause", "gateway", "number"} <= set(told.entry.after)


def test_a_fraud_decision_is_told_without_what_it_was_made_of() -> None:
    scored = a_payment(risk_score="0.2500", risk_level="low")

    told = screened_told(scored, "approve", "full")

    assert told.entry.action == told.event.type == "payment.screened"
    assert told.entry.after == told.event.payload
    assert told.entry.after == {
        "decision": "approve",
        "risk_level": "low",
        "score": "0.2500",
        "mode": "full",
    }
    assert (told.entry.merchant_id, told.event.mode) == (scored.merchant_id, scored.mode)


def test_what_becomes_of_a_webhook_is_told() -> None:
    done = replace(a_notice(), status="processed", attempt_id=ATTEMPT)
    told = notice_told(done, Mode.TEST)
    assert (told.entry.action, told.entry.mode) == ("webhook.processed", Mode.TEST)
    assert told.entry.after["attempt_id"] == public(Kind.ATTEMPT, ATTEMPT)

    parked = replace(a_notice(), due=Due(None, 0, Parked(NOON, Reason.UNREADABLE)))
    told = notice_told(parked)
    assert (told.entry.action, told.entry.after["parked"]) == ("webhook.parked", "unreadable")


def test_neither_secrets_nor_personal_data_are_told() -> None:
    customer = Customer("c-1", "a@example.com", "192.0.2.1", "DE")
    payment = a_payment(customer=customer, action_url="https://pay.example/once")

    for told in (
        payment_told(None, payment, Actor.WORKER, "w"),
        attempt_told(None, an_attempt(payment), Actor.WORKER, "w"),
    ):
        said = repr(told)
        for secret in ("tok_secret", "a@example.com", "192.0.2.1", "pay.example", "exact bytes"):
            assert secret not in said


def test_an_entry_has_one_spelling() -> None:
    assert canonical({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'.encode()


def test_a_link_covers_its_place_its_entry_and_all_before() -> None:
    first = link(GENESIS, 1, b"one")

    links = {first, link(GENESIS, 2, b"one"), link(GENESIS, 1, b"two"), link(first, 1, b"one")}
    assert len(links) == 4
    assert all(len(found) == 32 for found in links)


def test_a_checkpoint_needs_its_key_its_count_and_its_head() -> None:
    marks = {
        checkpoint_mac(b"k", 1, GENESIS),
        checkpoint_mac(b"l", 1, GENESIS),
        checkpoint_mac(b"k", 2, GENESIS),
        checkpoint_mac(b"k", 1, bytes(31) + b"1"),
    }
    assert len(marks) == 4
