"""Void: let go of held money, and end the payment once nothing is held any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Work
from domain.commands import Command
from domain.due import Lease
from domain.events import Actor, payment_told
from domain.facts import is_open
from domain.flows.consequences import close_cases
from domain.flows.holds import act_on_hold
from domain.payment import Payment, Status
from domain.ports import Runtime


def void(payment_id: UUID, runtime: Runtime) -> None:
    """Carry out one due void: asked for, rejected by a person, or overdue."""
    act_on_hold(payment_id, Command.VOID, _chosen, runtime)


def _chosen(
    work: Work, payment: Payment, attempts: Sequence[Attempt], lease: Lease
) -> Attempt | None:
    charges = [attempt for attempt in attempts if attempt.operation is Operation.CHARGE]
    for charge in charges:
        if charge.held and not (charge.released or charge.captured) and _is_own(charge):
            return charge
    if any(is_open(charge) for charge in charges):
        # It may still come to hold money; it has its own due row, and its facts drive the payment.
        work.save_payment(replace(payment, due=payment.due.at(None)), lease)
        return None
    voided = any(charge.state is State.VOIDED for charge in charges)
    ending = payment.ending or (Status.CANCELLED if voided else Status.EXPIRED)
    ended = payment.ended(ending, payment.failure)
    work.save_payment(ended, lease)
    work.tell(payment_told(payment, ended, Actor.WORKER, "void"))
    close_cases(work, ended)
    return None


def _is_own(charge: Attempt) -> bool:
    """Late money goes back by a refund of its own."""
    return charge.state is not State.LATE_SUCCESS
