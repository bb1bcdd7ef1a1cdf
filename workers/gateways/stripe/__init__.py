"""Stripe: PaymentIntents, refunds, payouts to the account's own banks, and how to ask about them."""

from __future__ import annotations

from workers.gateways.stripe.adapter import PROVIDER, Stripe

__all__ = ["PROVIDER", "Stripe"]
