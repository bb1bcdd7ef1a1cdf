"""One guarded provider call: admitted, made, judged, counted. The gateways as flows see them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

from domain.attempt import Attempt, Operation
from domain.breaker import NEW_MONEY, Hold, Override, Verdict
from domain.callback import callback_hint
from domain.flows.send import carry
from domain.outcome import (
    Lookup,
    NotCharged,
    Outcome,
    Proof,
)
from domain.ports import Budget, Declaration, GoOn, Refused
from domain.reconcile import Listing, Window
from domain.reconcile_books import Listed
from domain.routing import GatewayRow
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint
from ops.telemetry import metrics
from workers.bulkhead import Circuit
from workers.circuit_local import Permit
from workers.gateways import Adapter, Lists
from workers.verdicts import ERROR, judged, listed, probed

#: Told gateway, operation, what it came to and how many seconds it took, after every call.
#: It runs between a provider's answer and its storing, and must not raise.
OnCall: TypeAlias = Callable[[str, str, str, float], None]

#: What a breaker, a bulkhead or a budget may refuse, beside payouts; it has the operation's name.
CHARGE: Final = Operation.CHARGE.value
#: About money that may be out there already, or about none: always admitted, each counted by a
#: breaker of its own, so that a provider's slow refunds do not close it to charges.
REPLAY: Final = "replay"
PAYOUT_REPLAY: Final = "payout_replay"
CANCEL: Final = "cancel"
CAPTURE: Final = Operation.CAPTURE.value
VOID: Final = Operation.VOID.value
REFUND: Final = Operation.REFUND.value
DETACH: Final = "detach"
LIST: Final = "list"
PROBE: Final = "probe"
LOOKUP: Final = "lookup"

#: A gateway without an adapter may get one with the next reading of the configuration.
NO_ADAPTER: Final = Refused("no_adapter", 1.0)
#: The bound of calls under way is held against new money only; the others must name one, too.
UNHELD: Final = 1

#: The documented reason of a call that we did not make, because we were late ourselves.
LATE: Final = NotCharged(Proof.NEVER_SENT, "the time to send was over before the call")

Found = TypeVar("Found")
Came = TypeVar("Came", bound=Lookup)


class Adapters(Protocol):
    """The adapters by gateway id."""

    def get(self, gateway_id: str) -> Adapter | None:
        """Return it; None: not configured, or not usable."""


def counted(gateway_id: str, operation: str, outcome: str, seconds: float) -> None:
    """Count a call where Prometheus looks."""
    metrics.ATTEMPTS.labels(gateway_id, operation, outcome).inc()
    metrics.PROVIDER_SECONDS.labels(gateway_id, operation).observe(seconds)


class Caller:
    """The gateways of `domain.ports`: adapters behind breaker, bulkhead, budget and metrics."""

    def __init__(
        self,
        adapters: Adapters,
        circuit: Circuit,
        *,
        hold_s: float,
        on_call: OnCall = counted,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hold_s` outlasts the longest call with all that belongs to it: a lease's length.

        `clock` is the one on which budgets are counted.
        """
        self._adapters = adapters
        self._door = _Door(circuit, hold_s, on_call, clock)

    def get(self, gateway_id: str) -> Guarded | None:
        """Return a configured gateway; its calls are about money that may be out there already."""
        adapter = self._adapters.get(gateway_id)
        return None if adapter is None else Guarded(gateway_id, adapter, self._door)

    def lister(self, gateway_id: str) -> GuardedList | None:
        """Return a gateway's list of movements; None: it has none, or is not usable."""
        adapter = self._adapters.get(gateway_id)
        if adapter is None or adapter.declaration.listing is None:
            return None
        assert isinstance(adapter, Lists), f"{gateway_id} declares a list and has none"
        return GuardedList(gateway_id, adapter.declaration.listing, adapter, self._door)

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Granted | Refused:
        """Ask for a slot for one new charge or payout: one question to the circuit answers it.

        Each of the two has a breaker of its own. A person's "up" passes the breaker, but neither
        the bulkhead nor the retry budget.
        """
        assert operation in NEW_MONEY, f"a {operation} is not new money: nothing may refuse it"
        adapter = self._adapters.get(gateway.id)
        if adapter is None:
            return NO_ADAPTER
        override = None if gateway.forced is None else Override(Hold(gateway.forced))
        slot = self._door.circuit.enter(
            gateway.id,
            operation.value,
            max_in_flight=gateway.max_in_flight,
            hold_s=self._door.hold_s,
            retry=retry,
            override=override,
        )
        return slot if isinstance(slot, Refused) else Granted(slot, adapter, self._door)


@dataclass(frozen=True, slots=True)
class _Door:
    """What every call passes on its way out and back."""

    circuit: Circuit
    hold_s: float
    on_call: OnCall
    clock: Callable[[], float]

    def slot(self, gateway_id: str, operation: str) -> Permit:
        slot = self.circuit.enter(gateway_id, operation, max_in_flight=UNHELD, hold_s=self.hold_s)
        assert not isinstance(slot, Refused), f"{operation} was refused: {slot.reason}"
        return slot

    def through(
        self,
        slot: Permit,
        call: Callable[[], Found],
        says: Callable[[Found], tuple[Verdict, str]],
    ) -> Found:
        """Make the call and give the slot back with what it says about the gateway's health.

        `says` returns that, and the call's name for metrics. If our own code fails, that says
        nothing about the gateway.
        """
        began = self.clock()
        verdict, name = Verdict.IGNORED, ERROR
        try:
            found = call()
            verdict, name = says(found)
            return found
        finally:
            took_s = self.clock() - began
            self.circuit.leave(slot, verdict, took_s)
            self.on_call(slot.gateway_id, slot.operation, name, took_s)


@dataclass(frozen=True, slots=True)
class Granted:
    """A slot for one new charge or payout."""

    slot: Permit
    adapter: Adapter
    door: _Door

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        """Make what this permit is for, all its steps, and give the slot back."""
        asked = self.slot.operation
        assert attempt.operation == asked, f"a permit for a {asked} lets no {attempt.operation} by"
        if self.door.clock() >= budget.send_by:  # our own delay, which no breaker should count
            self.give_back()
            return LATE
        return self.door.through(
            self.slot,
            lambda: carry(self.adapter, attempt, budget, go_on),
            lambda found: judged(found, self.adapter),
        )

    def give_back(self) -> None:
        """Nothing was sent after all."""
        self.door.circuit.leave(self.slot, Verdict.IGNORED, 0.0)


@dataclass(frozen=True, slots=True)
class Guarded:
    """One gateway, for what must always be possible: asking, sending again, and everything that
    changes or gives back money which is out there already."""

    id: str
    adapter: Adapter
    door: _Door

    @property
    def declaration(self) -> Declaration:
        """What the adapter promises."""
        return self.adapter.declaration

    def compose(self, task: Task, reference: str) -> bytes | None:
        """The exact request; None: this provider cannot express it."""
        return self.adapter.compose(task, reference)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request again, under the same key: for lost answers, not for new money."""
        return self._guarded(REPLAY, lambda: self.adapter.charge(attempt, budget))

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge that nobody wants any more, and read back what became of it."""
        return self._guarded(CANCEL, lambda: self.adapter.cancel(attempt, budget))

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from a hold."""
        return self._guarded(CAPTURE, lambda: self.adapter.capture(attempt, budget))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of a hold."""
        return self._guarded(VOID, lambda: self.adapter.void(attempt, budget))

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money of a charge back."""
        return self._guarded(REFUND, lambda: self.adapter.refund(attempt, budget))

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored payout again, under the same key: for lost answers, as with a charge."""
        return self._guarded(PAYOUT_REPLAY, lambda: self.adapter.payout(attempt, budget))

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Have the provider forget a stored token."""
        return self._guarded(DETACH, lambda: self.adapter.detach(detachment, budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of an attempt, by the provider's id or by our reference."""
        return self._guarded(LOOKUP, lambda: self.adapter.lookup(attempt, budget))

    def probe(self, budget: Budget) -> bool:
        """Whether the provider answers at all."""
        slot = self.door.slot(self.id, PROBE)
        return self.door.through(
            slot,
            lambda: self.adapter.probe(budget),
            probed,
        )

    def read_notice(self, body: bytes) -> Hint | None:
        """Which object a webhook or a callback speaks of; None: unreadable."""
        return self.adapter.read_notice(body) or callback_hint(body)

    def _guarded(self, operation: str, call: Callable[[], Came]) -> Came:
        slot = self.door.slot(self.id, operation)
        return self.door.through(slot, call, lambda found: judged(found, self.adapter))


@dataclass(frozen=True, slots=True)
class GuardedList:
    """A gateway's list of movements: reading it moves no money, so it is always admitted."""

    id: str
    listing: Listing
    adapter: Lists
    door: _Door

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of what moved in a window."""
        return self.door.through(
            self.door.slot(self.id, LIST),
            lambda: self.adapter.list_movements(window, following, budget),
            listed,
        )
