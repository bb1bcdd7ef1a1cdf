"""Rows: how domain values are written down and read back; what is secret is sealed on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import RowMapping

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.due import Due, Parked, Reason
from domain.money import CURRENCIES, Money
from domain.outcome import Outcome, Proof, RequiresAction
from domain.payment import Card, Customer, Failure, Method, Mode, Payment, Status
from domain.webhook import Notice
from ops.vault import Vault

Row: TypeAlias = RowMapping | Mapping[str, Any]

#: A wake-up message that was lost is sent again after this.
ANNOUNCED = timedelta(seconds=5)


def due_of(row: Row) -> Due:
    """Read when a row runs next, or who must look at it."""
    parked = None
    if row["parked_at"] is not None:
        parked = Parked(row["parked_at"], Reason(row["parked_reason"]), row["owner"])
    return Due(row["next_run_at"], row["starts"], parked)


def due_values(due: Due, now: datetime) -> dict[str, Any]:
    """Write it. A row due at once has just been announced by a message: the sweep waits 5 s."""
    wake_at = due.next_run_at
    if wake_at is not None and wake_at <= now:
        wake_at = now + ANNOUNCED
    return {
        "next_run_at": due.next_run_at,
        "wake_at": wake_at,
        "wakes": 0,
        "starts": due.starts,
        "parked_at": due.parked.at if due.parked else None,
        "parked_reason": due.parked.reason.value if due.parked else None,
        "owner": due.parked.owner if due.parked else None,
    }


def details_of(payment: Payment) -> bytes:
    """Return the secret part of a payment as JSON, to be sealed."""
    card = asdict(payment.method.card) if payment.method.card else None
    return json.dumps(
        {
            "token": payment.method.token,
            "card": card,
            "customer": asdict(payment.customer),
            "return_url": payment.return_url,
        }
    ).encode()


def payment_insert(payment: Payment, vault: Vault) -> dict[str, Any]:
    """Return every column of a new payment."""
    return {
        "id": payment.id,
        "merchant_id": payment.merchant_id,
        "mode": payment.mode.value,
        "order_id": payment.order_id,
        "amount": payment.money.minor,
        "currency": payment.money.currency.code,
        "country": payment.country,
        "method_type": payment.method.type,
        "preference": payment.preference,
        "details": vault.seal(
            details_of(payment), table="payments", column="details", row=payment.id.hex
        ),
        "description": payment.description,
        "metadata": dict(payment.metadata),
        "status": payment.status.value,
        "next_command": payment.next_command.value,
        "request_id": payment.request_id,
        "created_at": payment.created_at,
        "expires_at": payment.expires_at,
    } | due_values(payment.due, payment.created_at)


def payment_update(payment: Payment, vault: Vault, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    url = payment.action_url
    return {
        "status": payment.status.value,
        "amount_authorized": payment.amount_authorized,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "amount_refund_pending": payment.amount_refund_pending,
        "gateway_id": payment.gateway_id,
        "action_url": None
        if url is None
        else vault.seal(url.encode(), table="payments", column="action_url", row=payment.id.hex),
        "failure_code": payment.failure.code if payment.failure else None,
        "failure_reason": payment.failure.reason if payment.failure else None,
        "risk_score": payment.risk_score,
        "risk_level": payment.risk_level,
        "wants_3ds": payment.wants_3ds,
        "next_command": payment.next_command.value,
        "runs": payment.runs,
        "skipped": dict(payment.skipped),
        "cancel_requested_at": payment.cancel_requested_at,
        "captured_at": payment.captured_at,
        "version": payment.version + 1,
    } | due_values(payment.due, now)


def payment_of(row: Row, vault: Vault) -> Payment:
    """Read a payment, opening what is sealed."""
    id_: UUID = row["id"]
    details = json.loads(
        vault.open(row["details"], table="payments", column="details", row=id_.hex)
    )
    url = row["action_url"]
    failure = row["failure_code"]
    return Payment(
        id=id_,
        merchant_id=row["merchant_id"],
        mode=Mode(row["mode"]),
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        status=Status(row["status"]),
        method=Method(
            row["method_type"],
            details["token"],
            Card(**details["card"]) if details["card"] else None,
        ),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        due=due_of(row),
        order_id=row["order_id"],
        country=row["country"],
        customer=Customer(**details["customer"]),
        preference=row["preference"],
        description=row["description"],
        return_url=details["return_url"],
        metadata=row["metadata"],
        amount_authorized=row["amount_authorized"],
        amount_captured=row["amount_captured"],
        amount_refunded=row["amount_refunded"],
        amount_refund_pending=row["amount_refund_pending"],
        gateway_id=row["gateway_id"],
        action_url=None
        if url is None
        else vault.open(url, table="payments", column="action_url", row=id_.hex).decode(),
        failure=Failure(failure, row["failure_reason"]) if failure else None,
        risk_score=row["risk_score"],
        risk_level=row["risk_level"],
        wants_3ds=row["wants_3ds"],
        next_command=Command(row["next_command"]),
        runs=row["runs"],
        skipped=row["skipped"],
        cancel_requested_at=row["cancel_requested_at"],
        captured_at=row["captured_at"],
        request_id=row["request_id"],
        version=row["version"],
    )


def attempt_insert(attempt: Attempt, vault: Vault) -> dict[str, Any]:
    """Return every column of a new attempt; the request is sealed."""
    return {
        "id": attempt.id,
        "payment_id": attempt.payment_id,
        "merchant_id": attempt.merchant_id,
        "mode": attempt.mode.value,
        "operation": attempt.operation.value,
        "number": attempt.number,
        "gateway_id": attempt.gateway_id,
        "adapter_version": attempt.adapter_version,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "request": vault.seal(
            attempt.request, table="payment_attempts", column="request", row=attempt.id.hex
        ),
        "send_before": attempt.send_before,
        "deadline_at": attempt.deadline_at,
        "key_window_ends": attempt.key_window_ends,
        "created_at": attempt.created_at,
        "request_id": attempt.request_id,
    } | attempt_update(attempt, attempt.created_at)


def attempt_update(attempt: Attempt, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    return {
        "state": attempt.state.value,
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
    )


def notice_of(row: Row, vault: Vault) -> Notice:
    """Read a stored webhook, opening its body."""
    id_: UUID = row["id"]
    return Notice(
        id=id_,
        gateway_id=row["gateway_id"],
        dedupe_key=row["dedupe_key"],
        body=vault.open(row["body"], table="webhook_events", column="body", row=id_.hex),
        received_at=row["received_at"],
        last_copy_at=row["last_copy_at"],
        due=due_of(row),
        status=row["status"],
        attempt_id=row["attempt_id"],
        tries=row["tries"],
        read_began_at=row["read_began_at"],
        request_id=row["request_id"],
    )


def told_of(outcome: Outcome) -> dict[str, Any]:
    """Return what a provider said, for people and for audits; the payer's page stays out of it."""
    said: dict[str, Any] = {}
    for field in outcome.__dataclass_fields__:
        value = getattr(outcome, field)
        if isinstance(outcome, RequiresAction) and field == "url":
            continue
        if isinstance(value, Money):
            said |= {"amount": value.minor, "currency": value.currency.code}
        elif value is not None:
            said[field] = value
    return said
