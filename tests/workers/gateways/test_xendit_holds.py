"""What Xendit says of a capture, and of a void."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.xendit_spoken import (
    CHARGE,
    OFFLINE,
    answer,
    capturing,
    error,
    read_back,
    sent,
    shown_payment,
    shown_request,
    told,
    voiding,
)

RUPIAH = money(1_250_000, "IDR")
Held = Callable[[], Attempt]


@pytest.mark.parametrize(
    ("request_", "payment", "capture", "void"),
    [
        (
            "SUCCEEDED",
            "SUCCEEDED",
            Succeeded(CHARGE, RUPIAH),
            Declined("already_captured", Hardness.HARD, CHARGE),
        ),
        ("AUTHORIZED", "AUTHORIZED", NotFound(), NotFound()),
        ("AUTHORIZED", "PENDING", Pending(CHARGE), NotFound()),
        (
            "CANCELED",
            "CANCELED",
            Declined("hold_released", Hardness.HARD, CHARGE),
            Succeeded(CHARGE, RUPIAH),
        ),
        (
            "AUTHORIZED",
            "EXPIRED",
            Declined("hold_released", Hardness.HARD, CHARGE),
            Succeeded(CHARGE, RUPIAH),
        ),
        (
            "FAILED",
            "FAILED",
            Declined("EXPIRED_CARD", Hardness.HARD, CHARGE),
            Succeeded(CHARGE, RUPIAH),
        ),
    ],
)
def test_a_capture_and_a_void_are_read_at_the_charge(
    request_: str, payment: str, capture: Lookup, void: Lookup
) -> None:
    asked = {"status": request_, "failure_code": "EXPIRED_CARD"}
    shown = shown_payment(status=payment)

    collecting, letting_go = capturing(), voiding()
    assert read_back(collecting, shown_request(collecting, **asked), shown) == capture
    assert read_back(letting_go, shown_request(letting_go, **asked), shown) == void


def test_what_was_never_held_or_is_in_doubt_says_nothing_of_a_capture() -> None:
    capture, void = capturing(), voiding()
    waits = shown_request(capture, status="REQUIRES_ACTION", latest_payment_id=None)
    doubted = shown_request(capture, status="FAILED", failure_code="TIMEOUT_ERROR")
    failed = shown_payment(status="FAILED", captures=None)

    assert isinstance(read_back(capture, waits), Unknown)
    assert isinstance(read_back(capture, doubted, failed), Unknown)
    assert isinstance(read_back(void, doubted, failed), Unknown)


def test_other_money_than_we_wanted_was_captured_otherwise() -> None:
    capture = capturing(1_000_000)
    other = shown_payment(captures=[{"capture_amount": 9999}])

    found = read_back(capture, shown_request(capture), other)

    assert found == Declined("captured_otherwise", Hardness.HARD, CHARGE)


@pytest.mark.parametrize(
    ("payment", "outcome"),
    [
        ({}, Succeeded(CHARGE, RUPIAH)),
        ({"captures": [{"capture_amount": 9999}]}, Succeeded(CHARGE, money(999_900, "IDR"))),
        ({"status": "PENDING", "captures": None}, Pending(CHARGE)),
    ],
    ids=["as asked", "other money", "later"],
)
def test_the_answer_to_a_capture_is_told_as_it_is(payment: dict[str, Any], outcome: Lookup) -> None:
    assert _captured(answer(200, shown_payment(**payment))) == outcome


@pytest.mark.parametrize(
    "payment",
    [
        {"status": "AUTHORIZED"},
        {"status": "FAILED"},
        {"payment_request_id": "pr-2"},
        {"captures": [{"capture_amount": 0.001}]},
    ],
    ids=str,
)
def test_an_answer_to_a_capture_that_does_not_fit_is_unknown(payment: dict[str, Any]) -> None:
    assert isinstance(_captured(answer(200, shown_payment(**payment))), Unknown)


def test_a_capture_in_the_wrong_state_is_judged_by_what_is_read() -> None:
    capture = capturing()
    collected = (answer(200, shown_request(capture)), answer(200, shown_payment()))

    for code in ("INELIGIBLE_TRANSACTION_STATUS", "INACTIVE_PAYMENT_REQUEST"):
        assert _captured(error(400, code), *collected) == Succeeded(CHARGE, RUPIAH)
    held = answer(200, shown_request(capture, status="AUTHORIZED"))
    stands = answer(200, shown_payment(status="AUTHORIZED"))
    outcome = _captured(error(400, "INELIGIBLE_TRANSACTION_STATUS"), held, stands)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("made", [capturing, voiding], ids=["capture", "void"])
def test_a_charge_that_cannot_be_read_first_was_not_changed(made: Held) -> None:
    outcome = sent(made(), error(500, "SERVER_ERROR"))
    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert not OFFLINE.at_fault(outcome)

    outcome = sent(made(), error(401, "INVALID_API_KEY"))
    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert OFFLINE.at_fault(outcome)

    attempt = made()
    outcome = sent(attempt, answer(200, shown_request(attempt, latest_payment_id=None)))
    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


def test_a_void_that_changed_nothing_says_why_it_was_refused() -> None:
    void = voiding()
    held = (
        answer(200, shown_request(void, status="AUTHORIZED")),
        answer(200, shown_payment(status="AUTHORIZED", captures=None)),
    )

    outcome = sent(void, *held, error(429, "RATE_LIMIT_EXCEEDED"), *held)
    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert isinstance(sent(void, *held, error(500, "SERVER_ERROR"), *held), Unknown)
    assert isinstance(sent(void, *held, error(404, "DATA_NOT_FOUND"), answer(500, b"")), NotCharged)


def test_a_charge_whose_payment_cannot_be_read_is_unknown() -> None:
    capture = capturing()
    shown = answer(200, shown_request(capture))

    for reply in (error(404, "DATA_NOT_FOUND"), answer(200, b"{}"), answer(200, b"<html>")):
        found = told(lambda adapter: adapter.lookup(capture, within()), shown, reply)
        assert isinstance(found, Unknown)
    contradicts = shown_request(capture, status="SUCCEEDED")
    assert isinstance(read_back(capture, contradicts, shown_payment(status="FAILED")), Unknown)
    void = voiding()
    contradicts = shown_request(void, status="SUCCEEDED")
    assert isinstance(read_back(void, contradicts, shown_payment(status="FAILED")), Unknown)


def _captured(*answers: bytes) -> Lookup:
    capture = capturing()
    held = shown_request(capture, status="AUTHORIZED")
    payment = shown_payment(status="AUTHORIZED", captures=None)
    return sent(capture, answer(200, held), answer(200, payment), *answers)


def test_law_1_a_hold_of_which_something_was_collected_is_not_collected_from_again() -> None:
    capture, void = capturing(1_000_000), voiding()
    partly = shown_payment(status="AUTHORIZED", captures=[{"capture_amount": 10_000}])

    for attempt in (capture, void):  # `NotFound` would have it sent once more
        held = shown_request(attempt, status="AUTHORIZED")
        assert isinstance(read_back(attempt, held, partly), Unknown)
