"""Orders and payouts as the simulator keeps them, amounts in ISO minor units."""

from __future__ import annotations

import secrets
import time

import msgspec

from ops.sandbox.times import rfc3339

#: Letters and digits of PayPal's ids.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Movement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An authorization, a capture or a refund."""

    id: str
    status: str
    amount: int
    created: str
    updated: str
    invoice_id: str = ""
    custom_id: str = ""
    reason: str = ""
    #: Of a refund: the capture it belongs to.
    of: str = ""


class Dispute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that a payer got back through their bank or PayPal."""

    id: str
    capture: str
    amount: int
    created: str


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="order"):
    """An order with everything that happened to its money."""

    id: str
    intent: str
    status: str
    amount: int
    currency: str
    made_s: float
    created: str
    updated: str
    #: Whether the payer pays with PayPal by the merchant's own words.
    by_wallet: bool = False
    reference_id: str = "default"
    custom_id: str = ""
    invoice_id: str = ""
    description: str = ""
    payer: str = ""
    return_url: str = ""
    cancel_url: str = ""
    hold: Movement | None = None
    captures: tuple[Movement, ...] = ()
    refunds: tuple[Movement, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def capture(self, id_: str) -> Movement | None:
        """Return one of its captures."""
        return next((one for one in self.captures if one.id == id_), None)

    def refunded(self, capture: str) -> int:
        """Return what of a capture went back, or is about to."""
        gone = ("COMPLETED", "PENDING")
        return sum(one.amount for one in self.refunds if one.of == capture and one.status in gone)


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="batch"):
    """A batch with its only payout."""

    id: str
    item: str
    status: str
    item_status: str
    amount: int
    currency: str
    receiver: str
    recipient_type: str
    made_s: float
    created: str
    sender_batch_id: str = ""
    sender_item_id: str = ""
    note: str = ""
    error: str = ""


def new_id(length: int = 17) -> str:
    """Return an id as PayPal gives them."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def now() -> str:
    """Return the time as PayPal writes it: whole seconds, UTC."""
    return f"{rfc3339(time.time())[:19]}Z"


def moved(one: Movement, **changes: object) -> Movement:
    """Return a movement that changed just now."""
    return msgspec.structs.replace(one, updated=now(), **changes)


def changed(order: Order, **changes: object) -> Order:
    """Return an order that changed just now."""
    return msgspec.structs.replace(order, updated=now(), **changes)


def with_capture(order: Order, capture: Movement) -> tuple[Movement, ...]:
    """Return an order's captures with this one in the place of its older self, or at the end."""
    return _placed(order.captures, capture)


def with_refund(order: Order, refund: Movement) -> tuple[Movement, ...]:
    """The same of its refunds."""
    return _placed(order.refunds, refund)


def _placed(known: tuple[Movement, ...], one: Movement) -> tuple[Movement, ...]:
    if any(old.id == one.id for old in known):
        return tuple(one if old.id == one.id else old for old in known)
    return (*known, one)
