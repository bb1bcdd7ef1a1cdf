"""What the Stripe adapter makes of errors, and of what is no answer at all."""

from __future__ import annotations

from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from tests.contract.made import within
from tests.workers.gateways.stripe_spoken import (
    OFFLINE,
    adapter_at,
    answered,
    capturing,
    confirming,
    error,
    hearing,
    intent,
    looked_up,
    making,
    page,
    paying_out,
    refunding,
    sent,
    spoken,
    voiding,
)
from tests.workers.raw_server import answering, http, serving
from workers.gateways.stripe.answers import REFUSALS

EVERY = [making(), confirming(), capturing(), refunding(), paying_out()]
every = pytest.mark.parametrize("attempt", EVERY, ids=lambda one: f"{one.operation}")

#: Documented as not executed: status, code, and whether it is the request that is wrong.
REFUSED = [
    (400, None, True),
    (400, "invalid_characters", True),
    (400, "parameter_invalid_empty", True),
    (400, "parameter_invalid_integer", True),
    (400, "parameter_invalid_string_blank", True),
    (400, "parameter_invalid_string_empty", True),
    (400, "parameter_missing", True),
    (400, "parameter_unknown", True),
    (400, "parameters_exclusive", True),
    (400, "payment_intent_invalid_parameter", True),
    (400, "amount_too_large", False),
    (400, "amount_too_small", False),
    (400, "country_unsupported", False),
    (400, "customer_max_payment_methods", False),
    (400, "instant_payouts_config_disabled", False),
    (400, "instant_payouts_currency_disabled", False),
    (400, "instant_payouts_limit_exceeded", False),
    (400, "instant_payouts_unsupported", False),
    (400, "invalid_charge_amount", False),
    (400, "invalid_charge_amount_no_decimal_compatible", False),
    (400, "livemode_mismatch", False),
    (400, "payment_intent_incompatible_payment_method", False),
    (400, "payment_method_currency_mismatch", False),
    (400, "payment_method_invalid_parameter", False),
    (400, "payment_method_unactivated", False),
    (400, "payment_method_unsupported_type", False),
    (400, "resource_missing", False),
    (400, "testmode_charges_only", False),
    (400, "url_invalid", False),
    (404, None, False),
    (404, "resource_missing", False),
    (429, "rate_limit", False),
]
#: Answers that say nothing about money.
SILENT = [
    (400, error(code="something_new")),
    (400, error("idempotency_error")),
    (409, error("idempotency_error", code="idempotency_key_in_use")),
    (409, error(code="idempotency_key_in_use")),
    (424, error("api_error")),
    (429, error(code="lock_timeout")),
    (429, error()),
    (500, error("api_error")),
    (502, error("api_error")),
    (503, error("api_error")),
    (402, error(code="card_declined")),
    (402, error("something_new", code="card_declined")),
    (401, error("something_new")),
    (200, {}),
    (200, []),
    (200, "pi_1"),
    (201, {"id": "pi_1"}),
    (202, {}),
    (302, {}),
    (400, {}),
    (400, {"error": "No."}),
    (404, {"message": "not found"}),
]


@every
@pytest.mark.parametrize(("status", "code", "wrong"), REFUSED)
def test_a_documented_refusal_is_proof(
    attempt: Attempt, status: int, code: str | None, wrong: bool
) -> None:
    outcome = answered(attempt, status, error(code=code))

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.REJECTED
    more_than_is_held = attempt.operation == "capture" and code == "amount_too_large"
    assert outcome.request_wrong is (wrong or more_than_is_held)
    assert OFFLINE.at_fault(outcome) is (status == 429)
    assert "No." not in outcome.cause


@pytest.mark.parametrize("name", ["allowed_payment_method_types", "payment_method_types"])
def test_a_method_that_the_account_has_not_may_be_tried_elsewhere(name: str) -> None:
    refusal = error(code="payment_intent_invalid_parameter", param=name)

    outcome = answered(making(), 400, refusal)

    assert isinstance(outcome, NotCharged), outcome
    assert not outcome.request_wrong
    assert not OFFLINE.at_fault(outcome)


def test_every_refusal_in_the_table_is_one_of_these() -> None:
    assert {(status, code or "") for status, code, _ in REFUSED} == REFUSALS


@every
@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_is_the_gateways_own_fault(attempt: Attempt, status: int) -> None:
    for code in (None, "api_key_expired", "anything"):
        outcome = answered(attempt, status, error(code=code))

        assert isinstance(outcome, NotCharged)
        assert outcome.proof is Proof.REJECTED
        assert OFFLINE.at_fault(outcome)
        assert not outcome.request_wrong


@every
@pytest.mark.parametrize(("status", "body"), SILENT, ids=str)
def test_everything_else_is_unknown(attempt: Attempt, status: int, body: object) -> None:
    assert isinstance(answered(attempt, status, body), Unknown)


@every
@pytest.mark.parametrize(
    "raw",
    [
        http("200 OK", b'{"id": "pi_1", "status": "succ'),
        http("200 OK", b"\xff\xfe"),
        http("200 OK", b"[" * 100_000),
        http("200 OK", b"<html>It works!</html>"),
        http("400 Bad Request", b"<html>"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_an_answer_that_cannot_be_read_is_unknown(attempt: Attempt, raw: bytes) -> None:
    assert isinstance(sent(attempt, raw), Unknown)


@every
def test_where_nobody_listens_nothing_was_sent(attempt: Attempt) -> None:
    with serving(answering()) as server:
        url = server.url
    from domain.flows.send import send

    outcome = send(adapter_at(url), attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


def test_a_wish_to_be_left_alone_is_heard() -> None:
    limited = spoken(429, error(code="rate_limit"), "Retry-After: 7")

    outcome = sent(confirming(), limited)

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == 7.0


ELSEWHERE = [
    "capture_charge_authorization_expired",
    "charge_already_captured",
    "charge_expired_for_capture",
    "payment_intent_unexpected_state",
]


@pytest.mark.parametrize("code", ELSEWHERE)
@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "succeeded"}, Succeeded),
        ({"status": "succeeded", "amount_received": 1}, Declined),
        ({"status": "canceled"}, Declined),
        ({"status": "processing"}, Pending),
        ({"status": "requires_capture"}, Unknown),
    ],
    ids=str,
)
def test_a_capture_that_came_too_late_reads_what_became_of_the_hold(
    code: str, changes: dict[str, Any], kind: type[Outcome]
) -> None:
    attempt = capturing()
    shown = intent(attempt, changes["status"], metadata={}) | changes

    outcome = sent(attempt, spoken(400, error(code=code)), spoken(200, shown))

    assert isinstance(outcome, kind), outcome


def test_an_issuers_no_to_a_capture_must_be_read() -> None:
    assert isinstance(
        answered(capturing(), 402, error("card_error", code="card_declined")), Unknown
    )


def test_a_look_up_that_fails_says_nothing() -> None:
    everything = [*EVERY, voiding()]
    for status, body in (*SILENT, (404, error(code="resource_missing")), (401, error())):
        for attempt in everything:
            if (
                attempt.operation == "charge"
                and attempt.provider_id is None
                and status in (400, 404)
            ):
                continue  # a search that is not there says as little as one that finds nothing
            assert isinstance(looked_up(attempt, spoken(status, body)), Unknown), (attempt, status)


@pytest.mark.parametrize(
    ("answer", "at_home"),
    [
        (spoken(200, page()), True),
        (spoken(401, error()), True),
        (spoken(429, error(code="rate_limit")), True),
        (spoken(400, error("card_error")), True),
        (spoken(400, error("idempotency_error")), True),
        (spoken(400, error("api_error")), True),
        (spoken(500, error("api_error")), False),
        (spoken(200, {"hello": "world"}), False),
        (spoken(404, {"error": {"type": "mystery"}}), False),
        (http("200 OK", b"It works!"), False),
        (b"", False),
    ],
    ids=lambda one: repr(one)[:40],
)
def test_a_probe_says_whether_the_provider_is_at_home(answer: bytes, at_home: bool) -> None:
    assert hearing(lambda s: s.probe(within(2.0)), answer, answer)[0] is at_home


def test_a_secret_is_in_no_outcome_and_no_name() -> None:
    attempt = confirming()
    echoing = error(message="Invalid API Key provided: sk_test_1", code="sk_test_1" * 9)

    found: list[Lookup] = [
        answered(attempt, 401, echoing),
        answered(attempt, 400, echoing),
        looked_up(attempt, spoken(400, echoing)),
    ]

    assert "sk_test" not in repr(found)
    assert "sk_test" not in repr(adapter_at("http://127.0.0.1:9").declaration)
