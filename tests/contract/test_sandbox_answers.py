"""The sandbox adapter reads answers that its simulator never gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.made import a_payment, an_attempt, money
from tests.contract.spoken import OFFLINE, charged, failed, looked_up, paid, shown

PAGE = "https://provider.example/pay/1"
EUR_1250 = money(1250)
ACTION = {"type": "redirect", "url": PAGE}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, lambda ref: Succeeded("sp_1", EUR_1250, reference=ref)),
        (
            {"status": "refunded", "amount_refunded": 1250},
            lambda ref: Succeeded("sp_1", EUR_1250, reference=ref),
        ),
        (
            {"status": "partially_refunded", "amount_refunded": 1},
            lambda ref: Succeeded("sp_1", EUR_1250, reference=ref),
        ),
        (
            {"status": "charged_back", "amount_refunded": 250, "amount_charged_back": 1000},
            lambda ref: TakenBack("sp_1", EUR_1250, money(1000), "charged_back", ref),
        ),
        (
            {"amount_captured": 700},
            lambda ref: Succeeded("sp_1", money(700), reference=ref),
        ),
        (
            {"status": "authorized", "amount_captured": 0},
            lambda ref: Succeeded("sp_1", EUR_1250, captured=False, reference=ref),
        ),
        ({"status": "processing", "amount_captured": 0}, lambda _: Pending("sp_1")),
        (
            {"status": "requires_action", "amount_captured": 0, "next_action": ACTION},
            lambda _: RequiresAction("sp_1", PAGE),
        ),
        (
            {"status": "declined", "amount_captured": 0, "decline_code": "expired_card"},
            lambda _: Declined("expired_card", Hardness.FIX_DATA, "sp_1"),
        ),
        (
            {"status": "canceled", "amount_captured": 0},
            lambda _: NotCharged(Proof.VOIDED, "read as canceled", "sp_1"),
        ),
        (
            {"status": "expired", "amount_captured": 0},
            lambda _: NotCharged(Proof.READ_BACK, "read as expired", "sp_1", lapsed=True),
        ),
    ],
    ids=lambda value: value.get("status", "captured") if isinstance(value, dict) else "",
)
def test_every_documented_status_has_its_meaning(
    changes: dict[str, Any], expected: Callable[[str], Outcome]
) -> None:
    attempt = an_attempt(OFFLINE)

    assert paid(attempt, **changes) == expected(attempt.reference)
    assert looked_up(attempt, shown(attempt, **changes)) == expected(attempt.reference)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "settling"},
        {"status": ""},
        {"status": None},
        {"status": "Captured"},
        {"currency": "XXX"},
        {"currency": "eur"},
        {"amount_captured": 1250.0},
        {"amount_captured": "1250"},
        {"amount_captured": True},
        {"amount_captured": -1250},
        {"amount_captured": None},
        {"amount": 2**63},
        {"reference": None},
        {"id": ""},
        {"id": "sp 1\r\n"},
        {"status": "requires_action"},
        {"status": "requires_action", "next_action": {"type": "redirect", "url": "javascript:1"}},
        {"status": "declined", "decline_code": "stolen_card"},  # and yet money was captured
        {"status": "canceled"},
        {"status": "expired", "amount_refunded": 1249},
        {"status": "authorized"},
        {"status": "processing"},
        {"status": "charged_back"},
        {"status": "charged_back", "amount_charged_back": 1251},
        {"amount_charged_back": None},
        {"amount_charged_back": 1251},
    ],
    ids=str,
)
def test_what_is_not_documented_or_contradicts_itself_is_unknown(changes: dict[str, Any]) -> None:
    assert isinstance(paid(an_attempt(OFFLINE), **changes), Unknown)


def test_money_that_was_taken_back_is_told_whatever_else_happened_to_it() -> None:
    attempt = an_attempt(OFFLINE)

    outcome = paid(attempt, status="partially_refunded", amount_refunded=1, amount_charged_back=2)

    taken = TakenBack("sp_1", EUR_1250, money(2), "charged_back", attempt.reference)
    assert outcome == taken


def test_what_only_explains_a_payment_cannot_hide_that_money_moved() -> None:
    attempt = an_attempt(OFFLINE)

    outcome = paid(attempt, decline_code=["odd"], next_action=7, created_at="", surprise={})

    assert isinstance(outcome, Succeeded)


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
def test_amounts_are_minor_units_of_their_currency(currency: str) -> None:
    attempt = an_attempt(OFFLINE, a_payment(1, currency))

    outcome = paid(attempt)

    assert isinstance(outcome, Succeeded)
    assert outcome.money == Money(1, CURRENCIES[currency])


def test_somebody_elses_money_is_shown_and_somebody_elses_no_is_not_believed() -> None:
    attempt = an_attempt(OFFLINE)

    took = paid(attempt, reference="f" * 32)
    no = [
        paid(attempt, reference="f" * 32, status=status, amount_captured=0)
        for status in ("declined", "canceled", "expired", "processing")
    ]

    assert isinstance(took, Succeeded)
    assert took.reference == "f" * 32
    assert all(isinstance(outcome, Unknown) for outcome in no)


@pytest.mark.parametrize(
    ("code", "hardness"),
    [
        ("insufficient_funds", Hardness.SOFT),
        ("do_not_honor", Hardness.SOFT),
        ("issuer_unavailable", Hardness.SOFT),
        ("fraudulent", Hardness.HARD),
        ("pickup_card", Hardness.HARD),
        ("token_detached", Hardness.HARD),
        ("incorrect_cvc", Hardness.FIX_DATA),
        ("invented_yesterday", Hardness.HARD),
        (None, Hardness.HARD),
    ],
)
def test_a_decline_is_as_hard_as_its_code_and_an_unlisted_one_goes_nowhere_else(
    code: str | None, hardness: Hardness
) -> None:
    attempt = an_attempt(OFFLINE)
    payment = shown(attempt, status="declined", amount_captured=0, decline_code=code)

    outcome = failed(attempt, 402, {"type": "card_error", "code": "no", "payment": payment})

    assert outcome == Declined(code or "declined", hardness, "sp_1")


@pytest.mark.parametrize(
    ("status", "type_", "code", "fault", "wrong"),
    [
        (400, "invalid_request", "invalid_request", False, True),
        (400, "invalid_request", "capture_not_supported", False, True),
        (400, "invalid_request", "capture_exceeds_authorized", False, True),
        (400, "invalid_request", "refund_exceeds_captured", False, True),
        (401, "authentication_error", "invalid_api_key", True, False),
        (404, "invalid_request", "not_found", False, False),
        (405, "invalid_request", "method_not_allowed", False, False),
        (413, "invalid_request", "body_too_large", False, True),
        (415, "invalid_request", "invalid_request", False, False),
        (429, "rate_limit_error", "rate_limited", True, False),
        (503, "unavailable_error", "unavailable", True, False),
    ],
)
def test_documented_refusals_prove_that_nothing_was_executed(
    status: int, type_: str, code: str, fault: bool, wrong: bool
) -> None:
    outcome = failed(an_attempt(OFFLINE), status, {"type": type_, "code": code})

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong is wrong
    assert OFFLINE.at_fault(outcome) is fault


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"type": "invented", "code": "x"}),
        (403, {"type": "invalid_request", "code": "x"}),
        (400, {"type": "invalid_request", "code": "invented_yesterday"}),
        (401, {"type": "authentication_error", "code": "x"}),
        (404, {"type": "invalid_request", "code": "x"}),
        (409, {"type": "invalid_request", "code": "invalid_state"}),
        (409, {"type": "idempotency_error", "code": "idempotency_in_progress"}),
        (422, {"type": "idempotency_error", "code": "idempotency_error"}),
        (402, {"type": "card_error", "code": "insufficient_funds"}),
        (429, {"type": "lock_timeout", "code": "rate_limited"}),
        (500, {"type": "api_error", "code": "server_error"}),
        (500, {"type": "unavailable_error", "code": "unavailable"}),
        (502, {"type": "unavailable_error", "code": "unavailable"}),
        (503, {"type": "api_error", "code": "x"}),
        (503, {"type": "unavailable_error"}),
        (200, {"type": "unavailable_error", "code": "unavailable"}),
    ],
    ids=str,
)
def test_an_error_that_no_table_knows_is_unknown(status: int, error: dict[str, Any]) -> None:
    assert isinstance(failed(an_attempt(OFFLINE), status, error), Unknown)


def test_a_decline_about_a_payment_that_is_not_declined_is_unknown() -> None:
    attempt = an_attempt(OFFLINE)
    error = {"type": "card_error", "code": "x", "payment": shown(attempt)}

    assert isinstance(failed(attempt, 402, error), Unknown)


@pytest.mark.parametrize("status", [200, 202, 204, 301, 429, 503], ids=str)
@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b"{}", b"[" * 100_000], ids=range(4))
def test_a_status_alone_proves_nothing(status: int, body: bytes) -> None:
    body = b"" if status == 204 else body
    assert isinstance(charged(an_attempt(OFFLINE), status, body), Unknown)


def test_a_success_under_another_status_is_not_taken_for_one() -> None:
    attempt = an_attempt(OFFLINE)
    body = json.dumps(shown(attempt)).encode()

    assert isinstance(charged(attempt, 202, body), Unknown)
    assert isinstance(charged(attempt, 503, body), Unknown)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("7", 7.0), ("999999", 3600.0), ("-1", None), ("1e9", None), ("Wed, 21 Oct", None)],
)
def test_retry_after_is_heard_in_seconds_and_bounded(said: str, heard: float | None) -> None:
    error = {"type": "rate_limit_error", "code": "rate_limited"}
    outcome = failed(an_attempt(OFFLINE), 429, error, f"Retry-After: {said}")

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == heard
