"""Send: the one provider call of an attempt, whatever its operation; a replay is the same call."""

from __future__ import annotations

from typing import assert_never

from domain.attempt import Attempt, Operation
from domain.outcome import Outcome, Prepared
from domain.ports import Budget, Gateway, GoOn


def carry(gateway: Gateway, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
    """Send an attempt; once a split one is prepared, also the call that moves its money, unless
    `go_on` says that it may not be sent now."""
    outcome = send(gateway, attempt, budget)
    if not isinstance(outcome, Prepared):
        return outcome
    further = go_on(outcome)
    return outcome if further is None else send(gateway, further.attempt, further.budget)


def send(gateway: Gateway, attempt: Attempt, budget: Budget) -> Outcome:
    """Send the stored bytes under the attempt's key."""
    match attempt.operation:
        case Operation.CHARGE:
            return gateway.charge(attempt, budget)
        case Operation.CAPTURE:
            return gateway.capture(attempt, budget)
        case Operation.VOID:
            return gateway.void(attempt, budget)
        case Operation.REFUND:
            return gateway.refund(attempt, budget)
        case Operation.PAYOUT:
            return gateway.payout(attempt, budget)
        case _:
            assert_never(attempt.operation)
