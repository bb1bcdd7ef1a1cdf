"""Transfers, outwards: what of deposits and withdrawals their merchant is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from domain.ids import Kind, public
from domain.payment import Failure, Payment, Status
from domain.payout import Payout, PayoutStatus
from ingress.views import CheckoutUrl, moment

#: What is said to a person; programs decide by `status`.
DEPOSIT_MESSAGES: Final[Mapping[Status, str]] = {
    Status.PENDING: "Transaction is being processed",
    Status.PROCESSING: "Transaction is being processed",
    Status.IN_REVIEW: "Transaction is being reviewed",
    Status.REQUIRES_ACTION: "The user must confirm the transaction at redirect_url",
    Status.AUTHORIZED: "Transaction is authorized",
    Status.CAPTURED: "Transaction is completed",
    Status.PARTIALLY_REFUNDED: "Transaction is refunded in part",
    Status.REFUNDED: "Transaction is refunded",
    Status.REVERSED: "Transaction was taken back by the provider",
    Status.FAILED: "Transaction failed",
    Status.CANCELLED: "Transaction is cancelled",
    Status.EXPIRED: "Transaction has expired",
}
PAYOUT_MESSAGES: Final[Mapping[PayoutStatus, str]] = {
    PayoutStatus.PENDING: "Withdrawal request is being processed",
    PayoutStatus.PROCESSING: "Withdrawal request is being processed",
    PayoutStatus.SUCCEEDED: "Withdrawal is completed",
    PayoutStatus.FAILED: "Withdrawal failed",
}


def deposit_json(payment: Payment, checkout_url: CheckoutUrl) -> dict[str, Any]:
    """Return a deposit for its merchant. The payment behind it says the rest."""
    id_ = public(Kind.PAYMENT, payment.id)
    return {
        "id": id_,
        "object": "deposit",
        "status": payment.status.value,
        "transaction_id": id_,
        "message": DEPOSIT_MESSAGES[payment.status],
        "redirect_url": checkout_url(payment.id),
        "user_id": payment.customer.id,
        "amount": payment.money.minor,
        "currency": payment.money.currency.code,
        "order_id": payment.order_id,
        "provider": payment.gateway_id,
        "failure": _failure(payment.failure),
        "metadata": payment.metadata,
        "mode": payment.mode.value,
        "created_at": moment(payment.created_at),
        "expires_at": moment(payment.expires_at),
        "links": {"self": f"/v1/deposits/{id_}", "payment": f"/v1/payments/{id_}"},
    }


def payout_json(payout: Payout) -> dict[str, Any]:
    """Return a payout for its merchant; the account it goes to is told by its type alone."""
    id_ = public(Kind.PAYOUT, payout.id)
    return {
        "id": id_,
        "object": "payout",
        "status": payout.status.value,
        "transaction_id": id_,
        "message": PAYOUT_MESSAGES[payout.status],
        "user_id": payout.customer.id,
        "amount": payout.money.minor,
        "currency": payout.money.currency.code,
        "destination": {"type": payout.destination.type},
        "country": payout.country,
        "reference": payout.reference,
        "description": payout.description,
        "provider": payout.gateway_id,
        "failure": _failure(payout.failure),
        "metadata": payout.metadata,
        "mode": payout.mode.value,
        "created_at": moment(payout.created_at),
        "expires_at": moment(payout.expires_at),
        "processed_at": moment(payout.processed_at),
        "parked": payout.due.parked and {"reason": payout.due.parked.reason.value},
        "links": {"self": f"/v1/withdrawals/{id_}"},
    }


def _failure(failure: Failure | None) -> dict[str, str] | None:
    return None if failure is None else {"code": failure.code, "reason": failure.reason}
