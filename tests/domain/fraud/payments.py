"""A payment that no rule minds, to be changed in the one way a test is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.fraud.features import Inputs

NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)

QUIET = Inputs(
    amount_minor=4_200,
    currency="USD",
    exponent=2,
    method_type="card",
    card_exp=(3, 2026),
    card_number_valid=True,
    card_country="DE",
    ip_country="DE",
    email_domain="example.com",
    customer_is_new=False,
    created_at=NOON,
    three_ds_possible=True,
    listed=None,
)


def a_payment(**changes: Any) -> Inputs:
    return replace(QUIET, **changes)
