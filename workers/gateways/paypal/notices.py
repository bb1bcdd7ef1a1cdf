"""PayPal's webhooks: which object one speaks of. It proves nothing, so that is all it is asked."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from domain.webhook import Hint
from workers.gateways.reading import parsed

#: Longer or stranger texts name nothing of ours or of PayPal's.
LIMIT: Final = 127


class Event(msgspec.Struct, frozen=True):
    """A webhook's body."""

    event_type: str
    resource: dict[str, Any]


def hint(body: bytes) -> Hint | None:
    """Return which object an event speaks of; None: unreadable.

    A charge is named by its order, a refund by itself, a payout by its batch. A dispute and a
    reversal name only the payment's number, which is our reference.
    """
    event = parsed(body, Event)
    if event is None or not 0 < len(event.event_type) <= LIMIT:
        return None
    type_, resource = event.event_type, event.resource
    if type_.startswith("CHECKOUT.ORDER."):
        units = resource.get("purchase_units")
        unit = units[0] if isinstance(units, list) and units else None
        return _hint(type_, _first(unit, "custom_id", "invoice_id"), _name(resource.get("id")))
    if type_.startswith("CUSTOMER.DISPUTE."):
        about = resource.get("disputed_transactions")
        one = about[0] if isinstance(about, list) and about else None
        return _hint(type_, _first(one, "custom", "invoice_number"), None)
    if type_.startswith("PAYMENT.PAYOUTSBATCH."):
        header = resource.get("batch_header")
        sender = header.get("sender_batch_header") if isinstance(header, dict) else None
        return _hint(type_, _first(sender, "sender_batch_id"), _first(header, "payout_batch_id"))
    if type_.startswith("PAYMENT.PAYOUTS-ITEM."):
        reference = _first(resource.get("payout_item"), "sender_item_id")
        reference = reference or _first(resource, "sender_batch_id")
        return _hint(type_, reference, _first(resource, "payout_batch_id"))
    if type_ == "PAYMENT.CAPTURE.REFUNDED" or type_.startswith("PAYMENT.REFUND."):
        reference = _first(resource, "custom_id", "invoice_id")
        return _hint(type_, reference, _name(resource.get("id")))
    if type_.startswith(("PAYMENT.CAPTURE.", "PAYMENT.AUTHORIZATION.")):
        data = resource.get("supplementary_data")
        related = data.get("related_ids") if isinstance(data, dict) else None
        reference = _first(resource, "custom_id", "invoice_id")
        return _hint(type_, reference, _first(related, "order_id"))
    return None


def _hint(type_: str, reference: str | None, provider_id: str | None) -> Hint | None:
    return Hint(reference, provider_id, type_) if reference or provider_id else None


def _first(named: object, *fields: str) -> str | None:
    """Return the first of these fields that is a name."""
    if not isinstance(named, dict):
        return None
    found = (_name(named.get(field)) for field in fields)
    return next((name for name in found if name), None)


def _name(text: object) -> str | None:
    good = isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text
    return text if isinstance(text, str) and good and 0 < len(text) <= LIMIT else None
