"""People, outwards: what of customers, payment methods and merchants leaves the house."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from domain.ids import Kind, public
from domain.means import Card
from domain.merchant import Merchant
from domain.people import MethodType, SavedCustomer, SavedMethod
from ingress.authentication import Caller
from ingress.views import moment
from ops.store.merchants import NewKey


def customer_json(customer: SavedCustomer) -> dict[str, Any]:
    """Return a customer for its merchant."""
    profile, person = customer.profile, customer.profile.person
    address = person.billing_address
    return {
        "id": public(Kind.CUSTOMER, customer.id),
        "object": "customer",
        "external_id": profile.external_id,
        "username": profile.username,
        "email": person.email,
        "name": person.name,
        "phone": person.phone,
        "country": profile.country,
        "billing_address": asdict(address) if address else None,
        "metadata": profile.metadata,
        "mode": customer.mode.value,
        "created_at": moment(customer.created_at),
        "updated_at": moment(customer.updated_at),
        "anonymized_at": moment(customer.anonymized_at),
    }


def method_json(saved: SavedMethod) -> dict[str, Any]:
    """Return a payment method for its merchant; the token stays inside."""
    means = saved.means
    return {
        "id": public(Kind.PAYMENT_METHOD, saved.id),
        "object": "payment_method",
        "customer_id": public(Kind.CUSTOMER, saved.customer_id),
        "type": means.type.value,
        "gateway_id": means.gateway_id,
        "card": _card(means.card or Card(), means.funding.value)
        if means.type is MethodType.CARD
        else None,
        "paypal_email": means.paypal_email,
        "wallet_id": means.wallet_id,
        "is_default": saved.is_default,
        "mode": saved.mode.value,
        "created_at": moment(saved.created_at),
        "updated_at": moment(saved.updated_at),
    }


def merchant_json(merchant: Merchant, caller: Caller) -> dict[str, Any]:
    """Return a merchant to itself, with what the asking key may do."""
    return {
        "id": public(Kind.MERCHANT, merchant.id),
        "object": "merchant",
        "name": merchant.name,
        "email": merchant.email,
        "is_active": merchant.is_active,
        "rate_limit_per_minute": merchant.rate_limit_per_minute,
        "ip_allowlist": list(merchant.ip_allowlist),
        "settlement_currency": merchant.settlement_currency,
        "default_country": merchant.default_country,
        "fallback_enabled": merchant.fallback_enabled,
        "return_url_hosts": list(merchant.return_url_hosts),
        "metadata": merchant.metadata,
        "mode": caller.mode.value,
        "api_key": {"id": caller.key_id, "scopes": sorted(caller.scopes)},
        "created_at": moment(merchant.created_at),
        "updated_at": moment(merchant.updated_at),
    }


def key_json(key: NewKey, caller: Caller) -> dict[str, Any]:
    """Return a new key with its secret, this once."""
    return {
        "id": key.id,
        "object": "api_key",
        "key": key.text,
        "mode": caller.mode.value,
        "scopes": list(key.scopes),
        "expires_at": moment(key.expires_at),
        "replaces": {"id": caller.key_id, "expires_at": moment(key.replaced_until)},
    }


def _card(card: Card, funding: str) -> dict[str, Any]:
    return asdict(card) | {"funding": funding}
