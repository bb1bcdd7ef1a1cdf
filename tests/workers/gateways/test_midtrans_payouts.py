"""The Midtrans adapter makes a payout with one key and lets it go with another."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt, State
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.midtrans_spoken import (
    KEYS,
    OFFLINE,
    PAYOUT,
    a_sending_out,
    adapter_at,
    answer,
    asked,
    read_back,
    sent,
    shown_payout,
)
from tests.workers.raw_server import answering, serving

OK = answer(202, {"status": "ok"})
NO = {"error_message": "An error occurred when approving payouts", "errors": ["not found"]}


def made(status: str = "queued", http_status: int = 201, number: str = PAYOUT) -> bytes:
    return answer(http_status, {"payouts": [{"status": status, "reference_no": number}]})


def test_making_a_payout_moves_nothing_and_gives_it_a_name() -> None:
    attempt = a_sending_out()

    outcome, server = asked(lambda a: a.payout(attempt, within()), made())

    assert outcome == Prepared(PAYOUT)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /iris/api/v1/payouts ")
    assert signed_by("iris_creator_key") in head
    assert f"x-idempotency-key: {attempt.key('a')}".encode() in head.lower()
    assert json.loads(body) == json.loads(attempt.request)["create"]


def test_letting_a_payout_go_takes_the_other_key() -> None:
    attempt = a_sending_out(PAYOUT)

    outcome, server = asked(lambda a: a.payout(attempt, within()), OK)

    assert outcome == Pending(PAYOUT)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /iris/api/v1/payouts/approve ")
    assert signed_by("iris_approver_key") in head
    assert f"x-idempotency-key: {attempt.key('b')}".encode() in head.lower()
    assert json.loads(body) == {"reference_nos": [PAYOUT]}


def signed_by(key: str) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(f"{KEYS[key]}:".encode())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("queued", Prepared(PAYOUT)),
        ("approved", Pending(PAYOUT)),
        ("processed", Pending(PAYOUT)),
        ("completed", Pending(PAYOUT)),
        ("rejected", Declined("payout_rejected", Hardness.HARD, PAYOUT)),
        ("failed", Declined("payout_failed", Hardness.HARD, PAYOUT)),
    ],
)
@pytest.mark.parametrize("http_status", [200, 201])
def test_what_is_made_says_how_far_it_is(status: str, expected: Outcome, http_status: int) -> None:
    assert sent(a_sending_out(), made(status, http_status)) == expected


@pytest.mark.parametrize(
    "reply",
    [
        made("resting"),
        made(number=""),
        made(http_status=202),
        made(http_status=500),
        answer(201, {"payouts": []}),
        answer(201, {"payouts": [{"status": "queued", "reference_no": n} for n in ("1", "2")]}),
        answer(201, b""),
        answer(400, b"<html>no</html>"),
        answer(409, NO),
        answer(500, NO),
        answer(503, NO),
    ],
    ids=range(11),
)
def test_what_is_no_payout_of_ours_is_unknown(reply: bytes) -> None:
    assert isinstance(sent(a_sending_out(), reply), Unknown)


@pytest.mark.parametrize(
    ("status", "wrong", "fault"),
    [
        (400, True, False),
        (401, False, True),
        (403, False, True),
        (404, False, False),
        (429, False, True),
    ],
)
def test_a_payout_that_is_refused_is_not_made(status: int, wrong: bool, fault: bool) -> None:
    outcome = sent(a_sending_out(), answer(status, NO))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.request_wrong is wrong
    assert OFFLINE.at_fault(outcome) is fault


def refused_then(attempt: Attempt, read: bytes) -> Outcome:
    """Return what an approval comes to that is answered with 400; the other key reads after that,
    on a connection of its own."""
    with (
        serving(answering(answer(400, NO)), answering(read)) as server,
        closing(adapter_at(server.url)) as adapter,
    ):
        return adapter.payout(attempt, within())


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_an_approval_that_is_refused_lets_nothing_go(status: int) -> None:
    outcome = sent(a_sending_out(PAYOUT), answer(status, NO))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert not outcome.request_wrong


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("approved", Pending(PAYOUT)),
        ("processed", Pending(PAYOUT)),
        ("rejected", Declined("payout_rejected", Hardness.HARD, PAYOUT)),
    ],
)
def test_an_approval_that_came_twice_is_read(status: str, expected: Outcome) -> None:
    attempt = a_sending_out(PAYOUT)
    stands = answer(200, shown_payout(attempt, status=status))

    assert refused_then(attempt, stands) == expected


def test_only_a_payout_that_still_waits_was_refused() -> None:
    attempt = a_sending_out(PAYOUT)
    waits = answer(200, shown_payout(attempt, status="queued"))

    refused = refused_then(attempt, waits)

    assert isinstance(refused, NotCharged)
    assert refused.proof is Proof.REJECTED
    assert not refused.request_wrong, "the balance, or a person, may have been the reason"
    assert isinstance(refused_then(attempt, answer(500, NO)), Unknown)


@pytest.mark.parametrize(
    "reply", [answer(202, {"status": "no"}), answer(202, b"ok"), answer(500, NO), answer(201, NO)]
)
def test_an_approval_without_a_yes_is_unknown(reply: bytes) -> None:
    assert isinstance(sent(a_sending_out(PAYOUT), reply), Unknown)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("queued", lambda _: Prepared(PAYOUT)),
        ("approved", lambda _: Pending(PAYOUT)),
        ("processed", lambda _: Pending(PAYOUT)),
        (
            "completed",
            lambda ref: Succeeded(PAYOUT, money(42_000_000, "IDR"), reference=ref),
        ),
        ("failed", lambda _: Declined("payout_failed", Hardness.HARD, PAYOUT)),
        ("rejected", lambda _: Declined("payout_rejected", Hardness.HARD, PAYOUT)),
    ],
)
def test_every_documented_status_of_a_payout_has_its_meaning(status: str, expected: Any) -> None:
    attempt = a_sending_out(PAYOUT)

    found = read_back(attempt, shown_payout(attempt, status=status))

    assert found == expected(attempt.reference)


@pytest.mark.parametrize(
    ("code", "hardness"),
    [(code, Hardness.FIX_DATA) for code in ("001", "002", "003", "017", "026")]
    + [(f"{code:03}", Hardness.SOFT) for code in (4, 5, 8, 9, 16, 18, 21, 22, 23, 24)]
    + [(code, Hardness.HARD) for code in ("012", "025", "014")],
)
def test_a_payout_that_failed_says_what_may_come_next(
    code: str, hardness: Hardness, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = a_sending_out(PAYOUT)

    found = read_back(attempt, shown_payout(attempt, status="failed", error_code=code))

    assert found == Declined(code, hardness, PAYOUT)
    assert bool(caplog.records) is (code == "014"), "only this one is in no table"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "resting"},
        {"status": None},
        {"reference_no": "another"},
        {"amount": "many"},
        {"amount": 420_000},
    ],
    ids=str,
)
def test_what_is_no_payout_that_we_know_is_unknown(changes: dict[str, Any]) -> None:
    attempt = a_sending_out(PAYOUT)

    assert isinstance(read_back(attempt, shown_payout(attempt, **changes)), Unknown)


@pytest.mark.parametrize(("notes", "reference"), [("f" * 32, "f" * 32), (None, None), (7, None)])
def test_a_payout_carries_our_name_in_its_notes(notes: object, reference: str | None) -> None:
    attempt = a_sending_out(PAYOUT)

    found = read_back(attempt, shown_payout(attempt, notes=notes))

    assert isinstance(found, Succeeded)
    assert found.reference == reference


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_payout_that_cannot_be_read_is_unknown(status: int) -> None:
    assert isinstance(read_back(a_sending_out(PAYOUT), answer(status, NO)), Unknown)


def test_iris_finds_nothing_by_our_reference() -> None:
    assert isinstance(OFFLINE.lookup(a_sending_out(), within()), Unknown)


def test_a_stored_request_that_is_no_payouts_is_not_sent() -> None:
    outcome = OFFLINE.payout(replace(a_sending_out(), request=b"{}"), within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.RETURNED])
def test_a_payout_that_had_arrived_and_failed_after_that_has_come_back(state: State) -> None:
    attempt = replace(a_sending_out(PAYOUT), state=state)
    failed = shown_payout(attempt, status="failed", error_code="025")

    assert read_back(attempt, failed) == Returned(PAYOUT, "025")
