"""What the simulator keeps: charges with their payment, refunds, payouts, disputes, tokens."""

import secrets
import time
import uuid
from typing import Any

import msgspec

from ops.sandbox.times import rfc3339


class Action(msgspec.Struct, frozen=True):
    """What the payer has to do."""

    type: str
    descriptor: str
    value: str


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The money that a payment request led to. `captured` is what was collected."""

    id: str
    status: str
    amount: int
    captured: int = 0
    capture_id: str | None = None
    failure_code: str | None = None
    advice: str | None = None
    created: str
    updated: str


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A payment request, with its last payment. Amounts are ISO minor units."""

    id: str
    reference: str
    amount: int
    currency: str
    country: str
    manual: bool
    channel: str
    token: str | None = None
    status: str
    failure_code: str | None = None
    properties: dict[str, Any] = {}
    actions: tuple[Action, ...] = ()
    description: str | None = None
    metadata: dict[str, str] | None = None
    payment: Payment | None = None
    #: Scripted for when the payer has approved.
    decision: str | None = None
    created: str
    updated: str


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money of a charge on its way back."""

    id: str
    charge: str
    reference: str | None
    amount: int
    currency: str
    reason: str
    status: str
    failure_code: str | None = None
    metadata: dict[str, str] | None = None
    created: str
    updated: str


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way out."""

    id: str
    reference: str
    amount: int
    currency: str
    channel: str
    account: str
    holder: str
    status: str
    failure_code: str | None = None
    description: str | None = None
    metadata: dict[str, str] | None = None
    returns: bool = False
    created: str
    updated: str


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """What the payer's bank took back."""

    id: str
    charge: str
    payment: str
    reference: str
    amount: int
    currency: str
    status: str
    created: str
    updated: str


class Forgotten(msgspec.Struct, frozen=True):
    """A payment token that was cancelled."""

    token: str
    canceled: str


def named(prefix: str) -> str:
    """Return a new id as Xendit makes them."""
    if prefix == "disb":
        return f"disb-{secrets.token_hex(12)}"
    return f"{prefix}-{uuid.uuid4()}"


def now() -> str:
    """Return the time as Xendit writes it."""
    return rfc3339(time.time())
