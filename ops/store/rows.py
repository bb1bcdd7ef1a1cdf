"""Rows: how payments are written down and read back; what is secret is sealed on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping

from domain.commands import Command
from domain.due import Due, Parked, Reason
from domain.means import Address, Card, Customer, Method
from domain.money import CURRENCIES, Money
from domain.payment import NOTED, CaptureMethod, Failure, Mode, Payment, Review, Status
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


def failure_of(row: Row) -> Failure | None:
    """Read why it ended without money."""
    code = row["failure_code"]
    return Failure(code, row["failure_reason"]) if code else None


def failure_values(failure: Failure | None) -> dict[str, Any]:
    """Write it."""
    return {
        "failure_code": failure.code if failure else None,
        "failure_reason": failure.reason if failure else None,
    }


def details_of(payment: Payment) -> bytes:
    """Return the secret part of a payment as JSON, to be sealed."""
    return msgspec.json.encode(
        {
            "token": payment.method.token,
            "card": payment.method.card,
            "holder_name": payment.method.holder_name,
            "customer": payment.customer,
            "billing": payment.billing,
            "return_url": payment.return_url,
        }
    )


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
        "kind": payment.kind,
        "capture_method": payment.capture_method.value,
        "confirmed": payment.confirmed,
        "customer_id": payment.customer_id,
        "method_id": payment.method_id,
        "status": payment.status.value,
        "next_command": payment.next_command.value,
        "request_id": payment.request_id,
        "created_at": payment.created_at,
        "expires_at": payment.expires_at,
    } | due_values(payment.due, payment.created_at)


def payment_update(payment: Payment, vault: Vault, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    return {
        "status": payment.status.value,
        "amount_authorized": payment.amount_authorized,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "amount_refund_pending": payment.amount_refund_pending,
        "amount_reversed": payment.amount_reversed,
        "confirmed": payment.confirmed,
        "capture_amount": payment.capture_amount,
        "ending": payment.ending.value if payment.ending else None,
        "review": payment.review.value if payment.review else None,
        "gateway_id": payment.gateway_id,
        "action_url": _action(payment, vault),
        "risk_score": payment.risk_score,
        "risk_level": payment.risk_level,
        "wants_3ds": payment.wants_3ds,
        "next_command": payment.next_command.value,
        "runs": payment.runs,
        "skipped": dict(payment.skipped),
        "cancel_requested_at": payment.cancel_requested_at,
        "authorized_at": payment.authorized_at,
        "authorization_expires_at": payment.authorization_expires_at,
        "captured_at": payment.captured_at,
        "version": payment.version + 1,
        **failure_values(payment.failure),
        **due_values(payment.due, now),
    }


def payment_of(row: Row, vault: Vault) -> Payment:
    """Read a payment, opening what is sealed."""
    id_: UUID = row["id"]
    details = msgspec.json.decode(
        vault.open(row["details"], table="payments", column="details", row=id_.hex)
    )
    billing, action = details.get("billing"), _action_of(row, vault)
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
            details.get("holder_name"),  # older rows have none
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
        amount_reversed=row["amount_reversed"],
        gateway_id=row["gateway_id"],
        action_url=action[0],
        action_shown=action[1],
        failure=failure_of(row),
        risk_score=row["risk_score"],
        risk_level=row["risk_level"],
        wants_3ds=row["wants_3ds"],
        next_command=Command(row["next_command"]),
        runs=row["runs"],
        skipped=row["skipped"],
        cancel_requested_at=row["cancel_requested_at"],
        authorized_at=row["authorized_at"],
        captured_at=row["captured_at"],
        **noted_of(row),
        kind=row["kind"],
        capture_method=CaptureMethod(row["capture_method"]),
        confirmed=row["confirmed"],
        capture_amount=row["capture_amount"],
        ending=Status(row["ending"]) if row["ending"] else None,
        review=Review(row["review"]) if row["review"] else None,
        authorization_expires_at=row["authorization_expires_at"],
        customer_id=row["customer_id"],
        method_id=row["method_id"],
        billing=Address(**billing) if billing else None,
        request_id=row["request_id"],
        version=row["version"],
    )


def noted_of(row: Row) -> dict[str, Any]:
    """Read when a payment came to its ends: a trigger writes these columns, and nobody else."""
    return {name: row[name] for name in NOTED.values()}


def _action(payment: Payment, vault: Vault) -> bytes | None:
    """Seal where the payer has to go, and what they need to know there."""
    if payment.action_url is None:
        return None
    said = json.dumps({"url": payment.action_url, "shown": payment.action_shown}).encode()
    return vault.seal(said, table="payments", column="action_url", row=payment.id.hex)


def _action_of(row: Row, vault: Vault) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    if row["action_url"] is None:
        return None, ()
    place = {"table": "payments", "column": "action_url", "row": row["id"].hex}
    text = vault.open(row["action_url"], **place).decode()
    if not text.startswith("{"):  # written before there was anything but an address
        return text, ()
    said = json.loads(text)
    return said["url"], tuple((name, value) for name, value in said["shown"])
