"""Checkout: the request that creates a payment, with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.due import Due
from domain.errors import FieldError, InvalidRequest
from domain.idempotency import fingerprint
from domain.money import CURRENCIES, MAX_MINOR, Money
from domain.payment import Customer, Method, Mode, Payment, Status

#: Some currencies have minor units on paper that no provider moves (C-31): amounts are whole.
WHOLE_UNITS_ONLY = frozenset({"IDR"})


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a merchant asks for. Token and personal data stay out of `repr`."""

    amount: int
    currency: str
    method: Method
    order_id: str | None = None
    country: str | None = None
    customer: Customer = field(default_factory=Customer)
    preference: str | None = None
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> bytes:
        """Return the canonical fingerprint: the same for every alias of the route."""
        return fingerprint("checkout", asdict(self))

    def money(self) -> Money:
        """Return the amount, or refuse it naming field, reason and fix."""
        currency = CURRENCIES.get(self.currency)
        if currency is None:
            raise InvalidRequest(
                [
                    FieldError(
                        "currency",
                        f"{self.currency} is not a currency we know",
                        "use an ISO 4217 code such as USD, EUR or IDR",
                    )
                ]
            )
        if not 0 < self.amount <= MAX_MINOR:
            raise InvalidRequest(
                [
                    FieldError(
                        "amount",
                        f"{self.amount} is outside 1..{MAX_MINOR}",
                        "send a positive integer of minor units",
                    )
                ]
            )
        unit = 10**currency.exponent
        if self.currency in WHOLE_UNITS_ONLY and self.amount % unit:
            raise InvalidRequest(
                [
                    FieldError(
                        "amount",
                        f"{self.currency} moves in whole units only",
                        f"send a multiple of {unit}: Rp 10,000 is 1000000",
                    )
                ]
            )
        return Money(self.amount, currency)

    def payment(
        self,
        id_: UUID,
        merchant_id: UUID,
        mode: Mode,
        now: datetime,
        lifetime: timedelta,
        request_id: str,
    ) -> Payment:
        """Return the payment this checkout creates: pending, and due at once."""
        return Payment(
            id=id_,
            merchant_id=merchant_id,
            mode=mode,
            money=self.money(),
            status=Status.PENDING,
            method=self.method,
            created_at=now,
            expires_at=now + lifetime,
            due=Due(now),
            order_id=self.order_id,
            country=self.country or self.customer.country,
            customer=self.customer,
            preference=self.preference,
            description=self.description,
            return_url=self.return_url,
            metadata=self.metadata,
            request_id=request_id,
        )
