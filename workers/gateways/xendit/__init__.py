"""Xendit: Payment Requests v3, refunds, payouts v2."""

from __future__ import annotations

from workers.gateways.xendit.adapter import PROVIDER, Xendit

__all__ = ["PROVIDER", "Xendit"]
