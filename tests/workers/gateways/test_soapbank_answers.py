"""What a SOAP bank's faults and reasons prove, and which answers are proven to be the bank's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.attempt import Attempt
from domain.outcome import Declined, Hardness, NotCharged, NotFound, Proof, Succeeded, Unknown
from tests.contract.made import a_detachment, within
from tests.workers.gateways.soapbank_spoken import (
    CHARGE,
    OFFLINE,
    a_charge,
    answer,
    capturing,
    charged,
    envelope,
    fault,
    paying_out,
    refunding,
    sent,
    shown,
    signed,
    told,
    voiding,
)
from tests.workers.raw_server import http

#: Fault, whether the request itself is wrong, and whether any other one would have met it.
NEVER_EXECUTED = [
    ("Client.VALIDATION", True, False),
    ("Client.NOT_FOUND", False, False),
    ("Client.AUTH", False, True),
    ("Client.LIMIT", False, True),
    ("Server.UNAVAILABLE", False, True),
]
UNCERTAIN = [
    "Client.DUPLICATE_MISMATCH",
    "Server.IN_PROGRESS",
    "Server.INTERNAL",
    "Client.TEAPOT",
    "Server",
    "VALIDATION",
    "Client.validation",
]
EVERY_ORDER = pytest.mark.parametrize(
    "made",
    [a_charge, refunding, paying_out, capturing, voiding],
    ids=["charge", "refund", "payout", "capture", "void"],
)


@pytest.mark.parametrize(("code", "wrong", "gateway"), NEVER_EXECUTED)
def test_a_documented_refusal_is_proof(code: str, wrong: bool, gateway: bool) -> None:
    reply = signed("500 Error", fault(code), "Retry-After: 7")

    outcome = sent(a_charge(), reply)

    expected = NotCharged(Proof.REJECTED, code, retry_after_s=7.0, request_wrong=wrong)
    assert outcome == expected
    assert OFFLINE.at_fault(expected) is gateway
    assert sent(refunding(), reply) == expected
    assert sent(paying_out(), reply) == expected


@EVERY_ORDER
@pytest.mark.parametrize("code", UNCERTAIN)
def test_any_other_fault_is_unknown(code: str, made: Callable[[], Attempt]) -> None:
    reply = signed("500 Error", fault(code))

    assert isinstance(sent(made(), reply, reply), Unknown)


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "400 Bad", "401 No", "503 Later"])
@pytest.mark.parametrize("code", ["Client.AUTH", "Client.VALIDATION", "Server.UNAVAILABLE"])
def test_a_fault_under_another_status_than_500_is_unknown(status: str, code: str) -> None:
    assert isinstance(sent(a_charge(), signed(status, fault(code))), Unknown)


@pytest.mark.parametrize("status", ["201 Created", "202 Accepted", "302 Found", "500 Error"])
def test_a_success_under_another_status_than_200_is_unknown(status: str) -> None:
    attempt = a_charge()
    body = answer("Sale", shown(attempt), request_id=attempt.key("a"))

    assert isinstance(sent(attempt, signed("200 OK", body)), Succeeded)
    assert isinstance(sent(attempt, signed(status, body)), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        envelope(""),
        envelope("<s:Fault/>"),
        envelope("<s:Fault><faultcode/></s:Fault>"),
        envelope(
            "<s:Fault><faultcode>Client.AUTH</faultcode><faultcode>Client.AUTH</faultcode></s:Fault>"
        ),
        envelope("<Fault><faultcode>Client.AUTH</faultcode></Fault>"),
        envelope("<s:Fault><faultcode>Client.\u00c4UTH</faultcode></s:Fault>"),
        fault("Client.AUTH").replace(b"Body>", b"Header>"),
    ],
    ids=range(9),
)
def test_what_is_no_fault_is_unknown(body: bytes) -> None:
    assert isinstance(sent(a_charge(), signed("500 Error", body)), Unknown)


@pytest.mark.parametrize(
    ("reason", "hardness"),
    [
        ("51", Hardness.SOFT),
        ("61", Hardness.SOFT),
        ("91", Hardness.SOFT),
        ("04", Hardness.HARD),
        ("41", Hardness.HARD),
        ("43", Hardness.HARD),
        ("54", Hardness.HARD),
        ("59", Hardness.HARD),
        ("14", Hardness.FIX_DATA),
        ("82", Hardness.FIX_DATA),
    ],
)
def test_every_documented_reason_says_what_may_come_next(
    reason: str, hardness: Hardness, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = a_charge()
    refused = shown(attempt, Status="REJECTED", SettledAmount="0.00", Reason=reason)

    assert charged(attempt, refused) == Declined(reason, hardness, CHARGE)
    assert caplog.records == []


def test_an_unlisted_reason_is_hard_and_told(caplog: pytest.LogCaptureFixture) -> None:
    attempt = a_charge()
    refused = shown(attempt, Status="REJECTED", SettledAmount="0.00", Reason="07")

    assert charged(attempt, refused) == Declined("07", Hardness.HARD, CHARGE)
    assert "07" in caplog.text


def paid(attempt: Attempt) -> bytes:
    return answer("Sale", shown(attempt), request_id=attempt.key("a"))


def test_an_answer_that_the_bank_has_not_signed_says_nothing() -> None:
    attempt = a_charge()
    body = paid(attempt)
    good = signed("200 OK", body)
    mac = good.split(b"X-Bank-Signature: ")[1][:64]

    assert isinstance(sent(attempt, good), Succeeded)
    assert isinstance(sent(attempt, http("200 OK", body)), Unknown)
    for forged in (
        signed("200 OK", body, secret="another"),
        signed("200 OK", body).replace(b"12.50", b"12.51"),
        good.replace(mac, mac.upper()),
        good.replace(mac, b"\xe9" * 64),
        good.replace(b"X-Bank-Timestamp: ", b"X-Bank-Timestamp: 0"),
        good.replace(b"X-Bank-Timestamp", b"X-Bank-Time"),
        good.replace(b"X-Bank-Timestamp: ", b"X-Bank-Timestamp: -"),
        good.replace(b"X-Bank-Timestamp: ", b"X-Bank-Timestamp: " + b"9" * 5_000),
    ):
        assert isinstance(sent(attempt, forged), Unknown)


@pytest.mark.parametrize("late_s", [290, -290])
def test_an_answer_of_a_clock_that_differs_a_little_counts(late_s: int) -> None:
    attempt = a_charge()

    assert isinstance(sent(attempt, signed("200 OK", paid(attempt), late_s=late_s)), Succeeded)


@pytest.mark.parametrize("late_s", [310, -310, 10**10])
def test_an_answer_that_is_too_old_or_ahead_says_nothing(late_s: int) -> None:
    attempt = a_charge()

    assert isinstance(sent(attempt, signed("200 OK", paid(attempt), late_s=late_s)), Unknown)


@pytest.mark.parametrize("code", ["Client.VALIDATION", "Client.LIMIT", "Server.UNAVAILABLE"])
def test_of_faults_only_that_about_the_key_may_come_unsigned(code: str) -> None:
    attempt = a_charge()
    unheard = http("500 Error", fault("Client.AUTH"))

    assert sent(attempt, unheard) == NotCharged(Proof.REJECTED, "Client.AUTH")
    assert isinstance(sent(attempt, http("500 Error", fault(code))), Unknown)
    forged = signed("500 Error", fault("Client.AUTH"), secret="another")
    assert isinstance(sent(attempt, forged), Unknown)


def test_an_unsigned_absence_is_none() -> None:
    attempt, absent = a_charge(), fault("Client.NOT_FOUND")

    def looked_up(reply: bytes) -> object:
        return told(lambda adapter: adapter.lookup(attempt, within()), reply)

    assert looked_up(signed("500 Error", absent)) == NotFound()
    assert isinstance(looked_up(http("500 Error", absent)), Unknown)
    for code in ("Client.AUTH", "Client.VALIDATION", "Server.UNAVAILABLE", "Server.INTERNAL"):
        assert isinstance(looked_up(signed("500 Error", fault(code))), Unknown)


DOCUMENTED = [code for code, *_ in NEVER_EXECUTED] + UNCERTAIN[:3]


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_probe_finds_a_bank_that_answers_with_any_documented_fault(code: str) -> None:
    reply = signed("500 Error", fault(code))

    assert told(lambda adapter: adapter.probe(within()), reply)


@pytest.mark.parametrize(
    ("reply", "is_there"),
    [
        (http("500 Error", fault("Client.AUTH")), True),
        (signed("500 Error", fault("Client.TEAPOT")), False),
        (http("500 Error", fault("Client.NOT_FOUND")), False),
        (http("200 OK", b"<html>captive portal</html>"), False),
    ],
)
def test_a_probe_finds_the_bank_and_nobody_else(reply: bytes, is_there: bool) -> None:
    assert told(lambda adapter: adapter.probe(within()), reply) is is_there


def test_a_token_cannot_be_forgotten_and_asking_again_changes_nothing() -> None:
    outcome = OFFLINE.detach(a_detachment(), within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert outcome.request_wrong
