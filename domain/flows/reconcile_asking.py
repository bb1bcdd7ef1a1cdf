"""Asking about what differs: the provider's word on an attempt, applied as any other fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.facts import Fact, Source
from domain.flows.learn import learn
from domain.flows.reconcile_evidence import shown_by
from domain.outcome import Lookup, NotCharged, NotFound, Outcome, Proof, Unknown
from domain.ports import Budget, Promise, Runtime
from domain.reconcile import Finding
from domain.reconcile_ours import Tried

#: Look-ups of one run: each is a call of its own.
MOST_ASKED: Final = 500


@dataclass(slots=True)
class Asking:
    """The questions of one run to one gateway."""

    runtime: Runtime
    gateway_id: str
    now: datetime
    #: Called before every call; raises where the run must not go on.
    go_on: Callable[[], None]
    asked: int = field(default=0, init=False)

    def ask(self, finding: Finding) -> bool:
        """Have the provider say what became of an attempt, and apply it. Where it cannot be asked,
        its own list is its word. Returns whether anything was said."""
        ours, entry = finding.ours, finding.entry
        assert ours is not None, "nobody to ask about"
        found = self.look_up(ours.tried, entry.provider_id if entry else None)
        if found is None:
            return False
        if isinstance(found, NotFound | Unknown):
            known = self._absent(ours.tried, found) if entry is None else shown_by(entry, ours)
            if known is None:
                return False
            found = known
        self.learn(ours.tried.attempt_id, found)
        self._ask_changes(ours.tried)
        return True

    def look_up(self, tried: Tried, listed_id: str | None) -> Lookup | None:
        """Ask about one attempt, by its id, else by the id that the list tells. None: not asked."""
        self.asked += 1
        gateway = self.runtime.gateways.get(self.gateway_id)
        if self.asked > MOST_ASKED or gateway is None:
            return None
        attempt = self._attempt(tried.attempt_id)
        promise = gateway.declaration.promises.get(attempt.operation)
        if promise is None:
            return None
        if attempt.provider_id is None and listed_id is not None and not promise.authoritative:
            # What is read there must carry our reference, or it says nothing.
            attempt = replace(attempt, provider_id=listed_id)
        self.go_on()
        return gateway.lookup(attempt, self.budget())

    def learn(self, attempt_id: UUID, said: Lookup) -> None:
        """Apply what was said. Not to be found, or not to be told, proves nothing (law 4)."""
        if isinstance(said, NotFound | Unknown):
            return
        fact = Fact(attempt_id, Source.RECONCILIATION, said)
        learn(fact, self._attempt(attempt_id), self.runtime).wake(self.runtime)

    def budget(self) -> Budget:
        """The time of one call."""
        begun, policy = self.runtime.monotonic(), self.runtime.policy
        return Budget(begun + policy.send_window_s, begun + policy.call_s)

    def _absent(self, tried: Tried, found: NotFound | Unknown) -> Outcome | None:
        """Return the proof that there is nothing, where law 4 lets that be one: an authoritative
        look-up that finds nothing once no copy can be under way, or be sent again."""
        gateway = self.runtime.gateways.get(self.gateway_id)
        if isinstance(found, Unknown) or gateway is None:
            return None
        attempt = self._attempt(tried.attempt_id)
        promise: Promise = gateway.declaration.promises[attempt.operation]
        last_sent = max(attempt.deadline_at, attempt.key_window_ends)
        if not promise.authoritative or self.now <= last_sent + promise.visibility_lag:
            return None
        return NotCharged(Proof.READ_BACK, "neither listed nor found after every window had closed")

    def _ask_changes(self, tried: Tried) -> None:
        """A charge that is not as we thought tells of captures and voids whose answers were lost."""
        if tried.operation is not Operation.CHARGE or tried.payment_id is None:
            return
        with self.runtime.store.begin() as work:
            changes = [
                attempt
                for attempt in work.attempts(tried.payment_id)
                if attempt.operation in (Operation.CAPTURE, Operation.VOID)
                and attempt.gateway_id == self.gateway_id
                and attempt.state is State.UNKNOWN
            ]
        for attempt in changes:
            gateway = self.runtime.gateways.get(attempt.gateway_id)
            if gateway is not None:
                self.go_on()
                self.learn(attempt.id, gateway.lookup(attempt, self.budget()))

    def _attempt(self, id_: UUID) -> Attempt:
        with self.runtime.store.begin() as work:
            attempt = work.attempt(id_)
        assert attempt is not None, "attempts are never deleted"
        return attempt
