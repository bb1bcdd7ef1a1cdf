"""Cancel: end a payment before it is charged, or ask its provider to let go of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from domain.attempt import State
from domain.commands import Command
from domain.errors import IllegalMove, NotFound, OperationInFlight
from domain.events import Actor, payment_told
from domain.payment import Mode, Payment, Status
from domain.ports import Store


def cancel(
    payment_id: UUID,
    merchant_id: UUID,
    mode: Mode,
    actor_id: str,
    store: Store,
    wake: Callable[[Command, UUID, str], None],
) -> Payment:
    """Cancel at once where nothing was sent; where the payer has a provider's page open, ask the
    provider first (the status follows its answer). Cancelling twice is cancelling once.

    Raises `NotFound` (also for another merchant's), `IllegalMove` after the end, and
    `OperationInFlight` while a charge is under way or its outcome unknown.
    """
    with store.begin() as work:
        payment = work.lock_payment(payment_id)
        if payment.merchant_id != merchant_id or payment.mode is not mode:
            raise NotFound("payment")
        if payment.status is Status.CANCELLED:
            return payment
        if payment.final or payment.status is Status.AUTHORIZED:
            raise IllegalMove(f"the payment is {payment.status}; it can no longer be cancelled")
        open_ = [attempt for attempt in work.attempts(payment_id) if attempt.blocks]
        if any(a.state not in (State.PENDING, State.REQUIRES_ACTION) for a in open_):
            raise OperationInFlight(
                "a charge is under way; its outcome decides",
                fix="read the payment again in a few seconds",
            )
        if not open_:
            ended = payment.ended(Status.CANCELLED)
            saved = work.save_payment(ended)
            work.tell(payment_told(payment, ended, Actor.MERCHANT, actor_id))
            return saved
        asked = replace(payment, cancel_requested_at=payment.cancel_requested_at or work.now)
        saved = work.save_payment(asked)
        for attempt in open_:
            if attempt.due.parked is None:
                work.save_attempt(replace(attempt, due=attempt.due.at(work.now)))
    for attempt in open_:
        wake(Command.RESOLVE, attempt.id, payment.request_id)
    return saved
