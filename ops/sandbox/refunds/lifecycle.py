"""What each request, and time, does to a refund, as ledger lines."""

import secrets

from ops.sandbox.courses import Course
from ops.sandbox.entries import Move, RefundCreated, RefundDeclined, RefundFailed
from ops.sandbox.entries import Refund as RefundMade
from ops.sandbox.payments.lifecycle import about
from ops.sandbox.payments.payment import Payment
from ops.sandbox.refunds.refund import Refund
from ops.sandbox.refusals import TooMuchError, WrongStateError
from ops.sandbox.times import rfc3339

#: What the customer's bank says when it sends a refund back and nobody says otherwise.
RETURNED = "returned_by_bank"


def new_id() -> str:
    """Return the id of a new refund."""
    return f"sr_{secrets.token_hex(16)}"


def refund(
    payment: Payment,
    amount: int | None,
    reference: str,
    reason: str | None,
    course: Course,
    now_s: float,
    async_delay_s: float,
) -> list[Move]:
    """Give money back, all that is left if no amount is named. TooMuchError beyond that."""
    wanted = payment.refundable if amount is None else amount
    if wanted == 0 or wanted > payment.refundable:
        raise TooMuchError(
            "refund_exceeds_captured",
            f"{payment.refundable} of {payment.amount_captured} captured can be refunded.",
        )
    said, given, id_ = about(payment, now_s), max(1, wanted - course.off), new_id()
    if course.later:
        return [
            RefundCreated(
                **said,
                amount=given,
                refund=id_,
                refund_reference=reference,
                reason=reason,
                settles_at=rfc3339(now_s + async_delay_s),
                verdict=course.verdict,
            )
        ]
    if course.verdict is not None:
        return [
            RefundDeclined(
                **said,
                amount=given,
                refund=id_,
                refund_reference=reference,
                reason=reason,
                failure_code=course.verdict,
            )
        ]
    return [RefundMade(**said, amount=given, refund=id_, refund_reference=reference, reason=reason)]


def settle(refund: Refund, now_s: float) -> list[Move]:
    """Give a pending refund the answer it waits for."""
    if refund.verdict is not None:
        return fail(refund, refund.verdict, now_s, forced=False)
    return succeed(refund, now_s, forced=False)


def succeed(refund: Refund, now_s: float, *, forced: bool = True) -> list[Move]:
    """Send the money of a pending refund, else WrongStateError."""
    if refund.status != "pending":
        raise WrongStateError(refund, "succeeded")
    return [
        RefundMade(
            at=rfc3339(now_s),
            payment=refund.payment,
            reference=refund.payment_reference,
            currency=refund.currency,
            amount=refund.amount,
            forced=forced,
            refund=refund.id,
            refund_reference=refund.reference,
            reason=refund.reason,
        )
    ]


def fail(refund: Refund, code: str | None, now_s: float, *, forced: bool = True) -> list[Move]:
    """Refuse a pending refund; bring the money of a succeeded one back. Else WrongStateError."""
    if refund.status == "failed":
        raise WrongStateError(refund, "failed")
    kind = RefundFailed if refund.status == "succeeded" else RefundDeclined
    return [
        kind(
            at=rfc3339(now_s),
            payment=refund.payment,
            reference=refund.payment_reference,
            currency=refund.currency,
            amount=refund.amount,
            forced=forced,
            refund=refund.id,
            refund_reference=refund.reference,
            reason=refund.reason,
            failure_code=code or RETURNED,
        )
    ]
