"""Govern: before a card is tried once more, its scheme's limits are asked, whichever gateway is next."""

from __future__ import annotations

from uuid import UUID

from domain.attempt import Operation
from domain.books import Work
from domain.due import Lease
from domain.events import Actor, payment_told
from domain.payment import CHARGEABLE, Failure, Payment, Status
from domain.schemes import refusal, watched


def forbidden(work: Work, payment: Payment) -> Failure | None:
    """Return why this payment's card may not be tried now. Held with the card until the transaction
    ends, so an attempt that is written in it is counted by whoever asks next."""
    watch = watched(payment.merchant_id, payment.mode, payment.method)
    return None if watch is None else refusal(watch.scheme, work.card_tries(watch))


def counted_as(payment: Payment) -> bytes | None:
    """Return the name under which a try of this payment's card is counted; None: it is not."""
    watch = watched(payment.merchant_id, payment.mode, payment.method)
    return None if watch is None else watch.card


def turn_away(work: Work, payment_id: UUID, failure: Failure, lease: Lease) -> None:
    """End a payment whose card may not be tried, unless something else has decided meanwhile."""
    payment = work.lock_payment(payment_id)
    if payment.status not in CHARGEABLE or payment.due.parked is not None:
        work.save_payment(payment, lease)
        return
    charges = [a for a in work.attempts(payment_id) if a.operation is Operation.CHARGE]
    if payment.cancel_requested_at is not None or any(charge.blocks for charge in charges):
        work.save_payment(payment.wakes(payment.next_command, work.now), lease)
        return
    ended = payment.ended(Status.FAILED, failure)
    work.save_payment(ended, lease)
    work.tell(payment_told(payment, ended, Actor.WORKER, "charge"))
