"""Which object a webhook of Xendit's speaks of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.webhook import Hint
from tests.workers.gateways.xendit_spoken import OFFLINE


def heard(event: str, data: object, **more: Any) -> Hint | None:
    """Return what a webhook hints at."""
    body = {"event": event, "business_id": "b", "created": "2026-01-01T00:00:00Z", "data": data}
    return OFFLINE.read_notice(json.dumps(body | more).encode())


@pytest.mark.parametrize(
    "event",
    [
        "payment.capture",
        "payment.authorization",
        "payment.failure",
        "payment.expiry",
        "payment_request.expiry",
    ],
)
def test_an_event_of_a_payment_names_its_request(event: str) -> None:
    data = {"payment_id": "py-1", "payment_request_id": "pr-1", "reference_id": "r", "status": "X"}

    assert heard(event, data) == Hint("r", "pr-1", event)


@pytest.mark.parametrize("event", ["refund.succeeded", "refund.failed"])
def test_an_event_of_a_refund_names_the_refund_and_not_its_charge(event: str) -> None:
    data = {"id": "rfd-1", "payment_request_id": "pr-1", "payment_id": "py-1", "reference_id": "r"}

    assert heard(event, data) == Hint("r", "rfd-1", event)
    # As in the example of the reference, where the event is wrapped twice.
    assert heard(event, {"event": event, "data": data}) == Hint("r", "rfd-1", event)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("payout.succeeded", {"id": "disb-1", "reference_id": "r"}),
        ("payout.reversed", {"id": "disb-1", "reference_id": "r"}),
        ("v3_payout.failed", {"payout_id": "disb-1", "reference_id": "r"}),
    ],
)
def test_an_event_of_a_payout_names_it(event: str, data: dict[str, str]) -> None:
    assert heard(event, data) == Hint("r", "disb-1", event)


def test_an_event_of_a_dispute_is_the_dispute_and_has_our_name() -> None:
    body = {"event": "dispute.lost", "id": "mi-dspt-1", "payment_id": "py-1", "reference_id": "r"}

    assert OFFLINE.read_notice(json.dumps(body).encode()) == Hint("r", None, "dispute.lost")


def test_what_somebody_else_made_is_named_without_our_reference() -> None:
    assert heard("refund.succeeded", {"id": "rfd-1", "reference_id": None}) == Hint(
        None, "rfd-1", "refund.succeeded"
    )


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("payment.capture", {"payment_id": "py-1", "reference_id": "r"}),
        ("payment.capture", {"payment_request_id": "", "reference_id": "r"}),
        ("payment.capture", {"payment_request_id": "a\x00", "reference_id": "r"}),
        ("payment.capture", {"payment_request_id": 7}),
        ("payment.capture", [{"payment_request_id": "pr-1"}]),
        ("payment.capture", None),
        ("refund.failed", {"payment_request_id": "pr-1", "reference_id": "r"}),
        ("payout.succeeded", {"payment_request_id": "pr-1", "reference_id": "r"}),
        ("dispute.lost", {"payment_request_id": "pr-1", "reference_id": "r"}),
        ("payment_token.activation", {"id": "pt-1", "payment_request_id": "pr-1"}),
        ("", {"payment_request_id": "pr-1"}),
        ("PAYMENT.CAPTURE", {"payment_request_id": "pr-1"}),
        (7, {"payment_request_id": "pr-1"}),
    ],
    ids=str,
)
def test_an_event_without_the_names_of_its_object_is_nothing(event: Any, data: object) -> None:
    assert heard(event, data) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x00\xff",
        b'{"event": "payment.capture"}',
        b'{"data":' * 100_000,
        b'{"event": "payment.capture", "data": {"payment_request_id": "pr-1"}} x',
        b'{"event": "dispute.lost", "reference_id": ""}',
        b'{"event": "dispute.lost", "reference_id": 7}',
    ],
    ids=range(10),
)
def test_what_cannot_be_read_is_nothing(body: bytes) -> None:
    assert OFFLINE.read_notice(body) is None
