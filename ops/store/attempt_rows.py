"""Attempt rows: tries, what providers said of them, and the money that moved."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.facts import Fact, Transaction
from domain.fraud.score import Assessment
from domain.money import CURRENCIES, Money
from domain.outcome import Outcome, Proof, RequiresAction
from domain.payment import Mode
from ops.store.rows import Row, due_of, due_values
from ops.vault import Vault


def attempt_insert(attempt: Attempt, vault: Vault) -> dict[str, Any]:
    """Return every column of a new attempt; the request is sealed."""
    return {
        "id": attempt.id,
        "payment_id": attempt.payment_id,
        "refund_id": attempt.refund_id,
        "payout_id": attempt.payout_id,
        "merchant_id": attempt.merchant_id,
        "mode": attempt.mode.value,
        "operation": attempt.operation.value,
        "number": attempt.number,
        "gateway_id": attempt.gateway_id,
        "adapter_version": attempt.adapter_version,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "target": attempt.target,
        "captures": attempt.captures,
        "request": vault.seal(
            attempt.request, table="payment_attempts", column="request", row=attempt.id.hex
        ),
        "created_at": attempt.created_at,
        "request_id": attempt.request_id,
        "card": attempt.card,
    } | attempt_update(attempt, attempt.created_at)


def attempt_update(attempt: Attempt, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    return {
        "state": attempt.state.value,
        # A trigger lets the three times change once: with `confirming`, before money is asked for.
        "confirming": attempt.confirming,
        "send_before": attempt.send_before,
        "deadline_at": attempt.deadline_at,
        "key_window_ends": attempt.key_window_ends,
        "held": attempt.held,
        "released": attempt.released,
        "captured": attempt.captured,
        "provider_id": attempt.provider_id,
        "proof": attempt.proof.value if attempt.proof else None,
        "code": attempt.code,
        "cause": attempt.cause,
        "polls": attempt.polls,
        "finished_at": attempt.finished_at,
    } | due_values(attempt.due, now)


def attempt_of(row: Row, vault: Vault) -> Attempt:
    """Read an attempt, opening the stored request."""
    id_: UUID = row["id"]
    return Attempt(
        id=id_,
        payment_id=row["payment_id"],
        merchant_id=row["merchant_id"],
        mode=Mode(row["mode"]),
        operation=Operation(row["operation"]),
        number=row["number"],
        gateway_id=row["gateway_id"],
        adapter_version=row["adapter_version"],
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        state=State(row["state"]),
        request=vault.open(row["request"], table="payment_attempts", column="request", row=id_.hex),
        send_before=row["send_before"],
        deadline_at=row["deadline_at"],
        key_window_ends=row["key_window_ends"],
        created_at=row["created_at"],
        due=due_of(row),
        provider_id=row["provider_id"],
        proof=Proof(row["proof"]) if row["proof"] else None,
        code=row["code"],
        cause=row["cause"],
        polls=row["polls"],
        finished_at=row["finished_at"],
        request_id=row["request_id"],
        refund_id=row["refund_id"],
        payout_id=row["payout_id"],
        target=row["target"],
        captures=row["captures"],
        held=row["held"],
        released=row["released"],
        captured=row["captured"],
        confirming=row["confirming"],
        card=row["card"],
    )


def fact_insert(fact: Fact) -> dict[str, Any]:
    """Return the columns of a fact."""
    return {
        "attempt_id": fact.attempt_id,
        "source": fact.source.value,
        "outcome": type(fact.outcome).__name__,
        "told": told_of(fact.outcome),
    }


def transaction_insert(transaction: Transaction, id_: UUID) -> dict[str, Any]:
    """Return every column of a money movement."""
    return {
        "id": id_,
        "payment_id": transaction.payment_id,
        "refund_id": transaction.refund_id,
        "payout_id": transaction.payout_id,
        "attempt_id": transaction.attempt_id,
        "type": transaction.type.value,
        "amount": transaction.money.minor,
        "total": transaction.total,
        "currency": transaction.money.currency.code,
        "gateway_id": transaction.gateway_id,
        "provider_id": transaction.provider_id,
    }


def assessment_insert(payment_id: UUID, assessment: Assessment) -> dict[str, Any]:
    """Return every column of a fraud decision."""
    factors = [
        {
            "name": factor.name,
            "source": str(factor.source),
            "contribution": str(factor.contribution),
            "value": str(factor.value),
            "text": factor.text,
        }
        for factor in assessment.factors
    ]
    return {
        "payment_id": payment_id,
        "score": assessment.score,
        "risk_level": assessment.level.value,
        "decision": assessment.decision.value,
        "reason": assessment.reason,
        "factors": factors,
        "mode": assessment.mode.value,
        "ruleset_version": assessment.ruleset_version,
        "model_id": assessment.model_id,
        "feature_set_id": assessment.feature_set_id,
    }


def told_of(outcome: Outcome) -> dict[str, Any]:
    """Return what a provider said, for people and for audits; the payer's page stays out of it."""
    said: dict[str, Any] = {}
    for field in outcome.__dataclass_fields__:
        value = getattr(outcome, field)
        if isinstance(outcome, RequiresAction) and field in ("url", "shown"):
            continue
        if isinstance(value, Money):
            name = "amount" if field == "money" else field
            said |= {name: value.minor, "currency": value.currency.code}
        elif value is not None:
            said[field] = value
    return said
