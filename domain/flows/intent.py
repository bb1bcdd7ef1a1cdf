"""Intents: an attempt as it is written down before a byte of it is sent (law 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.facts import Fact, Source
from domain.flows.learn import learn
from domain.flows.send import send
from domain.money import Money
from domain.outcome import Outcome, Unknown
from domain.payment import Mode
from domain.policy import Policy
from domain.ports import Budget, Declaration, Runtime


@dataclass(frozen=True, slots=True)
class Intent:
    """What is going to be asked of which gateway, and for whom."""

    operation: Operation
    merchant_id: UUID
    mode: Mode
    money: Money
    gateway_id: str
    number: int
    request_id: str
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    payout_id: UUID | None = None
    target: str | None = None
    captures: bool = True
    card: bytes | None = None

    def written(
        self, id_: UUID, request: bytes, declared: Declaration, now: datetime, policy: Policy
    ) -> Attempt:
        """Return the attempt that is committed before its request is sent."""
        deadline = now + timedelta(seconds=policy.call_s)
        promise = declared.promises[self.operation]
        return Attempt(
            id=id_,
            payment_id=self.payment_id,
            merchant_id=self.merchant_id,
            mode=self.mode,
            operation=self.operation,
            number=self.number,
            gateway_id=self.gateway_id,
            adapter_version=declared.adapter_version,
            money=self.money,
            state=State.SENDING,
            request=request,
            send_before=now + timedelta(seconds=policy.send_window_s),
            deadline_at=deadline,
            key_window_ends=now + promise.key_window,
            created_at=now,
            # Should we die now, `resolve` takes over as soon as we can no longer be sending.
            due=Due(deadline + timedelta(seconds=policy.lease_slack_s)),
            request_id=self.request_id,
            refund_id=self.refund_id,
            payout_id=self.payout_id,
            target=self.target,
            captures=self.captures,
            confirming=not promise.split,
            card=self.card,
        )


def carry_out(attempt: Attempt, begun: float, runtime: Runtime) -> None:
    """Send a committed attempt, store what came of it, and wake whoever that concerns.

    `begun` (monotonic) lies before the database's clock was read for the attempt: so no byte leaves
    after its stored `send_before`, however long we stalled in between.
    """
    policy = runtime.policy
    budget = Budget(begun + policy.send_window_s, begun + policy.call_s)
    gateway = runtime.gateways.get(attempt.gateway_id)
    outcome: Outcome = Unknown("the gateway has no adapter here")
    if gateway is not None:
        outcome = send(gateway, attempt, budget)
    learn(Fact(attempt.id, Source.ANSWER, outcome), attempt, runtime).wake(runtime)
