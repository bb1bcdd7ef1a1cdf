"""Detach: have a provider forget the token of a deleted payment method."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.books import Work
from domain.due import NEVER, Due, Reason
from domain.facts import poll_at
from domain.outcome import NotCharged, Outcome, Pending, RequiresAction, Unknown
from domain.ports import Budget, Runtime
from domain.vaulted import Detachment


def detach(method_id: UUID, runtime: Runtime) -> None:
    """Carry out one due detachment; what is not forgotten is asked again, and in the end parked."""
    begun = runtime.monotonic()
    with runtime.store.begin() as work:
        claim = work.claim_detachment(method_id, runtime.owner, runtime.policy.lease_s)
        if claim is None:
            return
        row = claim.row
        gateway = runtime.gateways.get(row.gateway_id) if row.gateway_id else None
        # Every start counts, also one that killed its worker: in the end a person must look.
        over = runtime.policy.resolve.after(claim.starts - 1) is None
        if row.gateway_id is None or over:  # no vault but ours knew the token, or it is given up
            due = NEVER if row.gateway_id is None else _given_up(row, work)
            work.save_detachment(replace(row, due=due), claim.lease)
            return
    policy = runtime.policy
    budget = Budget(begun + policy.send_window_s, begun + policy.call_s)
    told: Outcome = Unknown("no adapter") if gateway is None else gateway.detach(row, budget)
    with runtime.store.begin() as work:
        due = NEVER
        if _is_open(told):
            when = poll_at(policy.resolve, claim.starts - 1, work.now)
            due = replace(row.due, next_run_at=when) if when else _given_up(row, work)
        work.save_detachment(replace(row, due=due), claim.lease)


def _is_open(told: Outcome) -> bool:
    """Whether the provider may still know the token: no answer, or "not now"."""
    match told:
        case Unknown() | Pending() | RequiresAction():
            return True
        case NotCharged(request_wrong=wrong):
            return not wrong
        case _:
            return False


def _given_up(row: Detachment, work: Work) -> Due:
    return row.due.park(work.now, Reason.UNRESOLVED)
