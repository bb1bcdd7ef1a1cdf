"""What Xendit's payment requests and payments say of a charge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.evidence import is_ours
from domain.outcome import Declined, Hardness, Lookup, NotCharged, Succeeded, Unknown
from tests.contract.made import money, within
from tests.workers.gateways.xendit_spoken import (
    CHARGE,
    a_charge,
    answer,
    error,
    looked_up,
    read_back,
    sent,
    shown_payment,
    shown_request,
    told,
)

RUPIAH = money(1_250_000, "IDR")
PAGE = [{"type": "REDIRECT_CUSTOMER", "descriptor": "WEB_URL", "value": "https://bank.example/3"}]


def named(found: Lookup) -> str:
    """The class of an outcome, and what of it matters for money."""
    match found:
        case Succeeded(captured=captured):
            return "captured" if captured else "held"
        case NotCharged(proof=proof, lapsed=lapsed):
            return "expired" if lapsed else proof.value
        case _:
            return type(found).__name__


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("SUCCEEDED", "captured"),
        ("AUTHORIZED", "held"),
        ("AWAITING_CAPTURE", "held"),
        ("REQUIRES_ACTION", "RequiresAction"),
        ("ACCEPTING_PAYMENTS", "RequiresAction"),
        ("PENDING", "Pending"),
        ("FAILED", "Declined"),
        ("CANCELED", "voided"),
        ("VOIDED", "voided"),
        ("EXPIRED", "expired"),
        ("UNKNOWN", "Unknown"),
        ("succeeded", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_a_request_without_a_payment_says_what_its_status_says(status: str, says: str) -> None:
    request = {"status": status, "latest_payment_id": None, "actions": PAGE}

    assert named(looked_up(request)) == says
    created = shown_request(charge := a_charge(), **request)
    assert named(sent(charge, answer(201, created))) == says


@pytest.mark.parametrize(
    ("asked", "made", "says"),
    [
        ("SUCCEEDED", "SUCCEEDED", "captured"),
        ("AUTHORIZED", "AUTHORIZED", "held"),
        ("AUTHORIZED", "SUCCEEDED", "captured"),
        ("SUCCEEDED", "AUTHORIZED", "held"),
        # Late money: the request stays as it ended.
        ("EXPIRED", "SUCCEEDED", "captured"),
        ("CANCELED", "SUCCEEDED", "captured"),
        ("FAILED", "SUCCEEDED", "captured"),
        ("EXPIRED", "AUTHORIZED", "held"),
        ("EXPIRED", "PENDING", "Pending"),
        ("FAILED", "PENDING", "Pending"),
        # The hold is gone, whatever the request says.
        ("AUTHORIZED", "CANCELED", "voided"),
        ("AUTHORIZED", "EXPIRED", "expired"),
        ("AUTHORIZED", "FAILED", "Declined"),
        ("AUTHORIZED", "PENDING", "Pending"),
        ("FAILED", "EXPIRED", "expired"),
        ("FAILED", "FAILED", "Declined"),
        ("EXPIRED", "FAILED", "expired"),
        ("CANCELED", "FAILED", "voided"),
        # The payer may try again.
        ("REQUIRES_ACTION", "FAILED", "RequiresAction"),
        ("REQUIRES_ACTION", "EXPIRED", "RequiresAction"),
        ("REQUIRES_ACTION", "PENDING", "Pending"),
        ("PENDING", "FAILED", "Pending"),
        # Contradictions, and words that are in no table.
        ("SUCCEEDED", "FAILED", "Unknown"),
        ("SUCCEEDED", "PENDING", "Unknown"),
        ("SUCCEEDED", "CANCELED", "Unknown"),
        ("SUCCEEDED", "SETTLED", "Unknown"),
        ("RENEWED", "SUCCEEDED", "Unknown"),
    ],
)
def test_a_payment_knows_of_money_before_its_request_does_and_after_it(
    asked: str, made: str, says: str
) -> None:
    request = {"status": asked, "actions": PAGE, "failure_code": "DECLINED_BY_ISSUER"}

    assert named(looked_up(request, {"status": made})) == says


@pytest.mark.parametrize(
    ("code", "hardness"),
    [
        ("CHANNEL_UNAVAILABLE", Hardness.SOFT),
        ("ISSUER_UNAVAILABLE", Hardness.SOFT),
        ("INSUFFICIENT_BALANCE", Hardness.SOFT),
        ("CARD_DECLINED", Hardness.SOFT),
        ("DECLINED_BY_ISSUER", Hardness.SOFT),
        ("DECLINED_BY_PROCESSOR", Hardness.SOFT),
        ("PAYMENT_AMOUNT_LIMITS_EXCEEDED", Hardness.SOFT),
        ("PAYMENT_ATTEMPT_COUNTS_EXCEEDED", Hardness.SOFT),
        ("FAILURE_DETAILS_UNAVAILABLE", Hardness.SOFT),
        ("INVALID_MERCHANT_SETTINGS", Hardness.SOFT),
        ("INVALID_MERCHANT_CREDENTIALS", Hardness.SOFT),
        ("INVALID_CVV", Hardness.FIX_DATA),
        ("INVALID_CARD", Hardness.FIX_DATA),
        ("INVALID_OTP", Hardness.FIX_DATA),
        ("EXPIRED_OTP", Hardness.FIX_DATA),
        ("OTP_ATTEMPT_COUNTS_EXCEEDED", Hardness.FIX_DATA),
        ("AUTHENTICATION_FAILED", Hardness.FIX_DATA),
        ("USER_DECLINED_PAYMENT", Hardness.FIX_DATA),
        ("USER_DID_NOT_AUTHORIZE", Hardness.FIX_DATA),
        ("USER_DEVICE_UNREACHABLE", Hardness.FIX_DATA),
        ("INVALID_ACCOUNT_DETAILS", Hardness.FIX_DATA),
        ("ACCOUNT_NOT_ACTIVATED", Hardness.FIX_DATA),
        ("STOLEN_CARD", Hardness.HARD),
        ("EXPIRED_CARD", Hardness.HARD),
        ("SUSPECTED_FRAUDULENT", Hardness.HARD),
        ("INACTIVE_OR_UNAUTHORIZED_CARD", Hardness.HARD),
        ("ACCOUNT_ACCESS_BLOCKED", Hardness.HARD),
        ("INVALID_TOKEN", Hardness.HARD),
        ("CAPTURE_AMOUNT_EXCEEDED ", Hardness.HARD),
    ],
)
def test_a_failure_code_says_what_may_come_next(
    code: str, hardness: Hardness, caplog: pytest.LogCaptureFixture
) -> None:
    found = looked_up({"status": "FAILED"}, {"status": "FAILED", "failure_code": code})

    assert found == Declined(code.strip(), hardness, CHARGE)
    assert not caplog.records


def test_a_failure_code_that_is_in_no_table_is_final_and_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = looked_up({"status": "FAILED", "failure_code": "NEW"}, {"status": "FAILED"})

    assert found == Declined("NEW", Hardness.HARD, CHARGE)
    assert "'NEW'" in caplog.text


@pytest.mark.parametrize(
    "code", ["SERVER_ERROR", "PARTNER_TIMEOUT_ERROR", "TIMEOUT_ERROR", "PROCESSOR_ERROR"]
)
def test_a_failure_because_nobody_answered_is_believed_after_a_day(code: str) -> None:
    attempt = replace(a_charge(), provider_id=CHARGE)
    request = shown_request(attempt, status="FAILED", failure_code=code)
    payment = answer(200, shown_payment(status="FAILED", captures=None))

    def read_at(date: str) -> Lookup:
        shown = answer(200, request, *([f"Date: {date}"] if date else []))
        return told(lambda adapter: adapter.lookup(attempt, within()), shown, payment)

    # The answer says nothing of the money, but which request is to be asked about from now on.
    created = sent(replace(attempt, provider_id=None), answer(201, request))
    assert isinstance(created, Unknown)
    assert created.provider_id == CHARGE
    for doubtful in ("", "yesterday", "Thu, 01 Jan 2026 23:59:59 GMT", "Fri, 02 Jan 2026"):
        assert isinstance(read_at(doubtful), Unknown), doubtful
    believed = Declined(code, Hardness.SOFT, CHARGE)
    assert read_at("Fri, 02 Jan 2026 00:00:05 GMT") == believed
    advised = {"authorization_data": {"merchant_advice_code": "03"}}
    never = shown_payment(status="FAILED", captures=None, payment_details=advised)
    payment = answer(200, never)
    assert read_at("Fri, 02 Jan 2026 00:00:05 GMT") == replace(believed, hardness=Hardness.HARD)


def test_a_request_that_failed_by_its_own_time_has_expired() -> None:
    found = looked_up(
        {"status": "FAILED", "failure_code": "PAYMENT_REQUEST_EXPIRED"}, {"status": "FAILED"}
    )

    assert isinstance(found, NotCharged)
    assert found.lapsed


@pytest.mark.parametrize("advice", ["03", "21"])
def test_the_card_networks_advice_outweighs_a_soft_decline(advice: str) -> None:
    charge = a_charge()
    failed = shown_request(charge, status="FAILED", failure_code="DECLINED_BY_ISSUER")
    details = {"authorization_data": {"merchant_advice_code": advice}}
    payment = shown_payment(status="FAILED", captures=None, payment_details=details)

    hard = Declined("DECLINED_BY_ISSUER", Hardness.HARD, CHARGE)
    assert sent(charge, answer(201, failed), answer(200, payment)) == hard
    assert read_back(replace(charge, provider_id=CHARGE), failed, payment) == hard


@pytest.mark.parametrize(
    "details",
    [
        None,
        "x",
        {},
        {"authorization_data": 1},
        {"authorization_data": {"merchant_advice_code": "24"}},
    ],
    ids=str,
)
def test_without_such_advice_a_soft_decline_stays_soft(details: object) -> None:
    charge = a_charge()
    failed = shown_request(charge, status="FAILED", failure_code="DECLINED_BY_ISSUER")
    payment = shown_payment(status="FAILED", captures=None, payment_details=details)

    soft = Declined("DECLINED_BY_ISSUER", Hardness.SOFT, CHARGE)
    assert sent(charge, answer(201, failed), answer(200, payment)) == soft
    assert sent(charge, answer(201, failed), error(500, "SERVER_ERROR")) == soft


def test_a_hold_that_failed_later_was_held_and_is_let_go_of() -> None:
    held = replace(a_charge(), provider_id=CHARGE, held=True)
    failed = shown_request(held, status="AUTHORIZED")
    payment = shown_payment(status="FAILED", captures=None, failure_code="ISSUER_UNAVAILABLE")

    found = read_back(held, failed, payment)

    assert isinstance(found, NotCharged)
    assert found.lapsed


@pytest.mark.parametrize("reference", ["f" * 32, None])
def test_somebody_elses_no_says_nothing_and_their_money_is_told(reference: str | None) -> None:
    theirs = {"reference_id": reference, "latest_payment_id": None, "actions": PAGE}

    for status in ("FAILED", "CANCELED", "EXPIRED", "REQUIRES_ACTION", "PENDING"):
        assert isinstance(looked_up(theirs | {"status": status}), Unknown)
    found = looked_up(theirs)
    assert found == Succeeded(CHARGE, RUPIAH, reference=reference or "")


def test_another_charge_than_the_one_asked_about_says_nothing() -> None:
    assert isinstance(looked_up({"payment_request_id": "pr-2"}, {}), Unknown)
    assert isinstance(looked_up({}, {"payment_request_id": "pr-2"}), Unknown)


@pytest.mark.parametrize("reference", ["f" * 32, None], ids=str)
def test_what_says_nothing_of_somebody_elses_request_does_not_name_it(reference: object) -> None:
    found = looked_up({"status": "RENEWED", "reference_id": reference})

    assert isinstance(found, Unknown)
    assert found.provider_id is None


@pytest.mark.parametrize("status", ["SUCCEEDED", "AUTHORIZED"])
def test_money_without_a_reference_is_not_taken_for_ours(status: str) -> None:
    found = looked_up({"status": status, "reference_id": None}, {"status": status})

    assert isinstance(found, Succeeded)
    assert not is_ours(found, a_charge())


@pytest.mark.parametrize("field", ["status", "currency", "failure_code"])
def test_a_text_that_no_book_can_hold_is_not_repeated(field: str) -> None:
    found = looked_up({"status": "FAILED", field: "A\0B"}, {"status": "FAILED"})

    assert "\0" not in repr(found).replace("\\x00", "\0")
