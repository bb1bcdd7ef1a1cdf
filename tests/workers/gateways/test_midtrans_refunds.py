"""The Midtrans adapter gives money back, and finds its own refund in the transaction's list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt, Operation
from domain.outcome import Declined, Hardness, NotFound, Outcome, Pending, Succeeded, Unknown
from tests.contract.made import within
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    a_return,
    answer,
    asked,
    code,
    idr,
    read_back,
    refunds,
    sent,
    shown,
)
from workers.gateways import DOUBLES


def given_back(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """The answer to a refund."""
    return {
        "status_code": "200",
        "status_message": "Success, refund request is approved",
        "transaction_id": CHARGE,
        "order_id": "f" * 32,
        "gross_amount": "145000.00",
        "currency": "IDR",
        "transaction_status": "partial_refund",
        "refund_chargeback_id": 1000,
        "refund_amount": f"{attempt.money.minor // 100}.00",
        "refund_key": attempt.reference,
    } | changes


def listed(attempt: Attempt, *given: tuple[str, int], status: str = "partial_refund") -> bytes:
    body = shown(attempt, transaction_status=status, gross_amount="145000.00")
    return answer(200, body | {"refunds": refunds(*given)})


def done(attempt: Attempt) -> Outcome:
    return Succeeded("1000", attempt.money, reference=attempt.reference)


def test_a_refund_that_was_accepted_has_happened() -> None:
    attempt = a_return(5000)

    assert sent(attempt, answer(200, given_back(attempt))) == done(attempt)


def test_a_refund_is_found_by_its_own_name() -> None:
    attempt = a_return(5000)
    mine, other = (attempt.reference, 5000), ("e" * 32, 5000)

    assert read_back(attempt, listed(attempt, mine)) == done(attempt)
    assert read_back(attempt, listed(attempt, other)) == NotFound()
    assert read_back(attempt, listed(attempt, status="settlement")) == NotFound()
    both = read_back(attempt, listed(attempt, other, mine))
    assert both == Succeeded("1001", idr(5000), reference=attempt.reference)


def test_a_refund_that_was_named_and_is_not_listed_is_a_riddle() -> None:
    attempt = replace(a_return(5000), provider_id="1000")

    assert isinstance(read_back(attempt, listed(attempt, ("e" * 32, 5000))), Unknown)
    assert read_back(attempt, listed(attempt, (attempt.reference, 5000))) == done(attempt)


def test_a_refund_of_another_amount_is_told_as_it_is() -> None:
    attempt = a_return(5000)

    found = read_back(attempt, listed(attempt, (attempt.reference, 5001)))

    assert found == Succeeded("1000", idr(5001), reference=attempt.reference)


def test_an_answer_that_tells_the_sum_of_all_refunds_is_read_back() -> None:
    attempt = a_return(5000)
    sums = answer(200, given_back(attempt, refund_amount="9000.00"))

    both = listed(attempt, (attempt.reference, 5000), ("e" * 32, 4000))
    assert sent(attempt, sums, both) == done(attempt)
    assert isinstance(sent(attempt, sums, listed(attempt, ("e" * 32, 4000))), Unknown)
    assert isinstance(sent(attempt, sums, code("500", 500)), Unknown)


@pytest.mark.parametrize(
    "changes",
    [{"refund_key": "e" * 32}, {"refund_key": None}, {"refund_amount": None}],
    ids=str,
)
def test_an_answer_that_names_another_refund_is_read_back(changes: dict[str, Any]) -> None:
    attempt = a_return(5000)
    odd = answer(200, given_back(attempt, **changes))

    assert sent(attempt, odd, listed(attempt, (attempt.reference, 5000))) == done(attempt)


def test_a_refund_key_that_was_used_is_read_back() -> None:
    attempt = a_return(5000)
    mine = listed(attempt, (attempt.reference, 5000))

    assert sent(attempt, code("406"), mine) == done(attempt)
    assert isinstance(sent(attempt, code("406"), listed(attempt)), Unknown)


def test_a_bank_that_says_no_to_a_refund_may_say_yes_another_time() -> None:
    attempt = a_return(5000)
    said = {"status_code": "202", "transaction_status": "settlement", "refund_key": None}

    outcome = sent(attempt, answer(200, given_back(attempt, **said)))

    assert outcome == Declined("refund_denied", Hardness.SOFT)


def test_a_202_of_http_is_a_request_under_way_and_no_denial() -> None:
    attempt = a_return(5000)
    said = given_back(attempt, status_code="202", transaction_status="settlement")

    assert isinstance(sent(attempt, answer(202, said)), Unknown)
    refunded = given_back(attempt, status_code="202", transaction_status="refund")
    assert isinstance(sent(attempt, answer(200, refunded)), Unknown)


@pytest.mark.parametrize(
    ("status", "fraud", "expected"),
    [
        ("capture", "accept", Declined("not_settled", Hardness.SOFT)),
        ("capture", "challenge", Declined("not_settled", Hardness.SOFT)),
        ("refund", "accept", Declined("not_refundable", Hardness.HARD)),
        ("settlement", "accept", Declined("not_refundable", Hardness.HARD)),
        ("chargeback", "accept", Declined("not_refundable", Hardness.HARD)),
        ("cancel", "accept", Declined("not_refundable", Hardness.HARD)),
    ],
)
def test_why_midtrans_refuses_a_refund_is_read(status: str, fraud: str, expected: object) -> None:
    attempt = a_return(5000)
    stands = answer(200, shown(attempt, transaction_status=status, fraud_status=fraud))

    assert sent(attempt, code("412"), stands) == expected


def test_a_refund_that_was_refused_because_it_had_happened_has_happened() -> None:
    attempt = a_return(5000)
    mine = listed(attempt, (attempt.reference, 5000), status="refund")

    assert sent(attempt, code("412"), mine) == done(attempt)
    assert isinstance(sent(attempt, code("412"), code("500", 500)), Unknown)
    assert isinstance(sent(attempt, code("412"), listed(attempt, status="odd")), Unknown)


def test_a_refund_can_wait_for_the_bank() -> None:
    attempt = a_return(5000)
    waits = {"refunds_need_bank": True}
    confirmed = {"bank_confirmed_at": "2026-12-01 09:00:00"}

    assert sent(attempt, answer(200, given_back(attempt)), **waits) == Pending("1000")
    body = answer(200, given_back(attempt, **confirmed))
    assert sent(attempt, body, **waits) == done(attempt)
    shown_ = shown(attempt, transaction_status="refund")
    unconfirmed = shown_ | {"refunds": refunds((attempt.reference, 5000))}
    assert read_back(attempt, unconfirmed, **waits) == Pending("1000")
    sure = shown_ | {"refunds": refunds((attempt.reference, 5000), **confirmed)}
    assert read_back(attempt, sure, **waits) == done(attempt)


@pytest.mark.parametrize(
    ("online", "path"), [(False, "/refund"), (True, "/refund/online/direct")], ids=str
)
def test_the_way_of_a_refund_is_agreed_on(online: bool, path: str) -> None:
    attempt = a_return(5000)

    _, server = asked(
        lambda a: a.refund(attempt, within()),
        answer(200, given_back(attempt)),
        refunds_online=online,
    )

    assert server.requests[0].startswith(f"POST /v2/{CHARGE}{path} ".encode())


def test_two_refunds_of_one_name_are_told_to_people() -> None:
    attempt = a_return(5000)
    alarms: list[tuple[str, str]] = []
    mine = (attempt.reference, 5000)

    found = read_back(
        attempt, listed(attempt, mine, mine), alarm=lambda what, ref: alarms.append((what, ref))
    )

    assert found == done(attempt)
    assert alarms == [(DOUBLES[Operation.REFUND], attempt.reference)]


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_id": "another"},
        {"transaction_id": None},
        {"refund_amount": "many"},
        {"transaction_status": None},
    ],
    ids=str,
)
def test_what_is_no_answer_to_our_refund_is_unknown(changes: dict[str, Any]) -> None:
    attempt = a_return(5000)

    assert isinstance(sent(attempt, answer(200, given_back(attempt, **changes))), Unknown)


def test_a_refund_of_another_transaction_is_unknown() -> None:
    attempt = a_return(5000)
    other = shown(attempt, transaction_id="another", refunds=refunds((attempt.reference, 5000)))

    assert isinstance(read_back(attempt, other), Unknown)
    assert isinstance(read_back(attempt, code("404")), Unknown)
