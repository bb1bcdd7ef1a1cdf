"""Capture: collect what was asked for of the money that is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.books import Work
from domain.commands import Command
from domain.due import Lease
from domain.flows.holds import act_on_hold
from domain.payment import Payment, Status
from domain.ports import Runtime


def capture(payment_id: UUID, runtime: Runtime) -> None:
    """Carry out one due capture."""
    act_on_hold(payment_id, Command.CAPTURE, _chosen, runtime)


def _chosen(
    work: Work, payment: Payment, attempts: Sequence[Attempt], lease: Lease
) -> Attempt | None:
    for attempt in attempts:
        held = attempt.operation is Operation.CHARGE and attempt.state is State.AUTHORIZED
        if held and payment.status is Status.AUTHORIZED and payment.capture_amount is not None:
            return attempt
    # The hold went away since it was asked for: what is left is to end the payment.
    work.save_payment(replace(payment.wakes(Command.VOID, work.now)), lease)
    return None
