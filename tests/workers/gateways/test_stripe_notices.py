"""Which of our objects a Stripe event speaks of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.webhook import Hint
from tests.workers.gateways.stripe_spoken import OFFLINE

R = "a" * 32
NAMED = {"metadata": {"paylink_reference": R}}


def event(type_: str, **shown: Any) -> bytes:
    return json.dumps(
        {"id": "evt_1", "object": "event", "type": type_, "data": {"object": shown}}
    ).encode()


@pytest.mark.parametrize(
    ("type_", "shown", "hint"),
    [
        (
            "payment_intent.succeeded",
            {"object": "payment_intent", "id": "pi_1", **NAMED},
            (R, "pi_1"),
        ),
        (
            "payment_intent.canceled",
            {"object": "payment_intent", "id": "pi_1", "metadata": {}},
            (None, "pi_1"),
        ),
        (
            "charge.refunded",
            {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", **NAMED},
            (R, "pi_1"),
        ),
        (
            "charge.captured",
            {"object": "charge", "id": "ch_1", "payment_intent": {"id": "pi_1"}},
            (None, "pi_1"),
        ),
        ("refund.updated", {"object": "refund", "id": "re_1", **NAMED}, (R, "re_1")),
        ("charge.refund.updated", {"object": "refund", "id": "re_1"}, (None, "re_1")),
        ("payout.failed", {"object": "payout", "id": "po_1", **NAMED}, (R, "po_1")),
        (
            "charge.dispute.created",
            {"object": "dispute", "id": "du_1", "payment_intent": "pi_1", **NAMED},
            (None, "pi_1"),
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_an_event_names_the_object_that_is_to_be_read(
    type_: str, shown: dict[str, Any], hint: tuple[str | None, str]
) -> None:
    assert OFFLINE.read_notice(event(type_, **shown)) == Hint(*hint, type_)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        event("balance.available", object="balance"),
        event("charge.succeeded", object="charge", id="ch_1", payment_intent=None),
        event("payment_intent.succeeded", object="payment_intent", id=7),
        event("payment_intent.succeeded", object="payment_intent", id="ü"),
        event("payment_intent.succeeded", object="payment_intent", id="x" * 256),
        event("", object="payment_intent", id="pi_1"),
        b'{"type": "x", "data": {"object": "pi_1"}}',
        b'{"type": "v2.core.event", "related_object": {"id": "pi_1"}}',
    ],
    ids=lambda body: repr(body[:60]),
)
def test_what_names_nothing_of_ours_is_unreadable(body: bytes) -> None:
    assert OFFLINE.read_notice(body) is None
