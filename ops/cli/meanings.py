"""Meanings: what each reason for parking says, and what the person who finds it does."""

from __future__ import annotations

from typing import Final

from domain.due import Reason

_MEANINGS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.POISON: (
        "Its worker stopped again and again before it could write a result.",
        "Find the error in the workers' log by the request id, then retry.",
    ),
    Reason.UNRESOLVED: (
        "The provider was asked by the whole schedule and never said what became of it.",
        "Look at the provider's own pages and settle it by what they show; retry asks once more.",
    ),
    Reason.AMOUNT_MISMATCH: (
        "The provider reports another amount, currency or reference than we asked for.",
        "Approve or reject it under /v1/reviews, or settle the attempt by what the provider shows.",
    ),
    Reason.LATE_SUCCESS: (
        "Money arrived after the payment had ended or another gateway had taken it.",
        "Refund it at the provider, then settle it as stands: it is nobody's payment here.",
    ),
    Reason.OVERDRAWN: (
        "The provider took back more than was left of the payment after its refunds.",
        "Come to terms with the merchant by the stored facts, then settle it as stands.",
    ),
    Reason.REFUND_FAILED: (
        "Money that is nobody's here did not go back to its payer.",
        "Give it back at the provider's own pages, then settle it as stands.",
    ),
    Reason.UNKNOWN_OBJECT: (
        "The provider told of an object that we never asked for.",
        "Look it up at the provider; retry once it belongs to an attempt, or settle it as not-ours.",
    ),
    Reason.UNREADABLE: (
        "The message was signed correctly but does not have the provider's form.",
        "Compare it with the provider's documentation; retry after an update, or settle it as not-ours.",
    ),
    Reason.CONTRADICTION: (
        "The provider said both that money moved and that it did not.",
        "Ask the provider which is true and settle it; money that came too late goes back by itself.",
    ),
}


def advice(reason: str) -> tuple[str, str]:
    """Return what a reason means and what to do, one sentence each."""
    return _MEANINGS[Reason(reason)]
