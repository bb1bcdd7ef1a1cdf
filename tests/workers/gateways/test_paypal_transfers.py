"""What every documented status of a refund and of a payout at PayPal says of our order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt, Operation
from domain.flows.send import send
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    BATCH,
    CAPTURE,
    REFUND,
    adapter_at,
    answer,
    batch,
    header,
    lines,
    movement,
    order,
    paid,
    paying_out,
    problem,
    read_back,
    refunding,
    requests,
    sent,
    token,
    told,
)
from tests.workers.raw_server import answering, serving
from workers.gateways import DOUBLES


def refund(attempt: Attempt, status: str, value: str = "12.50", **more: Any) -> dict[str, Any]:
    names = {"custom_id": attempt.reference, "invoice_id": attempt.reference}
    return movement(REFUND, status, value) | names | more


def with_refunds(attempt: Attempt, *refunds: dict[str, Any]) -> dict[str, Any]:
    return order(attempt, captures=[movement(CAPTURE, "COMPLETED")], refunds=list(refunds))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("COMPLETED", Succeeded(REFUND, money(1250))),
        ("PENDING", Pending(REFUND)),
        ("FAILED", Declined("refund_failed", Hardness.HARD, REFUND)),
        ("CANCELLED", Declined("refund_cancelled", Hardness.HARD, REFUND)),
    ],
)
def test_a_refund_says_what_became_of_it(status: str, outcome: Outcome) -> None:
    attempt = refunding()
    shown = refund(attempt, status)
    if isinstance(outcome, Succeeded):
        outcome = Succeeded(REFUND, money(1250), reference=attempt.reference)

    assert sent(attempt, answer(200, paid(attempt)), answer(201, shown)) == outcome
    assert read_back(attempt, with_refunds(attempt, shown)) == outcome
    assert read_back(known(attempt), shown) == outcome


def known(attempt: Attempt) -> Attempt:
    return replace(attempt, provider_id=REFUND)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "INVENTED"},
        {"amount": {"currency_code": "XXX", "value": "12.50"}},
        {"custom_id": "f" * 32, "status": "PENDING"},
        {"custom_id": "f" * 32, "status": "FAILED"},
    ],
)
def test_a_refund_that_cannot_be_read_is_unknown(changes: dict[str, Any]) -> None:
    attempt = refunding()

    shown = refund(attempt, "COMPLETED") | changes
    assert isinstance(read_back(known(attempt), shown), Unknown)


def test_other_refunds_of_the_order_are_not_ours() -> None:
    attempt = refunding()
    other = refund(attempt, "COMPLETED", custom_id="f" * 32, invoice_id="f" * 32)

    assert read_back(attempt, with_refunds(attempt, other)) == NotFound()
    assert read_back(attempt, order(attempt)) == NotFound()


def test_a_refund_that_the_order_shows_already_is_not_sent_again() -> None:
    attempt = refunding()
    shown = with_refunds(attempt, refund(attempt, "COMPLETED"))

    outcome, server = told(lambda adapter: send(adapter, attempt, within()), answer(200, shown))

    assert isinstance(outcome, Succeeded)
    assert lines(server) == ["GET /v2/checkout/orders/ORDER1"]


def test_a_refund_is_sent_to_the_capture_under_our_key() -> None:
    attempt = refunding(250)

    _, server = told(
        lambda adapter: send(adapter, attempt, within()),
        answer(200, paid(attempt)),
        answer(201, refund(attempt, "COMPLETED", "2.50")),
    )

    sent_off = requests(server)[1]
    assert lines(server)[1] == f"POST /v2/payments/captures/{CAPTURE}/refund"
    assert header(sent_off, "PayPal-Request-Id") == attempt.key()
    assert header(sent_off, "Prefer") == "return=representation"
    assert sent_off.endswith(b"\r\n\r\n" + attempt.request)


def test_of_an_order_without_collected_money_nothing_is_refunded() -> None:
    attempt = refunding()

    outcome = sent(attempt, answer(200, order(attempt, "APPROVED")))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


def test_a_refund_whose_number_was_used_is_looked_for() -> None:
    attempt = refunding()
    used = answer(422, problem("UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID"))
    before = answer(200, paid(attempt))

    done = answer(200, with_refunds(attempt, refund(attempt, "COMPLETED")))
    assert isinstance(sent(attempt, before, used, done), Succeeded)
    assert isinstance(sent(attempt, before, used, before), Unknown)


@pytest.mark.parametrize("both", [True, False], ids=["both moved", "one waits"])
def test_two_refunds_under_our_name_are_told_to_people_once_both_have_moved(both: bool) -> None:
    attempt = refunding()
    first = refund(attempt, "COMPLETED", create_time="2026-01-01T00:00:00Z")
    second = refund(
        attempt,
        "COMPLETED" if both else "PENDING",
        id="REFUND2",
        create_time="2026-01-02T00:00:00Z",
    )
    alarms: list[tuple[str, str]] = []
    shown = answer(200, with_refunds(attempt, second, first))

    with serving(answering(token(), shown)) as server:
        adapter = adapter_at(server.url, lambda what, about: alarms.append((what, about)))
        found = adapter.lookup(attempt, within())
        adapter.close()

    assert found == Succeeded(REFUND, money(1250), reference=attempt.reference)
    assert alarms == [(DOUBLES[Operation.REFUND], attempt.reference)] * both


# Payouts.


def batched(attempt: Attempt) -> Attempt:
    return replace(attempt, provider_id=BATCH)


@pytest.mark.parametrize(
    ("status", "item", "outcome"),
    [
        ("PENDING", "PENDING", Pending(BATCH)),
        ("PROCESSING", "SUCCESS", Pending(BATCH)),
        ("DENIED", "", Declined("denied", Hardness.SOFT, BATCH)),
        ("CANCELED", "", Declined("canceled", Hardness.HARD, BATCH)),
        ("SUCCESS", "PENDING", Pending(BATCH)),
        ("SUCCESS", "UNCLAIMED", Pending(BATCH)),
        ("SUCCESS", "ONHOLD", Pending(BATCH)),
        ("SUCCESS", "FAILED", Declined("failed", Hardness.HARD, BATCH)),
        ("SUCCESS", "BLOCKED", Declined("blocked", Hardness.HARD, BATCH)),
        ("SUCCESS", "RETURNED", Returned(BATCH, "returned")),
        ("SUCCESS", "REFUNDED", Returned(BATCH, "refunded")),
        ("SUCCESS", "REVERSED", Returned(BATCH, "reversed")),
    ],
)
def test_a_payout_says_what_became_of_it(status: str, item: str, outcome: Lookup) -> None:
    attempt = batched(paying_out())

    assert read_back(attempt, batch(attempt, status, item)) == outcome


def test_a_paid_payout_is_told_with_its_money_and_our_name() -> None:
    attempt = batched(paying_out())

    found = read_back(attempt, batch(attempt))

    assert found == Succeeded(BATCH, money(4200), reference=attempt.reference)


def test_a_payout_that_failed_says_why() -> None:
    attempt = batched(paying_out())
    shown = batch(attempt, item="FAILED")
    shown["items"][0]["errors"] = {"name": "RECEIVER_UNCONFIRMED", "message": "no"}

    found = read_back(attempt, shown)

    assert found == Declined("RECEIVER_UNCONFIRMED", Hardness.HARD, BATCH)


def test_a_batch_that_was_just_made_shows_no_payouts_and_is_pending() -> None:
    attempt = paying_out()
    made = batch(attempt, "PENDING")
    del made["items"]

    assert sent(attempt, answer(201, made)) == Pending(BATCH)


@pytest.mark.parametrize(
    ("status", "item"), [("INVENTED", "SUCCESS"), ("SUCCESS", "INVENTED"), ("SUCCESS", "")]
)
def test_a_payout_in_another_status_is_unknown(status: str, item: str) -> None:
    attempt = batched(paying_out())

    assert isinstance(read_back(attempt, batch(attempt, status, item)), Unknown)


def test_a_batch_of_somebody_else_is_only_believed_about_money() -> None:
    attempt, other = batched(paying_out()), paying_out()
    two = batch(attempt)
    two["items"] *= 2

    assert isinstance(read_back(attempt, batch(other, "DENIED")), Unknown)
    stolen = read_back(attempt, batch(other))
    assert isinstance(stolen, Succeeded)
    assert stolen.reference == other.reference
    assert isinstance(read_back(attempt, two), Unknown)


def test_without_paypals_name_of_it_nothing_finds_a_payout() -> None:
    found, server = told(lambda adapter: adapter.lookup(paying_out(), within()))

    assert found == NotFound()
    assert server.requests == []
