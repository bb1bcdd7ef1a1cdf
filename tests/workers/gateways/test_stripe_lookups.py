"""How the Stripe adapter looks for charges, refunds and payouts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Lookup,
    NotFound,
    Pending,
    Prepared,
    Succeeded,
    Unknown,
)
from tests.contract.made import money, within
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    PAYOUT,
    REFUND,
    adapter_at,
    error,
    hearing,
    intent,
    looked_up,
    making,
    page,
    paying_out,
    payout,
    refund,
    refunding,
    spoken,
)
from tests.workers.raw_server import answering, serving

EUR = money(1250)


def found(*intents: dict[str, Any]) -> bytes:
    return spoken(200, {"object": "search_result", "data": list(intents), "has_more": False})


def with_alarms(attempt: Attempt, *answers: bytes) -> tuple[Lookup, list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []
    with serving(answering(*answers)) as server:
        alarm = adapter_at(server.url, lambda what, reference: heard.append((what, reference)))
        with closing(alarm) as adapter:
            return adapter.lookup(attempt, within()), heard


def test_a_charge_without_an_id_is_searched_for_by_our_reference() -> None:
    attempt = making()

    outcome, raw = hearing(lambda s: s.lookup(attempt, within()), found(intent(attempt)))

    assert outcome == Succeeded(INTENT, EUR, True, attempt.reference)
    line = raw[0].partition(b"\r\n")[0].decode()
    assert line.startswith("GET /v1/payment_intents/search?query=metadata[%27paylink_reference%27]")
    assert attempt.reference in line
    assert "expand[0]=data.latest_charge" in line


def test_a_search_that_finds_nothing_or_somebody_else_finds_nothing() -> None:
    attempt = making()
    theirs = intent(attempt, metadata={"paylink_reference": "f" * 32})

    assert looked_up(attempt, found()) == NotFound()
    assert looked_up(attempt, found(theirs)) == NotFound()


@pytest.mark.parametrize("status", [400, 404])
def test_an_account_without_a_search_finds_nothing(status: int) -> None:
    assert looked_up(making(), spoken(status, error())) == NotFound()


def test_of_several_charges_the_one_that_moved_money_counts_and_two_are_told_to_people() -> None:
    attempt = making()
    mine, other = intent(attempt), intent(attempt, id="pi_2", created=1_700_000_009)
    prepared = intent(attempt, "requires_confirmation", id="pi_3")

    one, silence = with_alarms(attempt, found(prepared, mine))
    two, alarms = with_alarms(attempt, found(other, prepared, mine))

    assert one == two == Succeeded(INTENT, EUR, True, attempt.reference)
    assert silence == []
    assert alarms == [("double_charge", attempt.reference)]
    assert looked_up(attempt, found(prepared)) == Prepared("pi_3")


def test_a_refund_is_searched_for_among_those_of_its_charge() -> None:
    attempt = refunding(250)
    theirs = refund(attempt, id="re_0", metadata={})
    pages = [
        spoken(200, page(theirs, more=True)),
        spoken(200, page(refund(attempt), theirs)),
    ]

    outcome, raw = hearing(lambda s: s.lookup(attempt, within()), *pages)

    assert outcome == Succeeded(REFUND, money(250), True, attempt.reference)
    lines = [one.partition(b" HTTP")[0].decode() for one in raw]
    assert lines == [
        "GET /v1/refunds?payment_intent=pi_1&limit=100",
        "GET /v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_0",
    ]
    assert looked_up(attempt, spoken(200, page(theirs))) == NotFound()
    assert looked_up(attempt, spoken(200, page())) == NotFound()


def test_a_refund_with_an_id_is_read_by_it() -> None:
    attempt = replace(refunding(250), provider_id=REFUND)

    outcome, raw = hearing(lambda s: s.lookup(attempt, within()), spoken(200, refund(attempt)))

    assert outcome == Succeeded(REFUND, money(250), True, attempt.reference)
    assert raw[0].startswith(b"GET /v1/refunds/re_1 ")


def test_payouts_are_read_until_they_are_older_than_ours() -> None:
    attempt = paying_out()
    began = int(attempt.created_at.timestamp())
    young = payout(attempt, id="po_9", metadata={}, created=began)
    old = payout(attempt, id="po_8", metadata={}, created=began - 3600)

    listed = looked_up(
        attempt, spoken(200, page(young, more=True)), spoken(200, page(payout(attempt)))
    )
    nothing, raw = hearing(
        lambda s: s.lookup(attempt, within()), spoken(200, page(young, old, more=True))
    )

    assert listed == Pending(PAYOUT)
    assert nothing == NotFound()
    assert len(raw) == 1


def test_what_is_on_no_page_that_is_read_is_not_said_to_be_absent() -> None:
    attempt = paying_out()
    other = payout(attempt, id="po_9", metadata={}, created=int(attempt.created_at.timestamp()))

    outcome, raw = hearing(
        lambda s: s.lookup(attempt, within()), *[spoken(200, page(other, more=True))] * 9
    )

    assert isinstance(outcome, Unknown)
    assert len(raw) == 5
    late = replace(attempt, created_at=attempt.created_at + timedelta(hours=1))
    assert looked_up(late, spoken(200, page(other, more=True))) == NotFound()


@pytest.mark.parametrize(
    ("attempt", "shown", "alarm"),
    [(refunding(), refund, "double_refund"), (paying_out(), payout, "double_payout")],
    ids=["refund", "payout"],
)
def test_two_orders_under_one_reference_are_told_to_people(
    attempt: Attempt, shown: Any, alarm: str
) -> None:
    failed = shown(attempt, "failed", id="x_2")

    status = "paid" if shown is payout else "succeeded"
    moved, again = shown(attempt, status), shown(attempt, status, id="x_3")

    _, alarms = with_alarms(attempt, spoken(200, page(moved, again)))
    _, silence = with_alarms(attempt, spoken(200, page(moved, failed)))

    assert alarms == [(alarm, attempt.reference)]
    assert silence == []
