"""What the Stripe adapter makes of a "no": to a card, a refund, a payout."""

from __future__ import annotations

from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Unknown,
)
from tests.workers.gateways.stripe_spoken import (
    CHARGE,
    INTENT,
    answered,
    confirming,
    error,
    intent,
    looked_up,
    making,
    paying_out,
    refunding,
    spoken,
)
from workers.gateways.stripe.declines import ADVICE, DECLINES, DENIALS, PAYOUT_FAILURES


def card_error(attempt: Attempt, **fields: Any) -> dict[str, Any]:
    """The error of a declined confirmation, with the intent as it is then."""
    said = {"code": "card_declined"} | fields
    shown = intent(attempt, "requires_payment_method", last_payment_error=said)
    return error("card_error", **{"payment_intent": shown, "charge": CHARGE} | said)


SOFT = """approve_with_id call_issuer card_declined card_not_supported card_velocity_exceeded
    currency_not_supported do_not_honor generic_decline insufficient_funds invalid_amount
    issuer_not_available no_action_taken not_permitted payment_intent_payment_attempt_failed
    payment_method_not_available payment_method_provider_decline payment_method_provider_timeout
    processing_error
    reenter_transaction service_not_allowed transaction_not_allowed try_again_later
    withdrawal_count_limit_exceeded"""
HARD = """card_decline_rate_limit_exceeded do_not_try_again duplicate_transaction fraudulent
    highest_risk_level lost_card merchant_blacklist pickup_card pin_try_exceeded restricted_card
    revocation_of_all_authorizations revocation_of_authorization security_violation stolen_card
    stop_payment_order testmode_decline"""
FIX_DATA = """authentication_not_handled authentication_required expired_card incorrect_address
    incorrect_cvc incorrect_number incorrect_pin incorrect_zip invalid_account invalid_cvc
    invalid_expiry_month invalid_expiry_year invalid_number invalid_pin
    new_account_information_available offline_pin_required online_or_offline_pin_required
    payment_intent_authentication_failure payment_intent_payment_attempt_expired
    payment_method_customer_decline"""
CODES = [
    (code, hardness)
    for codes, hardness in (
        (SOFT, Hardness.SOFT),
        (HARD, Hardness.HARD),
        (FIX_DATA, Hardness.FIX_DATA),
    )
    for code in codes.split()
]


@pytest.mark.parametrize(("code", "hardness"), CODES)
def test_a_decline_is_as_hard_as_its_code(code: str, hardness: Hardness) -> None:
    attempt = confirming()
    by_issuer = card_error(attempt, decline_code=code)
    by_itself = card_error(attempt, code=code)

    for body in (by_issuer, by_itself):
        assert answered(attempt, 402, body) == Declined(code, hardness, INTENT)
        shown = body["error"]["payment_intent"]
        assert looked_up(attempt, spoken(200, shown)) == Declined(code, hardness, INTENT)


def test_every_decline_in_the_table_is_one_of_these() -> None:
    assert dict(CODES) == DECLINES
    assert set(ADVICE) == {"try_again_later", "confirm_card_data", "do_not_try_again"}


@pytest.mark.parametrize(
    ("fields", "hardness"),
    [
        ({"decline_code": "something_new"}, Hardness.HARD),
        ({"decline_code": "something_new", "advice_code": "try_again_later"}, Hardness.SOFT),
        ({"decline_code": "something_new", "advice_code": "confirm_card_data"}, Hardness.FIX_DATA),
        ({"decline_code": "generic_decline", "advice_code": "do_not_try_again"}, Hardness.HARD),
        (
            {"decline_code": "generic_decline", "advice_code": "confirm_card_data"},
            Hardness.FIX_DATA,
        ),
        ({"decline_code": "stolen_card", "advice_code": "try_again_later"}, Hardness.HARD),
        ({"decline_code": "expired_card", "advice_code": "try_again_later"}, Hardness.FIX_DATA),
        ({"decline_code": "do_not_honor", "network_advice_code": "03"}, Hardness.HARD),
        ({"decline_code": "do_not_honor", "network_advice_code": "21"}, Hardness.HARD),
        ({"decline_code": "do_not_honor", "network_advice_code": "02"}, Hardness.SOFT),
        ({"decline_code": "do_not_honor", "advice_code": "something_new"}, Hardness.SOFT),
    ],
    ids=str,
)
def test_the_strictest_word_of_a_decline_counts(fields: dict[str, str], hardness: Hardness) -> None:
    attempt = confirming()

    outcome = answered(attempt, 402, card_error(attempt, **fields))

    barred = fields.get("network_advice_code") in ("03", "21")
    assert outcome == Declined(fields["decline_code"], hardness, INTENT, barred)


def test_a_decline_that_shows_no_intent_or_no_code_is_one_all_the_same() -> None:
    assert answered(confirming(), 402, error("card_error")) == Declined(
        "declined", Hardness.HARD, INTENT
    )


@pytest.mark.parametrize("decline_code", [None, "insufficient_funds"])
def test_a_no_of_paypal_is_proven_by_its_intent(decline_code: str | None) -> None:
    attempt, said = confirming(), {"code": "payment_method_provider_decline"}
    if decline_code:
        said["decline_code"] = decline_code
    shown = intent(attempt, "requires_payment_method", last_payment_error=said)

    proven = answered(attempt, 402, error(**said, payment_intent=shown))

    assert proven == Declined(decline_code or said["code"], Hardness.SOFT, INTENT)
    assert isinstance(answered(attempt, 402, error(**said)), Unknown)
    paid = intent(attempt, "succeeded")
    assert isinstance(answered(attempt, 402, error(**said, payment_intent=paid)), Unknown)


@pytest.mark.parametrize(
    "shown",
    [
        {"status": "succeeded"},
        {"status": "requires_capture"},
        {"status": "processing"},
        {"status": "something_new"},
        {"id": "pi_2"},
        {"amount": "much"},
    ],
    ids=str,
)
def test_a_decline_that_contradicts_its_intent_is_unknown(shown: dict[str, Any]) -> None:
    attempt = confirming()
    body = card_error(attempt)
    body["error"]["payment_intent"] |= shown

    assert isinstance(answered(attempt, 402, body), Unknown)


def test_a_method_that_was_forgotten_is_declined_for_good() -> None:
    gone = error(param="payment_method")
    missing = error(param="payment_method", code="resource_missing")

    assert answered(confirming(), 400, gone) == Declined(
        "payment_method_unusable", Hardness.HARD, INTENT
    )
    assert isinstance(answered(confirming(), 400, missing), NotCharged)
    assert isinstance(answered(making(), 400, gone), NotCharged)


DENIED = {
    "balance_insufficient": Hardness.SOFT,
    "insufficient_funds": Hardness.SOFT,
    "payouts_limit_exceeded": Hardness.SOFT,
    "payouts_not_allowed": Hardness.SOFT,
    "account_closed": Hardness.HARD,
    "bank_account_unusable": Hardness.HARD,
    "charge_already_refunded": Hardness.HARD,
    "charge_disputed": Hardness.HARD,
    "no_account": Hardness.HARD,
    "refund_disputed_payment": Hardness.HARD,
}


@pytest.mark.parametrize("code", DENIED)
@pytest.mark.parametrize("attempt", [refunding(), paying_out()], ids=lambda one: one.operation)
def test_a_no_to_a_refund_or_a_payout_is_a_decline(attempt: Attempt, code: str) -> None:
    assert answered(attempt, 400, error(code=code)) == Declined(code, DENIED[code])
    assert isinstance(answered(attempt, 500, error(code=code)), Unknown)
    assert isinstance(answered(confirming(), 400, error(code=code)), Unknown)


def test_every_no_in_the_table_is_one_of_these() -> None:
    assert DENIED == DENIALS
    assert len(PAYOUT_FAILURES) == 18
