"""Order rows: how refunds and payouts are written down and read back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.means import Customer
from domain.money import CURRENCIES, Money
from domain.payment import Mode
from domain.payout import Destination, Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus
from ops.store.rows import Row, due_of, due_values, failure_of, failure_values
from ops.vault import Vault


def refund_insert(refund: Refund) -> dict[str, Any]:
    """Return every column of a new refund."""
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "charge_id": refund.charge_id,
        "merchant_id": refund.merchant_id,
        "mode": refund.mode.value,
        "amount": refund.money.minor,
        "currency": refund.money.currency.code,
        "kind": refund.kind.value,
        "reason": refund.reason,
        "requested_by": refund.requested_by,
        "gateway_id": refund.gateway_id,
        "request_id": refund.request_id,
        "created_at": refund.created_at,
        **refund_update(refund, refund.created_at),
        "version": refund.version,
    }


def refund_update(refund: Refund, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    return {
        "status": refund.status.value,
        "runs": refund.runs,
        "processed_at": refund.processed_at,
        "version": refund.version + 1,
        **failure_values(refund.failure),
        **due_values(refund.due, now),
    }


def refund_of(row: Row) -> Refund:
    """Read a refund."""
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        charge_id=row["charge_id"],
        merchant_id=row["merchant_id"],
        mode=Mode(row["mode"]),
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        kind=RefundKind(row["kind"]),
        status=RefundStatus(row["status"]),
        reason=row["reason"],
        requested_by=row["requested_by"],
        gateway_id=row["gateway_id"],
        created_at=row["created_at"],
        due=due_of(row),
        failure=failure_of(row),
        runs=row["runs"],
        processed_at=row["processed_at"],
        request_id=row["request_id"],
        version=row["version"],
    )


def payout_insert(payout: Payout, vault: Vault) -> dict[str, Any]:
    """Return every column of a new payout; the account and the customer are sealed."""

    def sealed(column: str, text: str) -> bytes:
        return vault.seal(text.encode(), table="payouts", column=column, row=payout.id.hex)

    return {
        "id": payout.id,
        "merchant_id": payout.merchant_id,
        "mode": payout.mode.value,
        "amount": payout.money.minor,
        "currency": payout.money.currency.code,
        "country": payout.country,
        "destination_type": payout.destination.type,
        "destination": sealed("destination", payout.destination.token),
        "details": sealed("details", json.dumps({"customer": asdict(payout.customer)})),
        "customer_id": payout.customer_id,
        "preference": payout.preference,
        "reference": payout.reference,
        "description": payout.description,
        "metadata": dict(payout.metadata),
        "request_id": payout.request_id,
        "created_at": payout.created_at,
        "expires_at": payout.expires_at,
        **payout_update(payout, payout.created_at),
        "version": payout.version,
    }


def payout_update(payout: Payout, now: datetime) -> dict[str, Any]:
    """Return the columns that may change."""
    return {
        "status": payout.status.value,
        "gateway_id": payout.gateway_id,
        "runs": payout.runs,
        "skipped": dict(payout.skipped),
        "processed_at": payout.processed_at,
        "version": payout.version + 1,
        **failure_values(payout.failure),
        **due_values(payout.due, now),
    }


def payout_of(row: Row, vault: Vault) -> Payout:
    """Read a payout, opening what is sealed."""
    id_: UUID = row["id"]

    def opened(column: str) -> str:
        return vault.open(row[column], table="payouts", column=column, row=id_.hex).decode()

    return Payout(
        id=id_,
        merchant_id=row["merchant_id"],
        mode=Mode(row["mode"]),
        money=Money(row["amount"], CURRENCIES[row["currency"]]),
        status=PayoutStatus(row["status"]),
        destination=Destination(row["destination_type"], opened("destination")),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        due=due_of(row),
        country=row["country"],
        customer=Customer(**json.loads(opened("details"))["customer"]),
        customer_id=row["customer_id"],
        preference=row["preference"],
        reference=row["reference"],
        description=row["description"],
        metadata=row["metadata"],
        gateway_id=row["gateway_id"],
        failure=failure_of(row),
        runs=row["runs"],
        skipped=row["skipped"],
        processed_at=row["processed_at"],
        request_id=row["request_id"],
        version=row["version"],
    )
