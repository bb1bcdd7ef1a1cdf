"""The Midtrans adapter reads what a transaction says of its charge, and believes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.made import money
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    a_charge,
    answer,
    code,
    idr,
    paid,
    read_back,
    refunds,
    sent,
    shown,
)

Expected = Callable[[str], Outcome]


def moved(reference: str) -> Outcome:
    return Succeeded(CHARGE, idr(145_000), reference=reference)


def held(reference: str) -> Outcome:
    return Succeeded(CHARGE, idr(145_000), captured=False, reference=reference)


STATUSES: list[tuple[dict[str, Any], Expected]] = [
    ({"transaction_status": "capture"}, moved),
    ({"transaction_status": "settlement"}, moved),
    ({"transaction_status": "settlement", "fraud_status": None}, moved),
    ({"transaction_status": "SETTLEMENT"}, moved),
    ({"transaction_status": "refund"}, moved),
    ({"transaction_status": "partial_refund"}, moved),
    ({"transaction_status": "authorize"}, held),
    ({"transaction_status": "capture", "fraud_status": "challenge"}, lambda _: Pending(CHARGE)),
    ({"transaction_status": "authorize", "fraud_status": "challenge"}, lambda _: Pending(CHARGE)),
    ({"transaction_status": "pending"}, lambda _: Pending(CHARGE)),
    ({"transaction_status": "PENDING"}, lambda _: Pending(CHARGE)),
    (
        {"transaction_status": "deny", "channel_response_code": "51"},
        lambda _: Declined("51", Hardness.SOFT, CHARGE),
    ),
    (
        {"transaction_status": "deny", "fraud_status": "deny"},
        lambda _: Declined("fraud_denied", Hardness.HARD, CHARGE),
    ),
    ({"transaction_status": "failure"}, lambda _: Declined("failure", Hardness.SOFT, CHARGE)),
    (
        {"transaction_status": "cancel"},
        lambda _: NotCharged(Proof.VOIDED, "read as cancel", CHARGE),
    ),
    (
        {"transaction_status": "expire"},
        lambda _: NotCharged(Proof.READ_BACK, "read as expire", CHARGE, lapsed=True),
    ),
    (
        {"transaction_status": "chargeback"},
        lambda ref: TakenBack(CHARGE, idr(145_000), idr(145_000), "chargeback", ref),
    ),
    (
        {"transaction_status": "chargeback", "refunds": refunds(("r", 45_000))},
        lambda ref: TakenBack(CHARGE, idr(145_000), idr(100_000), "chargeback", ref),
    ),
    (
        {"transaction_status": "chargeback", "refunds": refunds(("r", 145_000))},
        lambda ref: TakenBack(CHARGE, idr(145_000), idr(145_000), "chargeback", ref),
    ),
    (
        {"transaction_status": "deny", "settlement_time": "2026-11-30 16:31:00"},
        lambda ref: TakenBack(CHARGE, idr(145_000), idr(145_000), "denied_after_settlement", ref),
    ),
]


@pytest.mark.parametrize(("changes", "expected"), STATUSES)
def test_every_documented_status_has_its_meaning(
    changes: dict[str, Any], expected: Expected
) -> None:
    attempt = a_charge()

    assert paid(attempt, **changes) == expected(attempt.reference)
    assert read_back(attempt, shown(attempt, **changes)) == expected(attempt.reference)


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "partial_chargeback"},
        {"transaction_status": "settled"},
        {"transaction_status": ""},
        {"transaction_status": None},
        {"transaction_status": "capture", "fraud_status": "deny"},
        {"transaction_status": "capture", "fraud_status": None},
        {"transaction_status": "capture", "fraud_status": ["accept"]},
        {"transaction_status": "authorize", "fraud_status": "perhaps"},
        {"transaction_status": "settlement", "fraud_status": "challenge"},
        {"transaction_status": "settlement", "fraud_status": "deny"},
        {"gross_amount": "145,000.00"},
        {"gross_amount": "145000.000"},
        {"gross_amount": "-145000.00"},
        {"gross_amount": "1e5"},
        {"gross_amount": "0145000"},
        {"gross_amount": ""},
        {"gross_amount": 145_000},
        {"gross_amount": None},
        {"currency": "USD"},
        {"currency": "idr"},
        {"currency": None},
        {"transaction_id": ""},
        {"transaction_id": "a b"},
        {"order_id": None},
        {"refunds": {"refund_key": "r"}},
        {"refunds": {}},
    ],
    ids=str,
)
def test_what_is_not_documented_or_contradicts_itself_is_unknown(changes: dict[str, Any]) -> None:
    attempt = a_charge()

    assert isinstance(paid(attempt, **changes), Unknown)
    assert isinstance(read_back(attempt, shown(attempt, **changes)), Unknown)


@pytest.mark.parametrize(
    ("text", "minor"),
    [("145000.00", 14_500_000), ("145000", 14_500_000), ("145000.5", 14_500_050), ("0.01", 1)],
)
def test_an_amount_is_rupiah_and_told_to_the_sen(text: str, minor: int) -> None:
    outcome = paid(a_charge(), gross_amount=text)

    assert isinstance(outcome, Succeeded)
    assert outcome.money == money(minor, "IDR")


def test_rupiah_need_not_be_named() -> None:
    attempt = a_charge()
    body = shown(attempt)
    del body["currency"]

    assert sent(attempt, answer(200, body)) == moved(attempt.reference)


def test_what_only_explains_a_transaction_cannot_hide_that_money_moved() -> None:
    attempt = a_charge()

    outcome = paid(
        attempt,
        channel_response_code=[],
        redirect_url=7,
        va_numbers="odd",
        actions={},
        payment_type=None,
        settlement_time=1,
        surprise={},
    )

    assert outcome == moved(attempt.reference)


def test_somebody_elses_money_is_shown_and_somebody_elses_no_is_not_believed() -> None:
    attempt = a_charge()

    took = paid(attempt, order_id="f" * 32)
    no = [
        paid(attempt, order_id="f" * 32, transaction_status=status)
        for status in ("deny", "cancel", "expire", "failure", "pending")
    ]

    assert took == moved("f" * 32)
    assert all(isinstance(outcome, Unknown) for outcome in no)


def test_a_charge_that_we_know_to_be_captured_and_is_denied_was_taken_back() -> None:
    attempt = replace(a_charge(), captured=14_500_000, provider_id=CHARGE)

    found = read_back(attempt, shown(attempt, transaction_status="deny", status_code="202"))

    assert isinstance(found, TakenBack)
    assert found.taken == found.captured == idr(145_000)


CODES = {
    Hardness.SOFT: (5, 6, 9, 12, 19, 30, 51, 57, 58, 61, 65, 68, 91, 96),
    Hardness.HARD: (1, 2, 3, 4, 7, 15, 34, 36, 41, 43, 59, 62, 63),
    Hardness.FIX_DATA: (14, 33, 54, 55, 82),
}


@pytest.mark.parametrize(
    ("channel_code", "hardness"),
    [(f"{code:02}", hardness) for hardness, codes in CODES.items() for code in codes],
)
def test_a_decline_is_as_hard_as_its_code(
    channel_code: str, hardness: Hardness, caplog: pytest.LogCaptureFixture
) -> None:
    deny = {"transaction_status": "deny", "status_code": "202", "fraud_status": None}

    outcome = paid(a_charge(), channel_response_code=channel_code, **deny)

    assert outcome == Declined(channel_code, hardness, CHARGE)
    assert not caplog.records, "it is in the table"


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "deny", "fraud_status": "deny"},
        {"transaction_status": "failure"},
    ],
    ids=str,
)
def test_midtrans_own_reasons_are_in_the_table_too(
    changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(paid(a_charge(), **changes), Declined)
    assert not caplog.records


@pytest.mark.parametrize(
    ("given", "named"), [("Z9", "Z9"), (None, "denied"), ("", "denied"), (5, "denied")]
)
def test_a_decline_that_no_table_knows_goes_nowhere_else(
    given: object, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    deny = {"transaction_status": "deny", "status_code": "202"}

    outcome = paid(a_charge(), channel_response_code=given, **deny)

    assert outcome == Declined(named, Hardness.HARD, CHARGE)
    assert named in caplog.text


def test_an_order_id_that_was_used_is_read_and_was_ours() -> None:
    attempt = a_charge()
    settled = answer(200, shown(attempt, transaction_status="settlement"))

    assert sent(attempt, code("406", 406), settled) == moved(attempt.reference)
    assert sent(attempt, code("406"), settled) == moved(attempt.reference)
    assert isinstance(sent(attempt, code("406"), code("404")), Unknown)
    assert isinstance(sent(attempt, code("406"), code("500", 500)), Unknown)


def test_what_was_never_charged_is_not_found_and_what_vanished_is_a_riddle() -> None:
    attempt = a_charge()

    assert read_back(attempt, code("404", 404)) == NotFound()
    assert read_back(attempt, code("404", 200)) == NotFound()
    assert isinstance(read_back(attempt, answer(404, b"<html>no</html>")), Unknown)
    assert isinstance(read_back(replace(attempt, provider_id=CHARGE), code("404")), Unknown)


def test_an_expired_charge_is_read_under_its_own_code() -> None:
    attempt = a_charge()

    found = read_back(attempt, shown(attempt, status_code="407", transaction_status="expire"))

    assert isinstance(found, NotCharged)
    assert found.lapsed


def test_a_charge_that_waits_is_read_under_its_own_code() -> None:
    attempt = a_charge()

    found = read_back(attempt, shown(attempt, status_code="201", transaction_status="pending"))

    assert found == Pending(CHARGE)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("deny", Declined),
        ("failure", Declined),
        ("cancel", NotCharged),
        ("expire", NotCharged),
        ("pending", Unknown),
        ("authorize", Unknown),
        ("capture", Unknown),
        ("settlement", Unknown),
        ("refund", Unknown),
    ],
)
def test_the_code_of_a_denial_never_comes_with_money(status: str, expected: type) -> None:
    attempt = a_charge()

    found = read_back(attempt, shown(attempt, status_code="202", transaction_status=status))

    assert isinstance(found, expected), found


@pytest.mark.parametrize("wrong", ["401", "402", "406", "412", "429", "500", "999"])
def test_a_look_up_that_was_refused_says_nothing(wrong: str) -> None:
    attempt = a_charge()

    assert isinstance(read_back(attempt, shown(attempt, status_code=wrong)), Unknown)
    assert isinstance(read_back(attempt, code(wrong, int(wrong))), Unknown)
