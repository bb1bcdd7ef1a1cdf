"""The Midtrans adapter takes an answer by HTTP and by its own code, and only what is documented."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import Declined, Hardness, NotCharged, Proof, Succeeded, Unknown
from tests.workers.gateways.midtrans_spoken import (
    OFFLINE,
    a_charge,
    a_collection,
    a_release,
    a_return,
    answer,
    code,
    paid,
    sent,
    shown,
)

EVERYWHERE = ["400", "401", "403", "405", "408", "413", "429"]
CHARGES = [*EVERYWHERE, "402", "409", "410"]
OTHERS = [*EVERYWHERE, "404"]
WRONG = {"400", "408", "413"}
FAULTS = {"401", "403", "429"}


@pytest.mark.parametrize("http_status", ["200", "the same"])
@pytest.mark.parametrize(
    ("make", "refusal"),
    [(a_charge, refusal) for refusal in CHARGES]
    + [(a_collection, refusal) for refusal in OTHERS]
    + [(a_return, refusal) for refusal in [*OTHERS, "414"]],
)
def test_documented_refusals_prove_that_nothing_was_executed(
    make: Callable[[], Attempt], refusal: str, http_status: str
) -> None:
    status = 200 if http_status == "200" else int(refusal)

    outcome = sent(make(), code(refusal, status))

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong is (refusal in WRONG)
    assert OFFLINE.at_fault(outcome) is (refusal in FAULTS)


@pytest.mark.parametrize("refusal", OTHERS)
def test_a_refused_cancel_leaves_the_hold_as_it_was(refusal: str) -> None:
    attempt = a_release()
    stands = answer(200, shown(attempt, transaction_status="authorize"))

    outcome = sent(attempt, stands, code(refusal), stands)

    assert isinstance(outcome, NotCharged), outcome
    assert outcome.proof is Proof.REJECTED


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (a_charge, "404"),
        (a_charge, "407"),
        (a_charge, "414"),
        (a_collection, "402"),
        (a_collection, "411"),
        (a_collection, "414"),
        (a_return, "402"),
        (a_return, "409"),
    ]
    + [
        (make, strange)
        for make in (a_charge, a_collection, a_return)
        for strange in ("415", "500", "501", "502", "503", "504", "300", "999")
    ],
)
def test_a_code_that_is_in_no_table_is_unknown(make: Callable[[], Attempt], refusal: str) -> None:
    assert isinstance(sent(make(), code(refusal)), Unknown)
    assert isinstance(sent(make(), code(refusal, int(refusal))), Unknown)


def test_a_card_that_must_be_typed_in_again_says_so() -> None:
    outcome = sent(a_charge(), code("411"))

    assert outcome == Declined("token_expired", Hardness.FIX_DATA)


@pytest.mark.parametrize(
    ("http_status", "status_code"),
    [(202, "200"), (202, "201"), (201, "200"), (500, "200"), (502, "400"), (400, "401")],
)
def test_where_http_and_the_body_differ_nothing_is_believed(
    http_status: int, status_code: str
) -> None:
    attempt = a_charge()
    body = shown(attempt, status_code=status_code)

    assert isinstance(sent(attempt, answer(http_status, body)), Unknown)


def test_a_repetition_that_meets_the_first_one_under_way_is_unknown() -> None:
    assert isinstance(sent(a_charge(), code("202", 202)), Unknown)
    assert isinstance(sent(a_charge(), answer(202, b"")), Unknown)


def test_a_denial_may_come_under_202_and_a_success_may_not() -> None:
    attempt = a_charge()
    deny = shown(attempt, status_code="202", transaction_status="deny")

    assert isinstance(sent(attempt, answer(202, deny)), Declined)
    assert isinstance(sent(attempt, answer(200, deny)), Declined)
    took = shown(attempt, status_code="202", transaction_status="capture")
    assert isinstance(sent(attempt, answer(202, took)), Unknown)


@pytest.mark.parametrize("http_status", [200, 201, 202, 301, 400, 401, 406, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b"{}", b"[]", b'{"status_code": 400}', b"[" * 100_000],
    ids=range(6),
)
def test_an_http_status_alone_proves_nothing(http_status: int, body: bytes) -> None:
    assert isinstance(sent(a_charge(), answer(http_status, body)), Unknown)


@pytest.mark.parametrize("cut", [{"transaction_id": None}, {"transaction_status": None}], ids=str)
def test_a_success_without_its_transaction_is_unknown(cut: dict[str, Any]) -> None:
    assert isinstance(paid(a_charge(), **cut), Unknown)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("7", 7.0), ("999999", 3600.0), ("-1", None), ("1e9", None), ("Wed, 21 Oct", None)],
)
def test_retry_after_is_heard_in_seconds_and_bounded(said: str, heard: float | None) -> None:
    body = {"status_code": "429", "status_message": "too many"}

    outcome = sent(a_charge(), answer(429, body, f"Retry-After: {said}"))

    assert isinstance(outcome, NotCharged)
    assert outcome.retry_after_s == heard


def test_a_cut_answer_is_unknown() -> None:
    attempt = a_charge()
    whole = json.dumps(shown(attempt)).encode()

    assert isinstance(sent(attempt, answer(200, whole)), Succeeded)
    assert isinstance(sent(attempt, answer(200, whole[:-2])), Unknown)
