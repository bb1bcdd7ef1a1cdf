"""Reads the create request: the order itself, and the faults it brings along."""

from dataclasses import dataclass
from typing import Any

from ops.sandbox.faults import (
    DECLINE_CODES,
    Fault,
    Strike,
    UnknownFaultError,
    by_fault,
    for_amount,
    named,
    webhook_part,
)
from ops.sandbox.fields import Fields
from ops.sandbox.operations import Course, Order
from ops.sandbox.replies import invalid

#: Limits of `metadata`: entries, characters of a key, characters of a value.
METADATA_LIMITS = (50, 40, 500)
#: The metadata key that names faults for one payment.
FAULTS_IN = "sandbox"


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A valid POST /v1/payments."""

    order: Order
    source: str
    three_ds: str
    strikes: tuple[Strike, ...]  #: by amount and by metadata

    @classmethod
    def read(cls, body: dict[str, Any], gateway: str, now_s: float) -> "CreateRequest":
        """Check every field. ApiError 400 names the first that is wrong."""
        fields = Fields(body)
        order = Order(
            reference=fields.text("reference", 1, 64),
            amount=fields.amount("amount"),
            currency=fields.currency("currency"),
            capture=fields.flag("capture", default=True),
            expires_at=fields.optional_future("expires_at", now_s),
            return_url=fields.optional_url("return_url"),
            description=fields.optional_text("description", 0, 1000),
            metadata=fields.metadata("metadata", *METADATA_LIMITS),
        )
        source = fields.nested("source", _source)
        three_ds = fields.choice("three_ds", ("automatic", "required"), "automatic")
        fields.end()
        try:
            brought = (
                named(order.metadata[FAULTS_IN], gateway) if FAULTS_IN in order.metadata else []
            )
        except UnknownFaultError as error:
            raise invalid(str(error), f"metadata.{FAULTS_IN}") from error
        return cls(order, source, three_ds, (*for_amount(order.amount), *brought))

    def course(self, strikes: tuple[Strike, ...]) -> Course:
        """Return how this payment goes under the faults that strike it."""
        struck = by_fault(strikes)
        later = {Fault.ASYNC, Fault.ASYNC_DECLINE, Fault.WEBHOOK_OUT_OF_ORDER}
        verdicts = [code for fault, code in DECLINE_CODES.items() if fault in struck]
        lasting = by_fault((*self.strikes, *strikes))
        return Course(
            needs_action=self.three_ds == "required" or Fault.THREE_DS in struck,
            settles_later=self.source == "bank_transfer" or not later.isdisjoint(struck),
            verdict=verdicts[0] if verdicts else None,
            extra=1 if Fault.WRONG_AMOUNT in struck else 0,
            webhook_faults=webhook_part(Strike(fault, ms) for fault, ms in lasting.items()),
        )


def _source(fields: Fields) -> str:
    kind = fields.choice("type", ("card", "wallet", "bank_transfer"))
    fields.text("token", 1, 255)  # the sandbox needs no card: the token is checked and forgotten
    return kind
