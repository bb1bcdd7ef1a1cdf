"""The test payment methods and card numbers of Stripe's documents, PayPal, and what each does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What comes of charging a card."""

    #: The card's number, in which a real test account would see it.
    number: str
    brand: str = "visa"
    #: `code` and `decline_code` of the decline, if it is declined.
    code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    #: Whether the payer's bank asks: always, where it is asked for, or never.
    three_ds: Literal["required", "optional", "never"] = "never"
    #: What becomes of a refund: it succeeds, is pending first, or fails after it succeeded.
    refund: Literal["succeeds", "pending", "fails"] = "succeeds"
    #: Why the payer disputes the charge, if they do.
    dispute: str = ""


def _declined(
    number: str, decline_code: str, code: str = "card_declined", advice: str = ""
) -> Behaviour:
    return Behaviour(number, code=code, decline_code=decline_code, advice_code=advice)


_LATER, _FIX, _NEVER = "try_again_later", "confirm_card_data", "do_not_try_again"

#: Payment methods that every test account has.
TEST_METHODS: Mapping[str, Behaviour] = {
    "pm_card_visa": Behaviour("4242424242424242"),
    "pm_card_visa_debit": Behaviour("4000056655665556"),
    "pm_card_mastercard": Behaviour("5555555555554444", "mastercard"),
    "pm_card_amex": Behaviour("378282246310005", "amex"),
    "pm_card_discover": Behaviour("6011111111111117", "discover"),
    "pm_card_visa_chargeDeclined": _declined("4000000000000002", "generic_decline", advice=_LATER),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declined(
        "4000000000009995", "insufficient_funds", advice=_LATER
    ),
    "pm_card_visa_chargeDeclinedLostCard": _declined(
        "4000000000009987", "lost_card", advice=_NEVER
    ),
    "pm_card_visa_chargeDeclinedStolenCard": _declined(
        "4000000000009979", "stolen_card", advice=_NEVER
    ),
    "pm_card_chargeDeclinedExpiredCard": _declined(
        "4000000000000069", "expired_card", "expired_card", _NEVER
    ),
    "pm_card_chargeDeclinedIncorrectCvc": _declined(
        "4000000000000127", "incorrect_cvc", "incorrect_cvc", _FIX
    ),
    "pm_card_chargeDeclinedProcessingError": _declined(
        "4000000000000119", "processing_error", "processing_error", _LATER
    ),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declined(
        "4000000000006975", "card_velocity_exceeded", advice=_LATER
    ),
    "pm_card_visa_chargeDeclinedFraudulent": _declined(
        "4100000000000019", "fraudulent", advice=_NEVER
    ),
    "pm_card_radarBlock": _declined("4100000000000019", "fraudulent"),
    "pm_card_chargeCustomerFail": _declined("4000000000000341", "generic_decline", advice=_LATER),
    "pm_card_authenticationRequired": Behaviour("4000002760003184", three_ds="required"),
    "pm_card_threeDSecureRequired": Behaviour("4000000000003063", three_ds="required"),
    "pm_card_threeDSecure2Required": Behaviour("4000000000003220", three_ds="required"),
    "pm_card_threeDSecureRequiredChargeDeclined": Behaviour(
        "4000008400001629",
        code="card_declined",
        decline_code="generic_decline",
        three_ds="required",
    ),
    "pm_card_threeDSecureOptional": Behaviour("4000000000003055", three_ds="optional"),
    "pm_card_pendingRefund": Behaviour("4000000000007726", refund="pending"),
    "pm_card_refundFail": Behaviour("4000000000005126", refund="fails"),
    "pm_card_createDispute": Behaviour("4000000000000259", dispute="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Behaviour(
        "4000000000002685", dispute="product_not_received"
    ),
    "pm_card_createDisputeInquiry": Behaviour("4000000000001976", dispute="inquiry"),
}
#: The same by number, for payment methods that are made of one.
NUMBERS: Mapping[str, Behaviour] = {one.number: one for one in TEST_METHODS.values()}

#: A PayPal account, in the place of a card. Its payer is asked, unless they agreed once for all.
PAYPAL = "paypal"
BEHAVIOURS: Mapping[str, Behaviour] = {**TEST_METHODS, PAYPAL: Behaviour("", PAYPAL)}

#: External accounts that a payout cannot end at: what its token says, and the failure.
FAILING_ACCOUNTS: Mapping[str, str] = {
    "ba_account_closed": "account_closed",
    "ba_no_account": "no_account",
    "ba_debit_not_authorized": "debit_not_authorized",
    "ba_invalid_currency": "invalid_currency",
    "ba_could_not_process": "could_not_process",
}
