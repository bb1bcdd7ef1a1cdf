"""What Xendit's objects say beside money may be anything: an adapter never raises for an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.outcome import NotCharged
from tests.workers.gateways.xendit_spoken import (
    CHARGE,
    a_charge,
    read_back,
    shown_payment,
    shown_request,
)

ODD = [[], {}, ["03"], 3, True, 1.5, "\0", "x" * 4_000]
EXPLAINING = ("channel_code", "failure_code", "actions", "metadata", "created", "updated")


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:8])
@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "REQUIRES_ACTION"])
def test_law_11_what_only_explains_may_be_anything(status: str, odd: object) -> None:
    charge = replace(a_charge(), provider_id=CHARGE)
    made = "PENDING" if status == "REQUIRES_ACTION" else status
    details = (
        odd,
        {"authorization_data": odd},
        {"authorization_data": {"merchant_advice_code": odd}},
    )

    for name in EXPLAINING:
        request = shown_request(charge, **{"status": status, name: odd})
        payment = shown_payment(status=made, failure_code=odd, updated=odd)
        found = read_back(charge, request, payment, {"data": []}, disputes=True)
        assert not isinstance(found, NotCharged), name
    for one in details:
        request = shown_request(charge, status=status)
        payment = shown_payment(status=made, payment_details=one)
        found = read_back(charge, request, payment, {"data": []}, disputes=True)
        assert not isinstance(found, NotCharged), one
