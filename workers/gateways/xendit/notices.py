"""Xendit's webhooks: which object one speaks of. Nothing else in it is believed."""

from __future__ import annotations

import msgspec

from domain.webhook import Hint
from workers.gateways.reading import parsed
from workers.gateways.xendit.shapes import Event, Told


def read_notice(body: bytes) -> Hint | None:
    """Return which object an event speaks of; None: unreadable.

    A payment's event names its request, which is our charge. A dispute's event is the dispute
    itself, and names only the payment: our reference must do.
    """
    event = parsed(body, Event)
    if event is None:
        return None
    family = event.event.partition(".")[0]
    named = _named(event.data)
    match family:
        case "payment" | "payment_request" if named is not None:
            id_ = named.payment_request_id
        case "refund" if named is not None:
            id_ = named.id
        case "payout" | "v3_payout" if named is not None:
            id_ = named.id or named.payout_id
        case "dispute" if isinstance(event.reference_id, str) and event.reference_id:
            return Hint(event.reference_id, None, event.event)
        case _:
            return None
    return Hint(named.reference_id, id_, event.event) if id_ else None


def _named(data: object) -> Told | None:
    try:
        told = msgspec.convert(data, Told)
        inner = told.data
        return msgspec.convert(inner, Told) if isinstance(inner, dict) else told
    except msgspec.ValidationError:
        return None
