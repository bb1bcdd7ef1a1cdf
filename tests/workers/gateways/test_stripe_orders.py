"""What the Stripe adapter makes of refunds, payouts, disputes, and tokens that are forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    Outcome,
    Pending,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.made import a_detachment, money, within
from tests.workers.gateways.stripe_spoken import (
    INTENT,
    PAYOUT,
    REFUND,
    answered,
    confirming,
    error,
    hearing,
    intent,
    looked_up,
    page,
    paying_out,
    payout,
    refund,
    refunding,
    spoken,
)

EUR = money(1250)

#: A refund's status, and what it says.
REFUNDED: list[tuple[str, dict[str, Any], Outcome]] = [
    ("pending", {}, Pending(REFUND)),
    ("requires_action", {}, Pending(REFUND)),
    ("failed", {}, Declined("refund_declined", Hardness.HARD, REFUND)),
    (
        "failed",
        {"failure_reason": "lost_or_stolen_card"},
        Declined("lost_or_stolen_card", Hardness.HARD, REFUND),
    ),
    ("canceled", {}, Declined("canceled", Hardness.HARD, REFUND)),
]


@pytest.mark.parametrize(("status", "changes", "outcome"), REFUNDED)
def test_a_refund_says_what_became_of_it(
    status: str, changes: dict[str, Any], outcome: Outcome
) -> None:
    attempt = refunding(250)
    shown = refund(attempt, status, **changes)

    assert answered(attempt, 200, shown) == outcome
    assert looked_up(replace(attempt, provider_id=REFUND), spoken(200, shown)) == outcome


#: A payout's status, and what it says.
PAID_OUT: list[tuple[str, dict[str, Any], Outcome]] = [
    ("pending", {}, Pending(PAYOUT)),
    ("in_transit", {}, Pending(PAYOUT)),
    ("paid", {"reversed_by": "po_2"}, Returned(PAYOUT, "reversed")),
    ("canceled", {}, Declined("canceled", Hardness.HARD, PAYOUT)),
    ("failed", {}, Declined("payout_declined", Hardness.HARD, PAYOUT)),
    (
        "failed",
        {"failure_code": "something_new"},
        Declined("something_new", Hardness.HARD, PAYOUT),
    ),
]
FAILURES = {
    Hardness.SOFT: "could_not_process declined insufficient_funds",
    Hardness.HARD: "account_closed account_frozen bank_account_restricted bank_ownership_changed "
    "debit_not_authorized invalid_currency unsupported_card",
    Hardness.FIX_DATA: "incorrect_account_address incorrect_account_holder_address "
    "incorrect_account_holder_name incorrect_account_holder_tax_id incorrect_account_type "
    "invalid_account_number invalid_account_number_length no_account",
}


@pytest.mark.parametrize(("status", "changes", "outcome"), PAID_OUT)
def test_a_payout_says_what_became_of_it(
    status: str, changes: dict[str, Any], outcome: Outcome
) -> None:
    attempt = paying_out()
    shown = payout(attempt, status, **changes)

    assert answered(attempt, 200, shown) == outcome
    assert looked_up(replace(attempt, provider_id=PAYOUT), spoken(200, shown)) == outcome


@pytest.mark.parametrize("hardness", FAILURES)
def test_a_failed_payout_is_as_hard_as_its_code(hardness: Hardness) -> None:
    attempt = paying_out()
    for code in FAILURES[hardness].split():
        shown = payout(attempt, "failed", failure_code=code)
        assert answered(attempt, 200, shown) == Declined(code, hardness, PAYOUT)


def test_what_was_given_back_or_paid_out_is_told_with_its_name() -> None:
    back, out = refunding(250), paying_out()

    assert answered(back, 200, refund(back)) == Succeeded(REFUND, money(250), True, back.reference)
    assert answered(out, 200, payout(out, "paid")) == Succeeded(
        PAYOUT, money(4200), True, out.reference
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "something_new"},
        {"status": "pending", "metadata": {"paylink_reference": "f" * 32}},
        {"status": "failed", "metadata": {"paylink_reference": "f" * 32}},
        {"status": "succeeded", "currency": "xxx"},
        {"status": "paid", "currency": "xxx"},
        {"amount": "much"},
        {"payment_intent": "pi_2", "object": "refund"},
    ],
    ids=str,
)
def test_an_order_that_is_not_ours_or_not_documented_is_unknown(changes: dict[str, Any]) -> None:
    back, out = refunding(), paying_out()

    assert isinstance(answered(back, 200, refund(back) | changes), Unknown)
    if "payment_intent" not in changes:
        assert isinstance(answered(out, 200, payout(out) | changes), Unknown)


def disputed(attempt: Attempt, *disputes: dict[str, Any], more: bool = False) -> Lookup:
    """Look up a charge of 12.50 EUR that is under these disputes."""
    charge = {"id": "ch_1", "amount": 1250, "amount_captured": 1250, "disputed": True}
    listed = spoken(200, page(*disputes, more=more))
    return looked_up(attempt, spoken(200, intent(attempt, latest_charge=charge)), listed)


def dispute(status: str, amount: int = 1250, **changes: Any) -> dict[str, Any]:
    shown = {"id": "du_1", "amount": amount, "currency": "eur", "status": status}
    return shown | {"reason": "fraudulent"} | changes


TAKEN = ["needs_response", "under_review", "appeal_needs_response", "appeal_under_review", "lost"]
LEFT = ["won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed"]


@pytest.mark.parametrize("status", TAKEN)
def test_a_dispute_takes_its_money_when_the_bank_asks_for_it(status: str) -> None:
    attempt = confirming()

    assert disputed(attempt, dispute(status, 500)) == TakenBack(
        INTENT, EUR, money(500), "fraudulent", attempt.reference
    )


@pytest.mark.parametrize("status", LEFT)
def test_an_inquiry_or_a_dispute_that_was_won_takes_nothing(status: str) -> None:
    attempt = confirming()

    assert disputed(attempt, dispute(status)) == Succeeded(INTENT, EUR, True, attempt.reference)


def test_disputes_add_up() -> None:
    attempt = confirming()

    taken = disputed(attempt, dispute("lost", 500), dispute("won", 700), dispute("lost", 250))

    assert isinstance(taken, TakenBack)
    assert taken.taken == money(750)


@pytest.mark.parametrize(
    "odd",
    [
        dispute("something_new"),
        dispute("lost", currency="usd"),
        dispute("lost", 1251),
        {"amount": 5},
    ],
    ids=str,
)
def test_a_dispute_that_is_not_understood_is_unknown(odd: dict[str, Any]) -> None:
    assert isinstance(disputed(confirming(), odd), Unknown)


def test_disputes_that_cannot_be_read_leave_the_charge_unknown() -> None:
    attempt = confirming()
    charge = {"id": "ch_1", "disputed": True}
    shown = spoken(200, intent(attempt, latest_charge=charge))

    assert isinstance(looked_up(attempt, shown, spoken(500, error("api_error")), b""), Unknown)
    assert isinstance(disputed(attempt, dispute("lost", 5), more=True), Unknown)


def test_only_a_disputed_charge_costs_a_second_read() -> None:
    attempt = confirming()
    shown = intent(attempt, latest_charge={"id": "ch_1", "disputed": False})

    _, raw = hearing(lambda s: s.lookup(attempt, within()), spoken(200, shown))

    assert len(raw) == 1


@pytest.mark.parametrize(
    ("answers", "forgotten"),
    [
        ([spoken(200, {"id": "pm_1", "customer": None})], True),
        ([spoken(200, {"id": "pm_1", "customer": "cus_1"})], False),
        ([spoken(200, {"id": "pm_2", "customer": None})], False),
        ([spoken(400, error()), spoken(200, {"id": "pm_1", "customer": None})], True),
        ([spoken(400, error()), spoken(200, {"id": "pm_1", "customer": "cus_1"})], False),
        ([spoken(500, error("api_error"))], False),
    ],
    ids=["forgotten", "kept", "another", "nobody's already", "refused", "failed"],
)
def test_a_token_is_forgotten_once_it_is_nobodys(answers: list[bytes], forgotten: bool) -> None:
    detachment = a_detachment("pm_1")

    outcome, _ = hearing(lambda s: s.detach(detachment, within()), *answers)

    if forgotten:
        assert isinstance(outcome, Succeeded)
        assert outcome.provider_id == detachment.id.hex
    else:
        assert isinstance(outcome, Unknown)
