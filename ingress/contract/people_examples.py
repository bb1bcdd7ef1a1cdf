"""People: example bodies and answers, which the door accepts and gives as they stand."""

from __future__ import annotations

from typing import Final

from domain.merchant import Scope
from ingress.contract.people_schemas import CUSTOMER_ID, KEY_ID, MERCHANT_ID, METHOD_ID

_ADDRESS: Final = {
    "street": "548 Market Street",
    "city": "San Francisco",
    "state": "CA",
    "zip_code": "94104",
    "country": "US",
}
NEW_CUSTOMER: Final = {
    "external_id": "customer-42",
    "email": "payer@example.com",
    "name": "Pat Example",
    "phone": "+14155550100",
    "country": "US",
    "billing_address": _ADDRESS,
    "metadata": {"tier": "gold"},
}
CUSTOMER: Final = NEW_CUSTOMER | {
    "id": CUSTOMER_ID,
    "object": "customer",
    "username": None,
    "mode": "test",
    "created_at": "2026-03-31T12:00:00.000Z",
    "updated_at": "2026-03-31T12:00:00.000Z",
    "anonymized_at": None,
}
NEW_METHOD: Final = {
    "customer_id": CUSTOMER_ID,
    "type": "card",
    "token": "tok_visa",
    "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
}
METHOD: Final = {
    "id": METHOD_ID,
    "object": "payment_method",
    "customer_id": CUSTOMER_ID,
    "type": "card",
    "gateway_id": None,
    "card": {
        "fingerprint": None,
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2030,
        "country": None,
        "funding": "unknown",
    },
    "paypal_email": None,
    "wallet_id": None,
    "is_default": True,
    "mode": "test",
    "created_at": "2026-03-31T12:00:00.000Z",
    "updated_at": "2026-03-31T12:00:00.000Z",
}
MERCHANT: Final = {
    "id": MERCHANT_ID,
    "object": "merchant",
    "name": "Corner shop",
    "email": None,
    "is_active": True,
    "rate_limit_per_minute": 100,
    "ip_allowlist": [],
    "settlement_currency": "EUR",
    "default_country": "DE",
    "fallback_enabled": True,
    "return_url_hosts": ["shop.example.com"],
    "metadata": {},
    "mode": "test",
    "api_key": {"id": KEY_ID, "scopes": [Scope.READ.value, Scope.WRITE.value]},
    "created_at": "2026-03-31T12:00:00.000Z",
    "updated_at": "2026-03-31T12:00:00.000Z",
}
ROTATION: Final = {"scopes": [Scope.READ.value], "overlap_s": 3600}
NEW_KEY: Final = {
    "id": "9d03b7c1e2f48a65",
    "object": "api_key",
    "key": "pl_test_9d03b7c1e2f48a65_...",
    "mode": "test",
    "scopes": [Scope.READ.value],
    "expires_at": None,
    "replaces": {"id": KEY_ID, "expires_at": "2026-03-31T13:00:00.000Z"},
}
