"""Stripe's declines: what a "no" to a card, or to a payout, allows next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from domain.outcome import Declined, Hardness
from workers.gateways.stripe.shapes import Problem, told

_log = logging.getLogger(__name__)

#: For a code that is in no table, and came with no advice: a wrong "hard" costs one sale, a wrong
#: "soft" carries a stolen card from gateway to gateway, which the card schemes fine.
UNLISTED: Final = Hardness.HARD
#: Where the provider does not say why.
NO_CODE: Final = "declined"

#: `decline_code`, and `code` where there is none.
DECLINES: Final[Mapping[str, Hardness]] = {
    "approve_with_id": Hardness.SOFT,
    "call_issuer": Hardness.SOFT,
    "card_declined": Hardness.SOFT,
    "card_not_supported": Hardness.SOFT,
    "card_velocity_exceeded": Hardness.SOFT,
    "currency_not_supported": Hardness.SOFT,
    "do_not_honor": Hardness.SOFT,
    "generic_decline": Hardness.SOFT,
    "insufficient_funds": Hardness.SOFT,
    "invalid_amount": Hardness.SOFT,
    "issuer_not_available": Hardness.SOFT,
    "no_action_taken": Hardness.SOFT,
    "not_permitted": Hardness.SOFT,
    "payment_intent_payment_attempt_failed": Hardness.SOFT,
    "payment_method_not_available": Hardness.SOFT,
    "payment_method_provider_decline": Hardness.SOFT,
    "payment_method_provider_timeout": Hardness.SOFT,
    "processing_error": Hardness.SOFT,
    "reenter_transaction": Hardness.SOFT,
    "service_not_allowed": Hardness.SOFT,
    "transaction_not_allowed": Hardness.SOFT,
    "try_again_later": Hardness.SOFT,
    "withdrawal_count_limit_exceeded": Hardness.SOFT,
    "card_decline_rate_limit_exceeded": Hardness.HARD,
    "do_not_try_again": Hardness.HARD,
    "duplicate_transaction": Hardness.HARD,
    "fraudulent": Hardness.HARD,
    "highest_risk_level": Hardness.HARD,
    "lost_card": Hardness.HARD,
    "merchant_blacklist": Hardness.HARD,
    "pickup_card": Hardness.HARD,
    "pin_try_exceeded": Hardness.HARD,
    "restricted_card": Hardness.HARD,
    "revocation_of_all_authorizations": Hardness.HARD,
    "revocation_of_authorization": Hardness.HARD,
    "security_violation": Hardness.HARD,
    "stolen_card": Hardness.HARD,
    "stop_payment_order": Hardness.HARD,
    "testmode_decline": Hardness.HARD,
    "authentication_required": Hardness.FIX_DATA,  # the payer's own step: they may do it again
    "authentication_not_handled": Hardness.FIX_DATA,
    "payment_intent_authentication_failure": Hardness.FIX_DATA,
    "payment_intent_payment_attempt_expired": Hardness.FIX_DATA,
    "payment_method_customer_decline": Hardness.FIX_DATA,
    "expired_card": Hardness.FIX_DATA,
    "incorrect_address": Hardness.FIX_DATA,
    "incorrect_cvc": Hardness.FIX_DATA,
    "incorrect_number": Hardness.FIX_DATA,
    "incorrect_pin": Hardness.FIX_DATA,
    "incorrect_zip": Hardness.FIX_DATA,
    "invalid_account": Hardness.FIX_DATA,
    "invalid_cvc": Hardness.FIX_DATA,
    "invalid_expiry_month": Hardness.FIX_DATA,
    "invalid_expiry_year": Hardness.FIX_DATA,
    "invalid_number": Hardness.FIX_DATA,
    "invalid_pin": Hardness.FIX_DATA,
    "new_account_information_available": Hardness.FIX_DATA,
    "offline_pin_required": Hardness.FIX_DATA,
    "online_or_offline_pin_required": Hardness.FIX_DATA,
}
#: `advice_code`, the issuer's word on trying again.
ADVICE: Final[Mapping[str, Hardness]] = {
    "try_again_later": Hardness.SOFT,
    "confirm_card_data": Hardness.FIX_DATA,
    "do_not_try_again": Hardness.HARD,
}
#: `network_advice_code`: those after which the network fines whoever tries again.
NETWORK_ADVICE: Final[Mapping[str, Hardness]] = {"03": Hardness.HARD, "21": Hardness.HARD}
#: The strictest word counts.
_STRICTNESS: Final = (Hardness.SOFT, Hardness.FIX_DATA, Hardness.HARD)

#: `failure_code` of a payout.
PAYOUT_FAILURES: Final[Mapping[str, Hardness]] = {
    "could_not_process": Hardness.SOFT,
    "declined": Hardness.SOFT,
    "insufficient_funds": Hardness.SOFT,
    "account_closed": Hardness.HARD,
    "account_frozen": Hardness.HARD,
    "bank_account_restricted": Hardness.HARD,
    "bank_ownership_changed": Hardness.HARD,
    "debit_not_authorized": Hardness.HARD,
    "invalid_currency": Hardness.HARD,
    "unsupported_card": Hardness.HARD,
    "incorrect_account_address": Hardness.FIX_DATA,
    "incorrect_account_holder_address": Hardness.FIX_DATA,
    "incorrect_account_holder_name": Hardness.FIX_DATA,
    "incorrect_account_holder_tax_id": Hardness.FIX_DATA,
    "incorrect_account_type": Hardness.FIX_DATA,
    "invalid_account_number": Hardness.FIX_DATA,
    "invalid_account_number_length": Hardness.FIX_DATA,
    "no_account": Hardness.FIX_DATA,
}

#: Documented answers to a refund or a payout that say "no" to the money, by `code` of a 400.
DENIALS: Final[Mapping[str, Hardness]] = {
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


def declined(problem: Problem, provider_id: str | None) -> Declined:
    """Return the decline that an error describes: of a card, its strictest word counts."""
    code = told(problem.decline_code) or told(problem.code, NO_CODE)
    words = (
        DECLINES.get(code),
        ADVICE.get(told(problem.advice_code)),
        NETWORK_ADVICE.get(told(problem.network_advice_code)),
    )
    said = [word for word in words if word is not None]
    if code not in DECLINES:
        _log.warning("stripe declined with %r, which is not in our table", code)
    hardness = max(said, key=_STRICTNESS.index, default=UNLISTED)
    barred = told(problem.network_advice_code) in NETWORK_ADVICE
    return Declined(code, hardness, provider_id, barred)


def unpaid(code: object, otherwise: str, provider_id: str) -> Declined:
    """Return the decline that a payout's failure code describes."""
    word = told(code, otherwise)
    return Declined(word, PAYOUT_FAILURES.get(word, UNLISTED), provider_id)
