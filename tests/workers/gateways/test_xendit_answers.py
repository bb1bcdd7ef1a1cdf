"""What Xendit's errors prove, and which answers are proven to be nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Attempt, Operation
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    Succeeded,
    Unknown,
)
from domain.ports import Promise, Resolution
from tests.contract.made import a_detachment, within
from tests.workers.gateways.xendit_spoken import (
    OFFLINE,
    a_charge,
    adapter_at,
    answer,
    asked,
    error,
    paying_out,
    refunding,
    sent,
    shown_request,
    told,
)
from workers.gateways import Setup, Unusable
from workers.gateways.xendit import Xendit

#: Status and code, whether the request itself is wrong, and whether any other would have met it.
NEVER_EXECUTED = [
    (400, "API_VALIDATION_ERROR", True, False),
    (400, "INVALID_JSON_FORMAT", True, False),
    (400, "CAPTURE_AMOUNT_EXCEEDED", True, False),
    (400, "REFUND_AMOUNT_EXCEEDED", True, False),
    (400, "MAXIMUM_REFUND_AMOUNT_REACHED", True, False),
    (400, "PARTIAL_REFUND_COUNTS_EXCEEDED", True, False),
    (400, "PARTIAL_REFUND_NOT_SUPPORTED", True, False),
    (400, "REFUND_NOT_SUPPORTED", True, False),
    (403, "PARTIAL_REFUND_NOT_SUPPORTED", True, False),
    (403, "REFUND_NOT_SUPPORTED", True, False),
    (400, "INVALID_VALUE_ERROR", False, False),
    (400, "RECIPIENT_AMOUNT_ERROR", False, False),
    (400, "MAXIMUM_TRANSFER_LIMIT_ERROR", False, False),
    (400, "CHANNEL_CODE_NOT_SUPPORTED_ERROR", False, False),
    (400, "INACTIVE_PAYMENT_REQUEST", False, False),
    (400, "INELIGIBLE_TRANSACTION_STATUS", False, False),
    (400, "INELIGIBLE_TRANSACTION", False, False),
    (400, "TRANSACTION_NOT_FOUND", False, False),
    (400, "REFUND_IN_PROGRESS", False, False),
    (400, "INSUFFICIENT_BALANCE", False, False),
    (403, "SKIP_3DS_FORBIDDEN", False, False),
    (403, "INVALID_MERCHANT_SETTINGS", False, False),
    (403, "CHANNEL_NOT_ACTIVATED", False, False),
    (404, "DATA_NOT_FOUND", False, False),
    (400, "TEMPORARILY_UNAVAILABLE", False, True),
    (400, "PAYMENT_REQUEST_RATE_LIMITED", False, True),
    (401, "INVALID_API_KEY", False, True),
    (401, "INVALID_MERCHANT_CREDENTIALS", False, True),
    (403, "REQUEST_FORBIDDEN_ERROR", False, True),
    (403, "UNAUTHORIZED", False, True),
    (429, "RATE_LIMIT_EXCEEDED", False, True),
    (503, "CHANNEL_UNAVAILABLE", False, True),
    (503, "ISSUER_UNAVAILABLE", False, True),
]
NOES = [
    (400, "CARD_EXPIRED", Hardness.HARD),
    (400, "INVALID_TOKEN", Hardness.HARD),
    (400, "BLOCKED_TOKEN", Hardness.HARD),
    (400, "INVALID_PAYMENT_DETAILS", Hardness.FIX_DATA),
    (400, "RECIPIENT_ACCOUNT_NUMBER_ERROR", Hardness.FIX_DATA),
]
UNCERTAIN = [
    (500, "SERVER_ERROR"),
    (409, "DUPLICATE_ERROR"),
    (409, "IDEMPOTENCY_ERROR"),
    (500, "API_VALIDATION_ERROR"),
    (503, "SERVER_ERROR"),
    (502, "CHANNEL_UNAVAILABLE"),
    (400, "RATE_LIMIT_EXCEEDED"),
    (400, "SOMETHING_NEW"),
    (400, ""),
    (202, "API_VALIDATION_ERROR"),
    (302, "API_VALIDATION_ERROR"),
]
EVERY_ORDER = pytest.mark.parametrize(
    "made", [a_charge, refunding, paying_out], ids=["charge", "refund", "payout"]
)


@pytest.mark.parametrize(("status", "code", "wrong", "gateway"), NEVER_EXECUTED)
def test_a_documented_refusal_is_proof(status: int, code: str, wrong: bool, gateway: bool) -> None:
    outcome = sent(a_charge(), error(status, code))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong is wrong
    assert OFFLINE.at_fault(outcome) is gateway


@pytest.mark.parametrize(("status", "code", "hardness"), NOES)
def test_a_refusal_of_the_payers_means_is_a_no(status: int, code: str, hardness: Hardness) -> None:
    assert sent(a_charge(), error(status, code)) == Declined(code, hardness)


@EVERY_ORDER
@pytest.mark.parametrize(("status", "code"), UNCERTAIN)
def test_any_other_error_is_unknown(made: Callable[[], Attempt], status: int, code: str) -> None:
    assert isinstance(sent(made(), error(status, code)), Unknown)


@EVERY_ORDER
@pytest.mark.parametrize("status", [200, 201, 202, 204, 302, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"<html>Unauthorized</html>", b'{"error_code": 1}', b"\xff"],
    ids=repr,
)
def test_a_body_that_is_not_xendits_says_nothing(
    made: Callable[[], Attempt], status: int, body: bytes
) -> None:
    assert isinstance(sent(made(), answer(status, body)), Unknown)


@pytest.mark.parametrize(
    ("headers", "patience_s"),
    [
        (["Rate-Limit-Reset: 58.37"], 58.37),
        (["Rate-Limit-Reset: 3"], 3.0),
        (["Rate-Limit-Reset: 99999"], 3600.0),
        (["Rate-Limit-Reset: soon", "Retry-After: 7"], 7.0),
        (["Rate-Limit-Reset: 1.2.3"], None),
        (["Rate-Limit-Reset: -1"], None),
        (["Rate-Limit-Reset: nan"], None),
        (["Rate-Limit-Reset: ."], None),
        ([], None),
    ],
    ids=str,
)
def test_the_limits_own_clock_says_when_to_come_back(
    headers: list[str], patience_s: float | None
) -> None:
    outcome = sent(a_charge(), error(429, "RATE_LIMIT_EXCEEDED", *headers))

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == patience_s


def test_a_refusal_that_never_left_is_not_the_gateways_fault() -> None:
    outcome = OFFLINE.charge(a_charge(), within(send_s=0.0))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert not OFFLINE.at_fault(outcome)


def test_without_a_list_a_lost_charge_is_not_found_and_nobody_is_asked() -> None:
    assert OFFLINE.lookup(a_charge(), within()) == NotFound()
    assert isinstance(OFFLINE.cancel(a_charge(), within()), Unknown)


def test_a_request_that_is_there_already_is_unknown() -> None:
    assert isinstance(sent(a_charge(), error(409, "DUPLICATE_ERROR")), Unknown)


def canceled(status: str = "CANCELED", token: str = "pt-1") -> bytes:
    return answer(200, {"payment_token_id": token, "status": status})


@pytest.mark.parametrize(
    ("answers", "done"),
    [
        ((canceled(),), True),
        ((canceled("ACTIVE"),), False),
        ((canceled(token="pt-2"),), False),
        ((error(400, "INVALID_TOKEN"), canceled()), True),
        ((error(400, "INVALID_TOKEN"), canceled("EXPIRED")), True),
        ((error(400, "INVALID_TOKEN"), canceled("FAILED")), True),
        ((error(400, "INVALID_TOKEN"), canceled("ACTIVE")), False),
        ((error(400, "INVALID_TOKEN"), error(404, "DATA_NOT_FOUND")), False),
        ((error(404, "DATA_NOT_FOUND"),), False),
        ((error(500, "SERVER_ERROR"),), False),
    ],
)
def test_a_token_is_forgotten_once_xendit_says_so(answers: tuple[bytes, ...], done: bool) -> None:
    outcome = told(lambda adapter: adapter.detach(a_detachment("pt-1"), within()), *answers)

    assert isinstance(outcome, Succeeded) is done
    assert "pt-1" not in repr(outcome)


@pytest.mark.parametrize(
    ("reply", "alive"),
    [
        (error(404, "DATA_NOT_FOUND"), True),
        (error(401, "INVALID_API_KEY"), True),
        (error(500, "SERVER_ERROR"), True),
        (error(404, "SOMETHING_NEW"), False),
        (answer(200, b"<html>"), False),
        (answer(404, b"<html>"), False),
        (answer(200, {"payment_request_id": "pr-0"}), True),
    ],
)
def test_a_probe_knows_xendit_by_its_errors(reply: bytes, alive: bool) -> None:
    assert told(lambda adapter: adapter.probe(within()), reply) is alive


@pytest.mark.parametrize(
    ("credentials", "settings"),
    [
        ({}, {}),
        ({"secret_key": ""}, {}),
        ({"secret_key": "x"}, {"country": "Indonesia"}),
        ({"secret_key": "x"}, {"country": "id"}),
        ({"secret_key": "x"}, {"country": 62}),
        ({"secret_key": "x"}, {"skip_three_ds": "yes"}),
        ({"secret_key": "x"}, {"list_by_reference": 1}),
        ({"secret_key": "x"}, {"disputes": None}),
        ({"secret_key": "x"}, {"return_url": "http://shop.example"}),
        ({"secret_key": "x"}, {"return_url": "https://shop.example/" + "d" * 250}),
        ({"secret_key": "x"}, {"instructions_url": "shop.example"}),
        ({"secret_key": "x"}, {"api_version": "3"}),
        ({"secret_key": "x"}, {"refund_key_window_s": -1}),
        ({"secret_key": "x"}, {"payout_key_window_s": "day"}),
        ({"secret_key": "x"}, {"doubt_s": True}),
        ({"secret_key": "x"}, {"ca_file": 1}),
    ],
    ids=str,
)
def test_a_gateway_that_is_configured_wrongly_is_not_built(
    credentials: dict[str, str], settings: dict[str, Any]
) -> None:
    with pytest.raises(Unusable) as refused:
        Xendit(Setup("http://127.0.0.1:9", credentials, settings, lambda what, reference: None))

    assert str(refused.value)


def test_what_an_operator_sets_is_declared() -> None:
    adapter = adapter_at("http://127.0.0.1:9", refund_key_window_s=60, payout_key_window_s=7)

    once = Promise(timedelta(days=7), authoritative=True)
    assert adapter.declaration.promises == {
        Operation.CHARGE: Promise(timedelta(0), Resolution.LOOKUP_ONLY),
        Operation.CAPTURE: once,
        Operation.VOID: once,
        Operation.REFUND: Promise(timedelta(seconds=60)),
        Operation.PAYOUT: Promise(timedelta(seconds=7)),
    }


def test_an_older_version_of_the_api_can_be_asked_for() -> None:
    charge = a_charge()
    pending = answer(201, shown_request(charge, status="PENDING"))

    (request,) = asked(
        lambda adapter: adapter.charge(charge, within()), pending, api_version="2023-01-01"
    )
    assert b"api-version: 2023-01-01\r\n" in request


def test_a_pending_charge_is_pending() -> None:
    charge = a_charge()
    shown = shown_request(charge, status="PENDING", latest_payment_id=None)

    assert sent(charge, answer(200, shown)) == Pending("pr-1")
