"""Stripe's events: which of our objects one speaks of."""

from __future__ import annotations

from typing import Any

from domain.webhook import Hint
from workers.gateways.reading import parsed
from workers.gateways.stripe.shapes import Event, reference_of

#: What an event is about, by its object's own word.
CHARGE, DISPUTE = "charge", "dispute"
NAMED = frozenset({"payment_intent", "refund", "payout"})


def hinted(body: bytes) -> Hint | None:
    """Return which object an event speaks of; None: unreadable.

    Of a charge or a dispute that is the intent: the provider copies an intent's metadata to its
    charge, and a dispute carries none.
    """
    event = parsed(body, Event)
    if event is None:
        return None
    shown = event.data.object
    kind = shown.get("object")
    if kind in (CHARGE, DISPUTE):
        id_ = _id_of(shown.get("payment_intent"))
    else:
        id_ = _id_of(shown) if kind in NAMED else None
    reference = reference_of(shown.get("metadata")) if kind != DISPUTE else None
    if id_ is None and reference is None:
        return None
    return Hint(reference, id_, event.type)


def _id_of(shown: Any) -> str | None:
    """Return an object's id, whether it is shown by it or in full."""
    found = shown.get("id") if isinstance(shown, dict) else shown
    return found if isinstance(found, str) and 0 < len(found) <= 255 and found.isascii() else None
