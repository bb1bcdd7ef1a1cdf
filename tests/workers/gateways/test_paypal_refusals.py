"""What a refused call to PayPal comes to: declined, read back, or sent before."""

from __future__ import annotations

from typing import Any

import pytest

from domain.flows.send import send
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.paypal_spoken import (
    BATCH,
    OFFLINE,
    ORDER,
    PAGE,
    answer,
    asking,
    batch,
    lines,
    making,
    order,
    paid,
    paying_out,
    problem,
    sent,
    told,
)

E422 = "UNPROCESSABLE_ENTITY"


def test_a_decline_of_the_moving_call_names_its_order() -> None:
    no = answer(422, problem(E422, "INSTRUMENT_DECLINED"))

    assert sent(asking(), no) == Declined("INSTRUMENT_DECLINED", Hardness.SOFT, ORDER)
    assert sent(making(), no) == Declined("INSTRUMENT_DECLINED", Hardness.SOFT)


def test_a_moving_call_that_was_made_already_is_read() -> None:
    attempt = asking()
    already = answer(422, problem(E422, "ORDER_ALREADY_CAPTURED"))

    outcome, server = told(
        lambda adapter: send(adapter, attempt, within()),
        already,
        answer(200, paid(attempt)),
        answer(200, {}),
    )

    assert outcome == Succeeded(ORDER, money(1250), reference=attempt.reference)
    assert lines(server)[:2] == [
        f"POST /v2/checkout/orders/{ORDER}/capture",
        f"GET /v2/checkout/orders/{ORDER}",
    ]


def test_a_moving_call_before_the_approval_sends_the_payer_back() -> None:
    attempt = asking()
    early = answer(422, problem(E422, "ORDER_NOT_APPROVED"))

    waiting = answer(200, order(attempt, "PAYER_ACTION_REQUIRED"))
    assert sent(attempt, early, waiting) == RequiresAction(ORDER, PAGE)
    # Approved between the two: whoever resolves it sends it again.
    assert isinstance(sent(attempt, early, answer(200, order(attempt, "APPROVED"))), Unknown)
    assert isinstance(sent(attempt, early, answer(500, problem("INTERNAL_SERVER_ERROR"))), Unknown)


def test_a_number_that_another_order_has_used_is_a_riddle() -> None:
    attempt = asking()
    used = answer(422, problem(E422, "DUPLICATE_INVOICE_ID"))

    assert isinstance(sent(attempt, used, answer(200, order(attempt, "APPROVED"))), Unknown)
    assert isinstance(sent(making(), used), Unknown)


def test_an_answer_about_another_order_is_nothing() -> None:
    attempt = asking()

    assert isinstance(sent(attempt, answer(201, paid(attempt) | {"id": "ORDER2"})), Unknown)


def duplicate(**changes: Any) -> bytes:
    link = {"href": f"https://api.paypal.example/v1/payments/payouts/{BATCH}", "rel": "self"}
    detail = {
        "field": "SENDER_BATCH_ID",
        "location": "body",
        "issue": "Batch with given sender_batch_id already exists",
        "link": [link],
    } | changes
    return answer(400, problem("USER_BUSINESS_ERROR") | {"details": [detail]})


def test_a_batch_that_was_sent_already_is_read_at_our_own_address() -> None:
    attempt = paying_out()

    outcome, server = told(
        lambda adapter: send(adapter, attempt, within()),
        duplicate(),
        answer(200, batch(attempt, "PROCESSING")),
    )

    assert outcome == Pending(BATCH)
    assert lines(server) == ["POST /v1/payments/payouts", f"GET /v1/payments/payouts/{BATCH}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"link": []},
        {"link": [{"href": "https://api.paypal.example/v1/payments/payouts/../orders/1"}]},
        {"link": [{"href": 7}]},
        {"field": "items[0].receiver"},
    ],
)
def test_a_duplicate_that_does_not_name_its_batch_is_unknown(changes: dict[str, Any]) -> None:
    assert isinstance(sent(paying_out(), duplicate(**changes)), Unknown)


def test_a_balance_that_does_not_suffice_declines_a_payout() -> None:
    outcome = sent(paying_out(), answer(422, problem("INSUFFICIENT_FUNDS")))

    assert outcome == Declined("INSUFFICIENT_FUNDS", Hardness.SOFT)


def test_a_stored_request_of_another_adapter_is_not_sent() -> None:
    attempt = making(request=b'{"amount": "much"}')

    outcome = send(OFFLINE, attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
