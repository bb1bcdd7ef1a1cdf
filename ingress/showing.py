"""Showing: payments as they are sent, with what can be asked of them at this moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.payment import Payment
from domain.requests import Sight, is_asked
from ingress import views
from ingress.backing import Reading
from ingress.views import CheckoutUrl


@dataclass(frozen=True, slots=True)
class Showing:
    """What showing a payment needs besides the payment."""

    reads: Reading
    checkout_url: CheckoutUrl
    refund_window: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def one(self, payment: Payment) -> dict[str, Any]:
        """Return a payment for its merchant."""
        (shown,) = await self.many([payment])
        return shown

    async def many(self, payments: Sequence[Payment]) -> list[dict[str, Any]]:
        """Return payments in their order. Questions about money are rare: they cost a query each."""
        return [self.seen(payment, await self._sight(payment)) for payment in payments]

    def seen(self, payment: Payment, sight: Sight) -> dict[str, Any]:
        """Return a payment for its merchant, by what its own transaction knows of it."""
        return views.payment_json(payment, self.checkout_url, sight)

    def closed(self, payment: Payment) -> bool:
        """Whether it is too late to give its money back: that changes no version of it."""
        return Sight(self.now(), self.refund_window).closed(payment)

    async def _sight(self, payment: Payment) -> Sight:
        mismatch = None
        if is_asked(payment):
            owner = payment.merchant_id, payment.mode
            mismatch = await self.reads.mismatch(payment.id, *owner)
        return Sight(self.now(), self.refund_window, mismatch)
