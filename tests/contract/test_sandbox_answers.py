"""The sandbox adapter reads answers that its simulator never gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.made import a_payment, an_attempt, within
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Setup
from workers.gateways.sandbox import Sandbox

REASONS = {201: "Created", 402: "Payment Required"}
PAGE = "https://provider.example/pay/1"


def adapter_at(url: str, **settings: object) -> Sandbox:
    return Sandbox(Setup(url, {"secret_key": "sk_1"}, settings, lambda what, reference: None))


#: Composes without a provider.
OFFLINE = adapter_at("http://127.0.0.1:9")


def shown(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A captured payment as the provider documents it."""
    return {
        "id": "sp_1",
        "object": "payment",
        "reference": attempt.reference,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "status": "captured",
        "amount_captured": attempt.money.minor,
        "amount_refunded": 0,
        "next_action": None,
        "decline_code": None,
        "expires_at": "2030-01-01T00:00:00Z",
        "metadata": {},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "version": 1,
    } | changes


def charged(attempt: Attempt, status: int, body: bytes, *headers: str) -> Outcome:
    """Return what a charge comes to that is answered with this."""
    answer = http(f"{status} {REASONS.get(status, 'Whatever')}", body, *headers)
    with serving(answering(answer)) as server:
        return adapter_at(server.url).charge(attempt, within())


def paid(attempt: Attempt, **changes: Any) -> Outcome:
    return charged(attempt, 201, json.dumps(shown(attempt, **changes)).encode())


def failed(attempt: Attempt, status: int, error: dict[str, Any], *headers: str) -> Outcome:
    return charged(attempt, status, json.dumps({"error": error}).encode(), *headers)


def looked_up(attempt: Attempt, *payments: dict[str, Any]) -> Lookup:
    answer = http("200 OK", json.dumps({"data": list(payments)}).encode())
    with serving(answering(answer)) as server:
        return adapter_at(server.url).lookup(attempt, within())


EUR_1250 = Money(1250, CURRENCIES["EUR"])
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
    ],
    ids=str,
)
def test_what_is_not_documented_or_contradicts_itself_is_unknown(changes: dict[str, Any]) -> None:
    assert isinstance(paid(an_attempt(OFFLINE), **changes), Unknown)


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

    money = paid(attempt, reference="f" * 32)
    no = [
        paid(attempt, reference="f" * 32, status=status, amount_captured=0)
        for status in ("declined", "canceled", "expired", "processing")
    ]

    assert isinstance(money, Succeeded)
    assert money.reference == "f" * 32
    assert all(isinstance(outcome, Unknown) for outcome in no)


@pytest.mark.parametrize(
    ("code", "hardness"),
    [
        ("insufficient_funds", Hardness.SOFT),
        ("do_not_honor", Hardness.SOFT),
        ("issuer_unavailable", Hardness.SOFT),
        ("fraudulent", Hardness.HARD),
        ("pickup_card", Hardness.HARD),
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
    ("status", "type_", "fault"),
    [
        (400, "invalid_request", False),
        (401, "authentication_error", True),
        (429, "rate_limit_error", True),
        (503, "unavailable_error", True),
    ],
)
def test_documented_refusals_prove_that_nothing_was_executed(
    status: int, type_: str, fault: bool
) -> None:
    outcome = failed(an_attempt(OFFLINE), status, {"type": type_, "code": "x"})

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert OFFLINE.at_fault(outcome) is fault


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"type": "invented", "code": "x"}),
        (403, {"type": "invalid_request", "code": "x"}),
        (404, {"type": "invalid_request", "code": "not_found"}),
        (409, {"type": "idempotency_error", "code": "idempotency_in_progress"}),
        (422, {"type": "idempotency_error", "code": "idempotency_error"}),
        (402, {"type": "card_error", "code": "insufficient_funds"}),
        (429, {"type": "lock_timeout", "code": "x"}),
        (500, {"type": "api_error", "code": "server_error"}),
        (500, {"type": "unavailable_error", "code": "x"}),
        (502, {"type": "unavailable_error", "code": "x"}),
        (503, {"type": "api_error", "code": "x"}),
        (503, {"type": "unavailable_error"}),
        (200, {"type": "unavailable_error", "code": "x"}),
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
    error = {"type": "rate_limit_error", "code": "x"}
    outcome = failed(an_attempt(OFFLINE), 429, error, f"Retry-After: {said}")

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == heard


def test_of_several_payments_under_one_reference_the_one_that_may_cost_money_counts() -> None:
    attempt = an_attempt(OFFLINE)
    no = shown(attempt, id="sp_no", status="declined", amount_captured=0)
    open_ = shown(attempt, id="sp_open", status="processing", amount_captured=0)
    odd = shown(attempt, id="sp_odd", status="settling", amount_captured=0)
    money = shown(attempt, id="sp_money")

    assert looked_up(attempt, no, open_) == Pending("sp_open")
    assert isinstance(looked_up(attempt, open_, odd, no), Unknown)
    found = looked_up(attempt, no, odd, open_, money)
    assert isinstance(found, Succeeded)
    assert found.provider_id == "sp_money"


def test_of_two_that_moved_money_the_first_one_is_ours() -> None:
    attempt = an_attempt(OFFLINE)
    first = shown(attempt, id="sp_z", created_at="2026-01-01T00:00:00Z")
    second = shown(attempt, id="sp_a", created_at="2026-01-01T00:00:01Z")

    for found in (looked_up(attempt, first, second), looked_up(attempt, second, first)):
        assert isinstance(found, Succeeded)
        assert found.provider_id == "sp_z"
