"""Every documented refusal of PayPal through the tables, and what is not in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Proof,
    Unknown,
)
from tests.workers.gateways.paypal_spoken import (
    OFFLINE,
    problem,
)
from workers.gateways.paypal.answers import Read, refused
from workers.gateways.wire import Answer

E422 = "UNPROCESSABLE_ENTITY"


def said(status: int, body: Any) -> object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refused(Answer(status, {}, raw))


SOFT = [
    "INSTRUMENT_DECLINED",
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
    "PAYMENT_SOURCE_CANNOT_BE_USED",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "PAYER_CANNOT_PAY",
    "TRANSACTION_LIMIT_EXCEEDED",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
    "DOMESTIC_TRANSACTION_REQUIRED",
    "REFUND_FAILED_INSUFFICIENT_FUNDS",
    "PENDING_CAPTURE",
]
HARD = [
    "TRANSACTION_REFUSED",
    "COMPLIANCE_VIOLATION",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED",
    "PAYEE_BLOCKED_TRANSACTION",
    "TRANSACTION_BLOCKED_BY_PAYEE",
    "REFUND_NOT_ALLOWED",
    "REFUND_TIME_LIMIT_EXCEEDED",
    "REFUND_AMOUNT_TOO_LOW",
    "PARTIAL_REFUND_NOT_ALLOWED",
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
    "TRANSACTION_DISPUTED",
    "REFUND_IS_RESTRICTED",
]
READ = [
    "ORDER_ALREADY_CAPTURED",
    "ORDER_ALREADY_AUTHORIZED",
    "ORDER_COMPLETED_OR_VOIDED",
    "ORDER_NOT_APPROVED",
    "ACTION_DOES_NOT_MATCH_INTENT",
    "PAYER_ACTION_REQUIRED",
    "DUPLICATE_INVOICE_ID",
    "AUTHORIZATION_ALREADY_CAPTURED",
    "AUTHORIZATION_VOIDED",
    "AUTHORIZATION_EXPIRED",
    "AUTHORIZATION_DENIED",
    "MAX_CAPTURE_COUNT_EXCEEDED",
    "PREVIOUSLY_CAPTURED",
    "PREVIOUSLY_VOIDED",
]


@pytest.mark.parametrize(
    ("issue", "hardness"),
    [(issue, Hardness.SOFT) for issue in SOFT] + [(issue, Hardness.HARD) for issue in HARD],
)
def test_a_no_to_the_money_is_a_decline(issue: str, hardness: Hardness) -> None:
    assert said(422, problem(E422, issue)) == Declined(issue, hardness)


@pytest.mark.parametrize("issue", READ)
def test_an_object_that_is_not_what_it_was_taken_for_is_read(issue: str) -> None:
    assert isinstance(said(422, problem(E422, issue)), Read)


@pytest.mark.parametrize(
    ("status", "name", "issue"),
    [
        *[
            (400, "INVALID_REQUEST", issue)
            for issue in [
                "INVALID_PARAMETER_SYNTAX",
                "INVALID_PARAMETER_VALUE",
                "INVALID_STRING_LENGTH",
                "INVALID_STRING_MAX_LENGTH",
                "MISSING_REQUIRED_PARAMETER",
                "MALFORMED_REQUEST_JSON",
                "INVALID_ARRAY_MAX_ITEMS",
                "INVALID_ARRAY_MIN_ITEMS",
                "NOT_SUPPORTED",
            ]
        ],
        *[
            (422, E422, issue)
            for issue in [
                "AMOUNT_MISMATCH",
                "CANNOT_BE_NEGATIVE",
                "CANNOT_BE_ZERO_OR_NEGATIVE",
                "DECIMAL_PRECISION",
                "DECIMALS_NOT_SUPPORTED",
                "MAX_VALUE_EXCEEDED",
                "AUTH_CAPTURE_CURRENCY_MISMATCH",
                "MAX_CAPTURE_AMOUNT_EXCEEDED",
                "CURRENCY_MISMATCH",
                "REFUND_CAPTURE_CURRENCY_MISMATCH",
                "REFUND_AMOUNT_EXCEEDED",
                "CAPTURE_FULLY_REFUNDED",
            ]
        ],
        (400, "VALIDATION_ERROR", "Receiver is invalid or does not match with type"),
    ],
)
def test_a_wrong_request_was_never_executed_and_is_nobodys_fault_but_ours(
    status: int, name: str, issue: str
) -> None:
    outcome = said(status, problem(name, issue))

    assert isinstance(outcome, NotCharged)
    assert (outcome.proof, outcome.request_wrong) == (Proof.REJECTED, True)
    assert not OFFLINE.at_fault(outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "invalid_client", "error_description": "no"}),
        (401, {"error": "invalid_token", "error_description": "no"}),
        (401, problem("AUTHENTICATION_FAILURE")),
        (401, problem("AUTHENTICATION_FAILURE", "INVALID_ACCOUNT_STATUS")),
        (403, problem("NOT_AUTHORIZED")),
        (403, problem("NOT_AUTHORIZED", "PERMISSION_DENIED")),
        (403, problem("NOT_AUTHORIZED", "PAYEE_ACCOUNT_NOT_VERIFIED")),
        (403, problem("AUTHORIZATION_ERROR")),
        (403, problem("SENDER_RESTRICTED")),
        (403, problem("SENDER_EMAIL_UNCONFIRMED")),
        (422, problem(E422, "AUTH_CAPTURE_NOT_ENABLED")),
        (422, problem(E422, "PAYEE_ACCOUNT_INVALID")),
        (422, problem(E422, "PAYEE_ACCOUNT_LOCKED_OR_CLOSED")),
        (422, problem(E422, "PAYEE_ACCOUNT_RESTRICTED")),
        (429, problem("RATE_LIMIT_REACHED")),
    ],
)
def test_a_refusal_of_the_account_is_the_gateways_fault(status: int, body: Any) -> None:
    outcome = said(status, body)

    assert isinstance(outcome, NotCharged)
    assert (outcome.proof, outcome.request_wrong) == (Proof.REJECTED, False)
    assert OFFLINE.at_fault(outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, problem("RESOURCE_NOT_FOUND")),
        (404, problem("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")),
        (404, problem("INVALID_RESOURCE_ID")),
        (422, problem(E422, "INVALID_CURRENCY_CODE")),
    ],
)
def test_another_gateway_may_do_what_was_refused_here(status: int, body: Any) -> None:
    outcome = said(status, body)

    assert isinstance(outcome, NotCharged)
    assert (outcome.proof, outcome.request_wrong) == (Proof.REJECTED, False)
    assert not OFFLINE.at_fault(outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, problem(E422, "INVENTED_YESTERDAY")),
        (422, problem(E422)),
        (422, problem("INVENTED", "INSTRUMENT_DECLINED_TODAY")),
        (400, problem(E422, "DECIMAL_PRECISION")),
        (400, problem("INVALID_REQUEST", "INVENTED_YESTERDAY")),
        (409, problem("RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS")),
        (500, problem("INTERNAL_SERVER_ERROR")),
        (503, problem("SERVICE_UNAVAILABLE")),
        (502, problem(E422, "TRANSACTION_REFUSED")),
        (500, problem("INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX")),
        (429, problem("INVENTED")),
        (422, {"name": E422, "details": "none"}),
        (422, {"details": [{"issue": "TRANSACTION_REFUSED"}]}),
        (422, b"<html>"),
        (403, b""),
    ],
)
def test_what_is_not_in_the_tables_is_unknown(status: int, body: Any) -> None:
    assert isinstance(said(status, body), Unknown)


def test_one_issue_that_nobody_knows_makes_the_others_doubtful() -> None:
    both = problem(E422, "TRANSACTION_REFUSED", "INVENTED_YESTERDAY")

    assert isinstance(said(422, both), Unknown)
    assert said(422, problem(E422, "TRANSACTION_REFUSED", "PAYER_CANNOT_PAY")) == Declined(
        "TRANSACTION_REFUSED", Hardness.HARD
    )


def test_a_refusal_names_the_issue_first_and_what_paypals_people_ask_for() -> None:
    outcome = said(422, problem(E422, "PAYEE_ACCOUNT_RESTRICTED"))

    assert isinstance(outcome, NotCharged)
    assert outcome.cause == (
        "PAYEE_ACCOUNT_RESTRICTED (422 UNPROCESSABLE_ENTITY, debug id f0a1b2c3d4e5f)"
    )


def test_a_wait_that_is_asked_for_is_told() -> None:
    raw = json.dumps(problem("RATE_LIMIT_REACHED")).encode()

    outcome = refused(Answer(429, {"retry-after": "7"}, raw))

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == 7.0
