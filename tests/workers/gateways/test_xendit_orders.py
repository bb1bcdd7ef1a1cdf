"""What Xendit's refunds and payouts say, and how each is found again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Operation
from domain.evidence import is_ours
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    Returned,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.xendit_spoken import (
    CHARGE,
    a_charge,
    answer,
    asked,
    error,
    paying_out,
    read_back,
    refunding,
    sent,
    shown_payment,
    shown_payout,
    shown_refund,
    shown_request,
    told,
)
from workers.gateways import DOUBLES


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        ({"status": "PENDING"}, Pending("rfd-1")),
        ({"status": "REQUIRES_ACTION"}, Pending("rfd-1")),
        (
            {"status": "FAILED", "failure_code": "ACCOUNT_NOT_FOUND"},
            Declined("ACCOUNT_NOT_FOUND", Hardness.HARD, "rfd-1"),
        ),
        ({"status": "FAILED"}, Declined("REFUND_FAILED", Hardness.HARD, "rfd-1")),
        ({"status": "CANCELLED"}, Declined("REFUND_CANCELLED", Hardness.HARD, "rfd-1")),
    ],
)
def test_a_refund_says_what_became_of_it(shown: dict[str, Any], outcome: Lookup) -> None:
    refund = refunding(100_000)

    assert sent(refund, answer(200, shown_refund(refund, **shown))) == outcome
    known = replace(refund, provider_id="rfd-1")
    assert read_back(known, shown_refund(refund, **shown)) == outcome


@pytest.mark.parametrize("status", ["", "SETTLED", "CANCELED", "succeeded"])
def test_a_refund_in_a_state_that_is_in_no_table_is_unknown(status: str) -> None:
    refund = refunding()

    assert isinstance(sent(refund, answer(200, shown_refund(refund, status=status))), Unknown)


def test_a_refund_tells_its_money_whoever_made_it() -> None:
    refund = refunding(100_000)

    less = shown_refund(refund, amount=999.5)
    assert sent(refund, answer(200, less)) == Succeeded(
        "rfd-1", money(99_950, "IDR"), reference=refund.reference
    )
    theirs = shown_refund(refund, reference_id=None)
    nobodys = Succeeded("rfd-1", money(100_000, "IDR"), reference="")
    assert sent(refund, answer(200, theirs)) == nobodys
    assert not is_ours(nobodys, refund)
    open_ = shown_refund(refund, reference_id=None, status="PENDING")
    assert isinstance(sent(refund, answer(200, open_)), Unknown)
    strange = shown_refund(refund, currency="XXX")
    assert isinstance(sent(refund, answer(200, strange)), Unknown)
    lost = told(lambda adapter: adapter.lookup(refund, within()), error(500, "SERVER_ERROR"))
    assert isinstance(lost, Unknown)
    other = shown_refund(refund, payment_request_id="pr-2")
    assert isinstance(sent(refund, answer(200, other)), Unknown)


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        ({"status": "ACCEPTED"}, Pending("disb-1")),
        ({"status": "REQUESTED"}, Pending("disb-1")),
        ({"status": "LOCKED"}, Pending("disb-1")),
        ({"status": "READY"}, Pending("disb-1")),
        ({"status": "ROUTING"}, Pending("disb-1")),
        ({"status": "PENDING_COMPLIANCE_ASSESSMENT"}, Pending("disb-1")),
        ({"status": "CANCELLED"}, Declined("CANCELLED", Hardness.HARD, "disb-1")),
        ({"status": "EXPIRED"}, Declined("EXPIRED", Hardness.HARD, "disb-1")),
        ({"status": "REJECTED"}, Declined("REJECTED", Hardness.HARD, "disb-1")),
        (
            {"status": "COMPLIANCE_REJECTED"},
            Declined("COMPLIANCE_REJECTED", Hardness.HARD, "disb-1"),
        ),
        ({"status": "REVERSED"}, Returned("disb-1", "REVERSED")),
        (
            {"status": "REVERSED", "failure_code": "INVALID_DESTINATION"},
            Returned("disb-1", "INVALID_DESTINATION"),
        ),
        ({"status": "FAILED"}, Declined("PAYOUT_FAILED", Hardness.HARD, "disb-1")),
    ],
)
def test_a_payout_says_what_became_of_it(shown: dict[str, Any], outcome: Lookup) -> None:
    payout = paying_out()

    assert sent(payout, answer(200, shown_payout(payout, **shown))) == outcome
    known = replace(payout, provider_id="disb-1")
    assert read_back(known, shown_payout(payout, **shown)) == outcome
    assert read_back(payout, [shown_payout(payout, **shown)]) == outcome


@pytest.mark.parametrize(
    ("code", "hardness"),
    [
        ("TEMPORARY_TRANSFER_ERROR", Hardness.SOFT),
        ("TRANSFER_ERROR", Hardness.SOFT),
        ("INSUFFICIENT_BALANCE", Hardness.SOFT),
        ("REJECTED_BY_CHANNEL", Hardness.HARD),
        ("INVALID_DESTINATION", Hardness.HARD),
    ],
)
def test_a_failed_payout_says_what_may_come_next(
    code: str, hardness: Hardness, caplog: pytest.LogCaptureFixture
) -> None:
    payout = paying_out()
    shown = shown_payout(payout, status="FAILED", failure_code=code)

    assert sent(payout, answer(200, shown)) == Declined(code, hardness, "disb-1")
    assert not caplog.records


@pytest.mark.parametrize("status", ["", "COMPLETED", "succeeded"])
def test_a_payout_in_a_state_that_is_in_no_table_is_unknown(status: str) -> None:
    payout = paying_out()

    assert isinstance(sent(payout, answer(200, shown_payout(payout, status=status))), Unknown)


def test_a_payout_is_found_by_our_reference_in_either_shape() -> None:
    payout = paying_out()
    paid = Succeeded("disb-1", payout.money, reference=payout.reference)
    shown = shown_payout(payout)

    assert read_back(payout, [shown]) == paid
    assert read_back(payout, {"data": [shown], "has_more": False}) == paid
    nothing: list[object] = [[], {"data": []}, [shown | {"reference_id": "f" * 32}]]
    for empty in nothing:
        assert read_back(payout, empty) == NotFound()
    strange: list[object] = [{}, "x", [1], None]
    for nonsense in strange:
        assert isinstance(read_back(payout, nonsense), Unknown)
    refused = told(lambda adapter: adapter.lookup(payout, within()), error(404, "DATA_NOT_FOUND"))
    assert isinstance(refused, Unknown)


def test_a_refund_is_found_among_all_the_refunds_of_its_charge() -> None:
    refund = refunding(100_000)
    others = [shown_refund(refund, id=f"rfd-{n}", reference_id="f" * 32) for n in range(2, 4)]
    given = Succeeded("rfd-1", money(100_000, "IDR"), reference=refund.reference)

    first = {"data": others, "has_more": True}
    last = {"data": [shown_refund(refund)], "has_more": False}
    assert read_back(refund, first, last) == given
    assert read_back(refund, {"data": others, "has_more": False}) == NotFound()
    assert read_back(refund, {"data": [], "has_more": True}) == NotFound()
    assert isinstance(read_back(refund, first, first, first, first), Unknown)

    requests = asked(
        lambda adapter: adapter.lookup(refund, within()), answer(200, first), answer(200, last)
    )
    assert requests[0].startswith(b"GET /refunds?payment_request_id=pr-1&limit=50 ")
    assert requests[1].startswith(b"GET /refunds?payment_request_id=pr-1&limit=50&after_id=rfd-3 ")


def test_two_refunds_or_payouts_that_moved_money_are_told_to_people() -> None:
    refund, payout = refunding(), paying_out()
    refunds = [
        shown_refund(refund, id="rfd-2", created="2026-01-01T00:00:01Z"),
        shown_refund(refund),
        shown_refund(refund, id="rfd-3", status="FAILED", created="2025-01-01T00:00:00Z"),
    ]
    payouts = [shown_payout(payout, id="disb-2", created=None), shown_payout(payout)]
    heard: list[tuple[str, str]] = []

    def alarm(what: str, reference: str) -> None:
        heard.append((what, reference))

    found = told(
        lambda adapter: adapter.lookup(refund, within()),
        answer(200, {"data": refunds}),
        alarm=alarm,
    )
    assert isinstance(found, Succeeded)
    assert found.provider_id == "rfd-1"
    found = told(
        lambda adapter: adapter.lookup(payout, within()), answer(200, payouts), alarm=alarm
    )
    assert isinstance(found, Succeeded)
    assert found.provider_id == "disb-1"
    assert heard == [
        (DOUBLES[Operation.REFUND], refund.reference),
        (DOUBLES[Operation.PAYOUT], payout.reference),
    ]


def test_where_charges_can_be_listed_the_one_that_moved_money_counts() -> None:
    charge = a_charge()
    failed = shown_request(charge, payment_request_id="pr-0", status="FAILED")
    ours = shown_request(charge)
    heard: list[tuple[str, str]] = []

    def looked_up(*listed: dict[str, Any]) -> Lookup:
        return told(
            lambda adapter: adapter.lookup(charge, within()),
            answer(200, {"data": list(listed)}),
            answer(200, ours),
            answer(200, shown_payment()),
            alarm=lambda what, reference: heard.append((what, reference)),
            list_by_reference=True,
            disputes=False,
        )

    paid = Succeeded(CHARGE, charge.money, reference=charge.reference)
    assert looked_up(failed, ours) == paid
    assert looked_up() == NotFound()
    assert looked_up(ours | {"reference_id": "f" * 32}) == NotFound()
    assert heard == []
    unread = told(
        lambda adapter: adapter.lookup(charge, within()),
        error(404, "NOT_FOUND"),
        list_by_reference=True,
    )
    assert isinstance(unread, Unknown)
    again = shown_request(charge, payment_request_id="pr-2", created="2026-01-02T00:00:00Z")
    assert looked_up(again, ours) == paid
    assert heard == [(DOUBLES[Operation.CHARGE], charge.reference)]


def test_a_charge_that_is_found_by_our_reference_can_be_cancelled() -> None:
    charge = a_charge()
    waits = shown_request(charge, status="PENDING", latest_payment_id=None)
    gone = shown_request(charge, status="CANCELED", latest_payment_id=None)
    listed = answer(200, {"data": [waits]})

    def cancelled(*answers: bytes) -> Lookup:
        return told(
            lambda adapter: adapter.cancel(charge, within()), *answers, list_by_reference=True
        )

    read = answer(200, waits)
    outcome = cancelled(listed, read, read, answer(200, gone), answer(200, gone))
    assert outcome == NotCharged(Proof.VOIDED, "read as canceled", CHARGE)
    already = cancelled(answer(200, {"data": [gone]}), answer(200, gone))
    assert already == outcome
