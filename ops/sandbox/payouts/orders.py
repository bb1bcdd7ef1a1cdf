"""Reads the payout request: the order itself, and the faults it brings along."""

from dataclasses import dataclass
from typing import Any

from ops.sandbox.faults import Strike, by_fault, webhook_part
from ops.sandbox.fields import Fields
from ops.sandbox.payments.orders import METADATA_LIMITS, brought_along
from ops.sandbox.payouts.lifecycle import PayoutOrder

DESTINATIONS = ("bank_account", "wallet", "card")


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """A valid POST /v1/payouts."""

    order: PayoutOrder
    strikes: tuple[Strike, ...]  #: by amount and by metadata

    @classmethod
    def read(cls, body: dict[str, Any], gateway: str) -> "PayoutRequest":
        """Check every field. ApiError 400 names the first that is wrong."""
        fields = Fields(body)
        order = PayoutOrder(
            reference=fields.text("reference", 1, 64),
            amount=fields.amount("amount"),
            currency=fields.currency("currency"),
            destination_type=fields.nested("destination", _destination),
            description=fields.optional_text("description", 0, 1000),
            metadata=fields.metadata("metadata", *METADATA_LIMITS),
        )
        fields.end()
        return cls(order, brought_along(order.amount, order.metadata, gateway))

    def webhook_faults(self, strikes: tuple[Strike, ...]) -> tuple[str, ...]:
        """Return, in text, the faults that stay with this payout for all its webhooks."""
        lasting = by_fault((*self.strikes, *strikes))
        return webhook_part(Strike(fault, ms) for fault, ms in lasting.items())


def _destination(fields: Fields) -> str:
    kind = fields.choice("type", DESTINATIONS)
    fields.text("token", 1, 255)  # the sandbox pays nobody: the token is checked and forgotten
    return kind
