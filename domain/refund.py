"""The refund: captured money on its way back, and money that came too late for its payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from domain.due import Due
from domain.errors import IllegalMove
from domain.money import Money
from domain.payment import Failure, Mode, Payment


class RefundKind(StrEnum):
    """Why money goes back."""

    REFUND = "refund"  # a merchant asked for it
    REVERSAL = "reversal"  # a merchant undoes the whole payment
    LATE = "late"  # nobody's: it arrived after the payment had ended or gone elsewhere


class RefundStatus(StrEnum):
    """What a merchant sees of a refund. Only the provider's word makes it `succeeded`."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"  # the provider took the money back before we sent anything


_S = RefundStatus
#: The whole life of a refund; the database enforces the same table by a trigger.
REFUND_MOVES: Mapping[RefundStatus, frozenset[RefundStatus]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.PROCESSING, _S.FAILED, _S.CANCELLED}),
        _S.PROCESSING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELLED}),
        _S.SUCCEEDED: frozenset({_S.FAILED}),  # it failed later, at the provider
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
    }
)
#: Money that is promised to go back counts as gone already: nobody may ask for it twice.
PROMISED = frozenset({_S.PENDING, _S.PROCESSING})


@dataclass(frozen=True, slots=True)
class Refund:
    """One amount that goes back to where it came from: the charge `charge_id`."""

    id: UUID
    payment_id: UUID
    charge_id: UUID
    merchant_id: UUID
    mode: Mode
    money: Money
    kind: RefundKind
    status: RefundStatus
    reason: str
    requested_by: str
    gateway_id: str
    created_at: datetime
    due: Due
    failure: Failure | None = None
    #: Runs in which the gateway was proven not to have refunded; the backoff's exponent.
    runs: int = 0
    processed_at: datetime | None = None
    request_id: str = ""
    version: int = 1

    @property
    def over(self) -> bool:
        """Whether no command moves it on."""
        return self.status not in PROMISED

    def moved(self, to: RefundStatus) -> Refund:
        """Return this refund in its next status, or refuse with `IllegalMove`."""
        if to is self.status:
            return self
        if to not in REFUND_MOVES[self.status]:
            raise IllegalMove(f"refund {self.id} cannot go from {self.status} to {to}")
        return replace(self, status=to)

    def ended(self, to: RefundStatus, now: datetime, failure: Failure | None = None) -> Refund:
        """Return this refund ended: nothing is due any more."""
        return replace(self.moved(to), failure=failure, processed_at=now, due=self.due.at(None))


def rebalanced(payment: Payment, before: Refund | None, after: Refund) -> Payment:
    """Return `payment` with the sums and the status that follow from a refund's move.

    Late money never was the payment's own: its sums do not change.
    """
    if after.kind is RefundKind.LATE:
        return payment
    promised = _promised(after) - (_promised(before) if before else 0)
    refunded = _refunded(after) - (_refunded(before) if before else 0)
    return replace(
        payment,
        amount_refund_pending=payment.amount_refund_pending + promised,
        amount_refunded=payment.amount_refunded + refunded,
    ).resettled()


def _promised(refund: Refund) -> int:
    return refund.money.minor if refund.status in PROMISED else 0


def _refunded(refund: Refund) -> int:
    return refund.money.minor if refund.status is RefundStatus.SUCCEEDED else 0
