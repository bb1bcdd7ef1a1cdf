"""Checkout: the request that creates a payment, with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.commands import Command
from domain.due import Due
from domain.errors import FieldError, InvalidRequest
from domain.idempotency import fingerprint
from domain.means import Address, Customer, Method
from domain.money import CURRENCIES, MAX_MINOR, Money
from domain.payment import CaptureMethod, Mode, Payment, Status
from domain.plain import plain


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
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    #: False: nothing happens before the merchant's `authorize`.
    confirm: bool = True
    kind: str = "checkout"
    #: The merchant's saved customer and payment method, if it was made with one.
    customer_id: UUID | None = None
    method_id: UUID | None = None
    billing: Address | None = None

    def fingerprint(self) -> bytes:
        """Return the canonical fingerprint: the same for every alias of the route."""
        return fingerprint("checkout", plain(self))

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
        if self.amount % currency.step:
            raise InvalidRequest(
                [
                    FieldError(
                        "amount",
                        f"{self.currency} moves in whole units only",
                        f"send a multiple of {currency.step}: Rp 10,000 is 1000000",
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
            # Unconfirmed, it can only expire by itself.
            due=Due(now if self.confirm else now + lifetime),
            next_command=Command.SCREEN if self.confirm else Command.CHARGE,
            order_id=self.order_id,
            country=self.country or self.customer.country,
            customer=self.customer,
            preference=self.preference,
            description=self.description,
            return_url=self.return_url,
            metadata=self.metadata,
            request_id=request_id,
            kind=self.kind,
            capture_method=self.capture_method,
            confirmed=self.confirm,
            customer_id=self.customer_id,
            method_id=self.method_id,
            billing=self.billing,
        )
