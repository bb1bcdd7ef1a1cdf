"""What a SOAP bank's refunds and payouts mean: every documented status, and everything else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
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
from tests.workers.gateways.soapbank_spoken import (
    PAYOUT,
    REFUND,
    adapter_at,
    answer,
    fault,
    looked_up,
    paying_out,
    refunding,
    sent,
    shown_payout,
    shown_refund,
    signed,
)
from tests.workers.raw_server import answering, serving

#: What the bank says to a request that is wrong in itself, or in the state that it meets.
VALIDATION = "Client.VALIDATION"


def refunded(attempt: Attempt, **changes: str) -> Outcome:
    body = answer("Refund", shown_refund(attempt, **changes), request_id=attempt.key("a"))
    return sent(attempt, signed("200 OK", body))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Succeeded(REFUND, money(1250))),
        ({"Amount": "12.49"}, Succeeded(REFUND, money(1249))),
        ({"Status": "PENDING"}, Pending(REFUND)),
        ({"Status": "REJECTED"}, Declined("refund_declined", Hardness.HARD, REFUND)),
        ({"Status": "REJECTED", "Reason": "51"}, Declined("51", Hardness.HARD, REFUND)),
    ],
    ids=str,
)
def test_every_documented_status_of_a_refund_has_its_meaning(
    changes: dict[str, str], expected: Outcome
) -> None:
    refund = refunding()
    if isinstance(expected, Succeeded):
        expected = replace(expected, reference=refund.reference)

    assert refunded(refund, **changes) == expected
    assert looked_up(refund, shown_refund(refund, **changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": "SETTLED"},
        {"Status": "RETURNED"},
        {"Status": "SENT"},
        {"Original": "sbc_2"},
        {"Original": ""},
        {"Kind": "CHARGE"},
        {"Amount": "12.5"},
        {"Currency": "KWD"},
        {"Status": "PENDING", "Reference": "f" * 32},
        {"Status": "REJECTED", "Reference": "f" * 32},
    ],
    ids=str,
)
def test_a_refund_that_is_not_ours_or_not_documented_is_unknown(changes: dict[str, str]) -> None:
    assert isinstance(refunded(refunding(), **changes), Unknown)


def test_somebody_elses_refund_is_told_with_its_reference() -> None:
    outcome = refunded(refunding(), Reference="f" * 32)

    assert outcome == Succeeded(REFUND, money(1250), reference="f" * 32)


MADE_BY = {None: ("Payout", "a"), PAYOUT: ("ApprovePayout", "b")}


def paid(attempt: Attempt, **changes: str) -> Outcome:
    operation, step = MADE_BY[attempt.provider_id]
    body = answer(operation, shown_payout(attempt, **changes), request_id=attempt.key(step))
    return sent(attempt, signed("200 OK", body))


@pytest.mark.parametrize("provider_id", [None, PAYOUT], ids=["made", "approved"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Status": "CREATED"}, Prepared(PAYOUT)),
        ({"Status": "APPROVED"}, Pending(PAYOUT)),
        ({}, Succeeded(PAYOUT, money(4200))),
        ({"Amount": "42.01"}, Succeeded(PAYOUT, money(4201))),
        ({"Status": "REJECTED", "Reason": "91"}, Declined("91", Hardness.SOFT, PAYOUT)),
        ({"Status": "REJECTED"}, Declined("payout_declined", Hardness.HARD, PAYOUT)),
        ({"Status": "RETURNED", "Reason": "AC04"}, Returned(PAYOUT, "AC04")),
        ({"Status": "RETURNED"}, Returned(PAYOUT, "returned")),
    ],
    ids=str,
)
def test_every_documented_status_of_a_payout_has_its_meaning(
    changes: dict[str, str], expected: Lookup, provider_id: str | None
) -> None:
    payout = replace(paying_out(), provider_id=provider_id)
    if isinstance(expected, Succeeded):
        expected = replace(expected, reference=payout.reference)

    assert paid(payout, **changes) == expected
    assert looked_up(payout, shown_payout(payout, **changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": "PAID"},
        {"Status": "PENDING"},
        {"Status": "SETTLED"},
        {"Kind": "REFUND"},
        {"Amount": "42"},
        {"Currency": "EURO"},
        {"Status": "CREATED", "Reference": "f" * 32},
        {"Status": "APPROVED", "Reference": "f" * 32},
        {"Status": "RETURNED", "Reference": "f" * 32},
    ],
    ids=str,
)
def test_a_payout_that_is_not_ours_or_not_documented_is_unknown(changes: dict[str, str]) -> None:
    assert isinstance(paid(paying_out(), **changes), Unknown)


def test_a_payout_is_created_first_and_approved_under_another_id_once_it_is_named() -> None:
    payout = paying_out()
    named = replace(payout, provider_id=PAYOUT)
    made = answer("Payout", shown_payout(payout, Status="CREATED"), request_id=payout.key("a"))
    going = answer(
        "ApprovePayout", shown_payout(payout, Status="APPROVED"), request_id=payout.key("b")
    )
    with serving(answering(signed("200 OK", made), signed("200 OK", going))) as server:
        adapter = adapter_at(server.url)
        outcomes = [adapter.payout(attempt, within()) for attempt in (payout, named)]
        adapter.close()
    first, second = server.requests

    assert outcomes == [Prepared(PAYOUT), Pending(PAYOUT)]
    assert b'SOAPAction: "urn:soapbank:v1#Payout"' in first
    assert payout.key("a").encode() in first
    assert b"ApprovePayout" not in first
    assert b'SOAPAction: "urn:soapbank:v1#ApprovePayout"' in second
    assert f"<RequestId>{payout.key('b')}</RequestId><BankId>{PAYOUT}</BankId>".encode() in second
    assert b"<Amount>" not in second


def test_of_two_payouts_the_one_that_is_under_way_counts() -> None:
    payout = paying_out()
    made = shown_payout(payout, Status="CREATED", BankId="sbp_0")

    assert looked_up(payout, made, shown_payout(payout, Status="APPROVED")) == Pending(PAYOUT)
    assert looked_up(payout, made, shown_payout(payout, Status="RETURNED")) == (
        Returned(PAYOUT, "returned")
    )
    assert looked_up(payout, made, shown_payout(payout, Status="REJECTED")) == Prepared("sbp_0")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"Status": "APPROVED"}, Pending(PAYOUT)),
        ({"Status": "RETURNED"}, Returned(PAYOUT, "returned")),
        ({"Status": "REJECTED"}, Declined("payout_declined", Hardness.HARD, PAYOUT)),
        ({"Status": "CREATED"}, NotCharged(Proof.REJECTED, VALIDATION, request_wrong=True)),
    ],
    ids=str,
)
def test_a_payout_that_cannot_be_approved_may_have_been_approved_by_somebody_else(
    now: dict[str, str], expected: Outcome
) -> None:
    payout = replace(paying_out(), provider_id=PAYOUT)
    refusal = signed("500 No", fault(VALIDATION))
    read = signed("200 OK", answer("GetStatus", shown_payout(payout, **now)))

    assert sent(payout, refusal, read) == expected


def test_one_whose_approval_was_refused_and_that_cannot_be_read_is_unknown() -> None:
    payout = replace(paying_out(), provider_id=PAYOUT)

    silent = sent(payout, signed("500 No", fault(VALIDATION)), signed("500 No", fault("x")))

    assert isinstance(silent, Unknown)
