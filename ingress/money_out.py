"""Money, outwards: what of transactions and fraud scores leaves the house."""

from __future__ import annotations

from typing import Any

from domain.ids import Kind, public
from ingress.views import moment
from ops.store.reads_money import Booked, Screening


def transaction_json(booked: Booked) -> dict[str, Any]:
    """Return a money movement for its merchant."""
    return {
        "id": public(Kind.TRANSACTION, booked.id),
        "object": "transaction",
        "type": booked.type.value,
        "amount": booked.money.minor,
        "currency": booked.money.currency.code,
        "payment_id": booked.payment_id and public(Kind.PAYMENT, booked.payment_id),
        "order_id": booked.order_id,
        "refund_id": booked.refund_id and public(Kind.REFUND, booked.refund_id),
        "payout_id": booked.payout_id and public(Kind.PAYOUT, booked.payout_id),
        "attempt_id": public(Kind.ATTEMPT, booked.attempt_id),
        "provider": booked.gateway_id,
        "provider_reference": booked.provider_id,
        "mode": booked.mode.value,
        "created_at": moment(booked.created_at),
    }


def score_json(screening: Screening) -> dict[str, Any]:
    """Return what screening made of a payment; every part is null before it has."""
    verdict = screening.verdict
    return {
        "payment_id": public(Kind.PAYMENT, screening.payment_id),
        "object": "fraud_score",
        "score": verdict and verdict.score,
        "level": verdict and verdict.level,
        "decision": verdict and verdict.decision,
        "reason": verdict and verdict.reason,
        "factors": [
            {"name": factor.name, "source": factor.source, "text": factor.text}
            for factor in (verdict.factors if verdict else ())
        ],
        "scored": verdict and verdict.scored,
        "ruleset_version": verdict and verdict.ruleset_version,
        "model_id": verdict and verdict.model_id,
        "decided_at": moment(verdict.decided_at) if verdict else None,
    }
