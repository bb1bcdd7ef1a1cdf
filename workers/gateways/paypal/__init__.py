"""PayPal: Orders v2 and Payments v2 for money in, Payouts v1 for money out."""

from workers.gateways.paypal.adapter import PayPal

__all__ = ["PayPal"]
