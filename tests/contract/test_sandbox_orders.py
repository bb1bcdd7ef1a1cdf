"""The sandbox adapter reads answers about refunds, payouts and tokens that its simulator never gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from tests.contract.made import (
    a_detachment,
    a_payment,
    a_payout,
    a_refund,
    an_attempt,
    money,
    within,
)
from tests.contract.spoken import (
    CHARGE,
    OFFLINE,
    answer,
    error,
    read_back,
    sent,
    shown_payout,
    shown_refund,
    told,
)

REFUND = a_refund(OFFLINE, replace(an_attempt(OFFLINE, a_payment()), provider_id=CHARGE), 250)
PAYOUT = a_payout(OFFLINE)
SHOWN = {REFUND.operation: shown_refund, PAYOUT.operation: shown_payout}


def _name(value: object) -> str:
    """Name a case by what stays the same in every run: ids and references do not."""
    if isinstance(value, Attempt):
        return value.operation.value
    return str(value) if isinstance(value, dict | str | int) else type(value).__name__


orders = pytest.mark.parametrize("attempt", [REFUND, PAYOUT], ids=["refund", "payout"])


def order(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    return SHOWN[attempt.operation](attempt, **changes)


@pytest.mark.parametrize(
    ("attempt", "changes", "expected"),
    [
        (REFUND, {}, Succeeded("sr_1", money(250), reference=REFUND.reference)),
        (REFUND, {"status": "pending"}, Pending("sr_1")),
        (
            REFUND,
            {"status": "failed", "failure_code": "insufficient_funds"},
            Declined("insufficient_funds", Hardness.HARD, "sr_1"),
        ),
        (REFUND, {"status": "failed"}, Declined("refund_declined", Hardness.HARD, "sr_1")),
        (PAYOUT, {}, Succeeded("so_1", money(4200), reference=PAYOUT.reference)),
        (PAYOUT, {"status": "processing"}, Pending("so_1")),
        (
            PAYOUT,
            {"status": "failed", "failure_code": "insufficient_funds"},
            Declined("insufficient_funds", Hardness.SOFT, "so_1"),
        ),
        (
            PAYOUT,
            {"status": "failed", "failure_code": "account_closed"},
            Declined("account_closed", Hardness.HARD, "so_1"),
        ),
        (
            PAYOUT,
            {"status": "failed", "failure_code": "invented_yesterday"},
            Declined("invented_yesterday", Hardness.HARD, "so_1"),
        ),
        (PAYOUT, {"status": "failed"}, Declined("payout_declined", Hardness.HARD, "so_1")),
        (
            PAYOUT,
            {"status": "returned", "failure_code": "returned_by_bank"},
            Returned("so_1", "returned_by_bank"),
        ),
        (PAYOUT, {"status": "returned"}, Returned("so_1", "returned")),
    ],
    ids=_name,
)
def test_every_documented_status_has_its_meaning(
    attempt: Attempt, changes: dict[str, Any], expected: Outcome
) -> None:
    body = order(attempt, **changes)

    assert sent(attempt, answer(201, body)) == expected
    assert read_back(attempt, {"data": [body]}) == expected
    assert read_back(replace(attempt, provider_id=body["id"]), body) == expected


@orders
@pytest.mark.parametrize(
    "changes",
    [
        {"status": "settling"},
        {"status": ""},
        {"status": None},
        {"status": "captured"},
        {"currency": "XXX"},
        {"currency": "eur"},
        {"amount": 250.0},
        {"amount": "250"},
        {"amount": True},
        {"amount": -250},
        {"amount": 2**63},
        {"reference": None},
        {"id": ""},
        {"id": "x 1\r\n"},
    ],
    ids=_name,
)
def test_what_is_not_documented_is_unknown(attempt: Attempt, changes: dict[str, Any]) -> None:
    assert isinstance(sent(attempt, answer(201, order(attempt, **changes))), Unknown)


def test_a_refund_does_not_return_and_a_payout_is_not_pending() -> None:
    for attempt, status in ((REFUND, "returned"), (REFUND, "paid"), (PAYOUT, "pending")):
        assert isinstance(sent(attempt, answer(201, order(attempt, status=status))), Unknown)


def test_a_refund_of_another_charge_is_unknown_whatever_became_of_it() -> None:
    for status in ("pending", "succeeded", "failed"):
        body = order(REFUND, payment="sp_2", status=status)
        assert isinstance(read_back(REFUND, {"data": [body]}), Unknown)


@orders
def test_what_only_explains_an_order_cannot_hide_that_money_moved(attempt: Attempt) -> None:
    body = order(attempt, failure_code=["odd"], created_at="", surprise={})

    assert isinstance(sent(attempt, answer(201, body)), Succeeded)


@orders
def test_somebody_elses_money_is_shown_and_somebody_elses_no_is_not_believed(
    attempt: Attempt,
) -> None:
    theirs = {"reference": "f" * 32}
    took = sent(attempt, answer(201, order(attempt, **theirs)))
    no = [
        sent(attempt, answer(201, order(attempt, status=status, **theirs)))
        for status in ("failed", "pending", "processing", "returned")
    ]

    assert isinstance(took, Succeeded)
    assert took.reference == "f" * 32
    assert all(isinstance(outcome, Unknown) for outcome in no)


@orders
@pytest.mark.parametrize("status", [200, 202, 301, 409, 500], ids=str)
def test_an_order_under_another_status_is_not_taken_for_one(attempt: Attempt, status: int) -> None:
    assert isinstance(sent(attempt, answer(status, order(attempt))), Unknown)


@orders
def test_a_no_counts_only_with_the_failed_order_in_it(attempt: Attempt) -> None:
    kind = attempt.operation.value
    code = f"{kind}_declined"
    failed = order(attempt, status="failed", failure_code="account_closed")

    outcome = sent(attempt, answer(402, error("card_error", code, **{kind: failed})))

    assert outcome == Declined("account_closed", Hardness.HARD, failed["id"])
    for about in (
        {},
        {kind: None},
        {kind: order(attempt)},
        {kind: order(attempt, status="failed", reference="f" * 32)},
        {"payment": failed},
    ):
        body = error("card_error", code, **about)
        assert isinstance(sent(attempt, answer(402, body)), Unknown)


@orders
def test_a_wrong_state_is_not_documented_for_orders(attempt: Attempt) -> None:
    body = error("invalid_request", "invalid_state")

    assert isinstance(sent(attempt, answer(409, body)), Unknown)


@orders
def test_of_several_under_one_reference_the_one_that_may_cost_money_counts(
    attempt: Attempt,
) -> None:
    waiting = "pending" if attempt is REFUND else "processing"
    no = order(attempt, id="x_no", status="failed", failure_code="account_closed")
    open_ = order(attempt, id="x_open", status=waiting)
    odd = order(attempt, id="x_odd", status="settling")
    took = order(attempt, id="x_money")

    assert read_back(attempt, {"data": [no, open_]}) == Pending("x_open")
    assert isinstance(read_back(attempt, {"data": [open_, odd, no]}), Unknown)
    found = read_back(attempt, {"data": [no, odd, open_, took]})
    assert isinstance(found, Succeeded)
    assert found.provider_id == "x_money"


def test_a_payout_that_is_out_matters_more_than_one_that_came_back() -> None:
    back = order(PAYOUT, id="so_a", status="returned")
    out = order(PAYOUT, id="so_b")

    for found in (
        read_back(PAYOUT, {"data": [back, out]}),
        read_back(PAYOUT, {"data": [out, back]}),
    ):
        assert isinstance(found, Succeeded)
        assert found.provider_id == "so_b"


@pytest.mark.parametrize(
    "body",
    [
        {"token": "tok_1", "detached": False},
        {"token": "tok_2", "detached": True},
        {"token": "tok_1"},
        {"token": "tok_1", "detached": "true"},
        b"",
        b"<html>",
    ],
    ids=_name,
)
def test_only_our_token_detached_is_detached(body: object) -> None:
    gone = {"token": "tok_1", "detached": True}

    def detach(status: int, said: object) -> Outcome:
        return told(lambda it: it.detach(a_detachment(), within()), answer(status, said))

    assert isinstance(detach(200, gone), Succeeded)
    assert isinstance(detach(200, body), Unknown)
    assert isinstance(detach(201, gone), Unknown)


def test_a_refused_detach_says_why_and_a_declined_one_is_not_documented() -> None:
    def detach(status: int, type_: str, code: str) -> Outcome:
        said = answer(status, error(type_, code), "Retry-After: 7")
        return told(lambda it: it.detach(a_detachment(), within()), said)

    refused = detach(429, "rate_limit_error", "rate_limited")
    assert isinstance(refused, NotCharged)
    assert (refused.proof, refused.retry_after_s) == (Proof.REJECTED, 7.0)
    assert isinstance(detach(402, "card_error", "insufficient_funds"), Unknown)
    assert isinstance(detach(500, "api_error", "server_error"), Unknown)


@pytest.mark.parametrize(
    ("status", "body", "answered"),
    [
        (200, {"data": []}, True),
        (401, error("authentication_error", "invalid_api_key"), True),
        (429, error("rate_limit_error", "rate_limited"), True),
        (500, error("api_error", "server_error"), True),
        (503, error("unavailable_error", "unavailable"), True),
        (200, b"<html>It works!</html>", False),
        (200, {"data": "all"}, False),
        (302, b"", False),
        (502, b"<html>bad gateway</html>", False),
        (503, b"", False),
        (500, error("invented", "server_error"), False),
    ],
    ids=_name,
)
def test_a_probe_believes_documented_answers_only(
    status: int, body: object, answered: bool
) -> None:
    assert told(lambda it: it.probe(within()), answer(status, body)) is answered
