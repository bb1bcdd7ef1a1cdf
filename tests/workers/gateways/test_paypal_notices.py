"""Which object a webhook of PayPal's speaks of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.webhook import Hint
from tests.workers.gateways.paypal_spoken import OFFLINE

R = "0123456789abcdef0123456789abcdef"
RELATED = {"supplementary_data": {"related_ids": {"order_id": "ORDER1"}}}


def heard(type_: Any, resource: Any) -> Hint | None:
    event = {"id": "WH-1", "event_type": type_, "resource": resource}
    return OFFLINE.read_notice(json.dumps(event).encode())


@pytest.mark.parametrize(
    ("type_", "resource", "reference", "provider_id"),
    [
        (
            "CHECKOUT.ORDER.APPROVED",
            {"id": "ORDER1", "purchase_units": [{"custom_id": R}]},
            R,
            "ORDER1",
        ),
        ("CHECKOUT.ORDER.APPROVED", {"id": "ORDER1"}, None, "ORDER1"),
        ("PAYMENT.AUTHORIZATION.CREATED", {"id": "A1", "custom_id": R} | RELATED, R, "ORDER1"),
        ("PAYMENT.AUTHORIZATION.VOIDED", {"id": "A1", "invoice_id": R}, R, None),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "C1", "custom_id": R} | RELATED, R, "ORDER1"),
        ("PAYMENT.CAPTURE.PENDING", {"id": "C1"} | RELATED, None, "ORDER1"),
        ("PAYMENT.CAPTURE.DECLINED", {"id": "C1", "custom_id": R}, R, None),
        ("PAYMENT.CAPTURE.DENIED", {"id": "C1", "custom_id": R}, R, None),
        ("PAYMENT.CAPTURE.REVERSED", {"id": "X1", "custom_id": R}, R, None),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "R1", "custom_id": R}, R, "R1"),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "R1"}, None, "R1"),
        ("PAYMENT.REFUND.FAILED", {"id": "R1", "custom_id": R}, R, "R1"),
        (
            "CUSTOMER.DISPUTE.RESOLVED",
            {"dispute_id": "PP-D-1", "disputed_transactions": [{"invoice_number": R}]},
            R,
            None,
        ),
        (
            "CUSTOMER.DISPUTE.CREATED",
            {"disputed_transactions": [{"custom": R, "invoice_number": "7"}]},
            R,
            None,
        ),
        (
            "PAYMENT.PAYOUTSBATCH.SUCCESS",
            {
                "batch_header": {
                    "payout_batch_id": "B1",
                    "sender_batch_header": {"sender_batch_id": R},
                }
            },
            R,
            "B1",
        ),
        (
            "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
            {"payout_batch_id": "B1", "payout_item": {"sender_item_id": R}},
            R,
            "B1",
        ),
        (
            "PAYMENT.PAYOUTS-ITEM.RETURNED",
            {"payout_batch_id": "B1", "sender_batch_id": R},
            R,
            "B1",
        ),
    ],
)
def test_an_event_names_the_object_that_we_know(
    type_: str, resource: dict[str, Any], reference: str | None, provider_id: str | None
) -> None:
    assert heard(type_, resource) == Hint(reference, provider_id, type_)


@pytest.mark.parametrize(
    ("type_", "resource"),
    [
        ("INVENTED.YESTERDAY", {"id": "X1", "custom_id": R}),
        ("CHECKOUT.ORDER.APPROVED", {}),
        ("CHECKOUT.ORDER.APPROVED", {"purchase_units": {"custom_id": R}}),
        ("CHECKOUT.ORDER.APPROVED", {"id": 7, "purchase_units": [R]}),
        ("CHECKOUT.ORDER.APPROVED", {"id": "two words"}),
        ("CHECKOUT.ORDER.APPROVED", {"id": "x" * 128}),
        ("CHECKOUT.ORDER.APPROVED", {"id": "caf\u00e9"}),
        ("CHECKOUT.ORDER.APPROVED", None),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "C1", "supplementary_data": []}),
        ("PAYMENT.PAYOUTSBATCH.SUCCESS", {"batch_header": "B1"}),
        ("PAYMENT.PAYOUTS-ITEM.FAILED", {"payout_item": None}),
        ("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": []}),
        ("", {"id": "X1"}),
        ("PAYMENT.REFUND." + "X" * 128, {"id": "X1"}),
        (7, {"id": "X1"}),
    ],
)
def test_an_event_that_names_nothing_is_nothing(type_: Any, resource: Any) -> None:
    assert heard(type_, resource) is None
