"""Identities: under which names a payment is counted. Test never counts with live."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.payment import Payment


@dataclass(frozen=True, slots=True)
class Identities:
    """Card and address are counted over all merchants, a customer's id means one merchant's only."""

    card: str | None = field(repr=False)
    ip: str | None = field(repr=False)
    customer: str | None = field(repr=False)


def identities(payment: Payment) -> Identities:
    """Return the names of what this payment is counted by; None where it does not say."""
    card = payment.method.card.fingerprint if payment.method.card else None
    customer = payment.customer
    return Identities(
        card=card and f"{payment.mode}:{card}",
        ip=customer.ip and f"{payment.mode}:{customer.ip}",
        customer=customer.id and f"{payment.mode}:{payment.merchant_id}:{customer.id}",
    )
