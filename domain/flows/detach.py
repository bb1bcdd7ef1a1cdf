"""Detach: have a provider forget the token of a deleted payment method."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.due import NEVER, Reason
from domain.facts import poll_at
from domain.outcome import NotCharged, Pending, Proof, RequiresAction, Unknown
from domain.ports import Budget, Runtime


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
        again = poll_at(runtime.policy.resolve, claim.starts, work.now)
        if row.gateway_id is None or again is None:  # no vault but ours knew the token
            due = NEVER if row.gateway_id is None else row.due.park(work.now, Reason.UNRESOLVED)
            work.save_detachment(replace(row, due=due), claim.lease)
            return
    policy = runtime.policy
    budget = Budget(begun + policy.send_window_s, begun + policy.call_s)
    told = Unknown("no adapter") if gateway is None else gateway.detach(row, budget)
    with runtime.store.begin() as work:
        match told:
            case Unknown() | Pending() | RequiresAction() | NotCharged(proof=Proof.NEVER_SENT):
                due = replace(row.due, next_run_at=again)
            case _:
                due = NEVER
        work.save_detachment(replace(row, due=due), claim.lease)
