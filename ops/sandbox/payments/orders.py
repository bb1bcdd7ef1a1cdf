"""Reads the create request: the order itself, and the faults it brings along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.sandbox.courses import CARD_CODES, Course, course_of
from ops.sandbox.faults import (
    Fault,
    Strike,
    UnknownFaultError,
    by_fault,
    for_amount,
    named,
    webhook_part,
)
from ops.sandbox.fields import Fields
from ops.sandbox.payments.lifecycle import Opening, Order
from ops.sandbox.payments.payment import BANK_TRANSFER
from ops.sandbox.replies import ApiError, invalid

#: Limits of `metadata`: entries, characters of a key, characters of a value.
METADATA_LIMITS = (50, 40, 500)
#: The metadata key that names faults for one payment or payout.
FAULTS_IN = "sandbox"

SOURCES = ("card", "wallet", "paypal", BANK_TRANSFER)
#: Money from these comes at once or not at all: there is nothing to hold.
AT_ONCE = frozenset({"wallet", BANK_TRANSFER})
#: The customer pays these on a page, whatever the request says about 3-D Secure.
ON_A_PAGE = frozenset({"paypal", BANK_TRANSFER})
#: What a charge with a token that was taken out of the vault is declined with.
TOKEN_DETACHED = "token_detached"  # noqa: S105  # a code, not a secret


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A valid POST /v1/payments."""

    order: Order
    three_ds: str
    strikes: tuple[Strike, ...]  #: by amount and by metadata

    @classmethod
    def read(cls, body: dict[str, Any], gateway: str, now_s: float) -> "CreateRequest":
        """Check every field. ApiError 400 names the first that is wrong."""
        fields = Fields(body)
        source, token = fields.nested("source", _source)
        order = Order(
            reference=fields.text("reference", 1, 64),
            amount=fields.amount("amount"),
            currency=fields.currency("currency"),
            capture=fields.flag("capture", default=True),
            source=source,
            token=token,
            expires_at=fields.optional_future("expires_at", now_s),
            authorization_expires_at=fields.optional_future("authorization_expires_at", now_s),
            return_url=fields.optional_url("return_url"),
            description=fields.optional_text("description", 0, 1000),
            metadata=fields.metadata("metadata", *METADATA_LIMITS),
        )
        three_ds = fields.choice("three_ds", ("automatic", "required"), "automatic")
        fields.end()
        if not order.capture and source in AT_ONCE:
            raise ApiError(
                400,
                "invalid_request",
                "capture_not_supported",
                f"A {source} payment cannot be authorized first and captured later.",
                param="capture",
            )
        return cls(order, three_ds, brought_along(order.amount, order.metadata, gateway))

    def opening(self, strikes: tuple[Strike, ...], *, detached: bool) -> Opening:
        """Return how this payment goes under the faults that strike it."""
        struck = by_fault(strikes)
        lasting = by_fault((*self.strikes, *strikes))
        webhook_faults = webhook_part(Strike(fault, ms) for fault, ms in lasting.items())
        if detached:  # nobody is asked: there is nothing left to charge
            return Opening(Course(verdict=TOKEN_DETACHED), webhook_faults=webhook_faults)
        return Opening(
            course_of(strikes, CARD_CODES),
            needs_action=(
                self.order.source in ON_A_PAGE
                or self.three_ds == "required"
                or Fault.THREE_DS in struck
            ),
            charged_back=Fault.CHARGEBACK in struck,
            webhook_faults=webhook_faults,
        )


def brought_along(amount: int, metadata: Mapping[str, str], gateway: str) -> tuple[Strike, ...]:
    """Return the faults that an order asks for itself. ApiError 400 for one that is unknown."""
    try:
        asked = named(metadata[FAULTS_IN], gateway) if FAULTS_IN in metadata else []
    except UnknownFaultError as error:
        raise invalid(str(error), f"metadata.{FAULTS_IN}") from error
    return (*for_amount(amount), *asked)


def _source(fields: Fields) -> tuple[str, str | None]:
    kind = fields.choice("type", SOURCES)
    if kind == BANK_TRANSFER:
        fields.optional_text("token", 1, 255)  # whoever sends the money is not in the vault
        return kind, None
    return kind, fields.text("token", 1, 255)
