"""One guarded provider call: admitted, made, judged, counted. The gateways as flows see them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, TypeVar, assert_never

from domain.attempt import Attempt
from domain.breaker import Hold, Override, Verdict
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Payment
from domain.ports import Budget, Declaration, Refused
from domain.routing import GatewayRow
from domain.webhook import Hint
from ops.telemetry import metrics
from workers.circuit import Permit as Slot
from workers.gateways import Adapter

#: Told gateway, operation, what it came to and how many seconds it took, after every call.
#: It runs between a provider's answer and its storing, and must not raise.
OnCall: TypeAlias = Callable[[str, str, str, float], None]

#: New money: what a breaker, a bulkhead or a budget may refuse.
CHARGE: Final = "charge"
#: Asked about money that may be out there already: always admitted, each counted by its own breaker.
REPLAY: Final = "replay"
VOID: Final = "void"
LOOKUP: Final = "lookup"

#: A gateway without an adapter may get one with the next reading of the configuration.
NO_ADAPTER: Final = Refused("no_adapter", 1.0)
#: The bound of calls under way is held against new money only; the others must name one, too.
UNHELD: Final = 1

#: What a call came to, as metrics name it.
NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {
        Succeeded: "succeeded",
        Pending: "pending",
        RequiresAction: "requires_action",
        Declined: "declined",
        NotCharged: "not_charged",
        Unknown: "unknown",
        NotFound: "not_found",
    }
)
#: And what it came to if our own code failed.
ERROR: Final = "error"

#: The documented reason of a call that we did not make, because we were late ourselves.
LATE: Final = NotCharged(Proof.NEVER_SENT, "the time to send was over before the call")

Found = TypeVar("Found", bound=Lookup)


class Circuit(Protocol):
    """Breaker, bulkhead and budget; never raises because its store is away."""

    def enter(
        self,
        gateway_id: str,
        operation: str,
        *,
        max_in_flight: int,
        hold_s: float,
        retry: bool = False,
        override: Override | None = None,
    ) -> Slot | Refused:
        """Take a slot for at most `hold_s`, or say why there is none."""

    def leave(self, permit: Slot, verdict: Verdict, took_s: float) -> None:
        """Give the slot back and count the call."""


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

    def admit(self, gateway: GatewayRow, *, retry: bool) -> Granted | Refused:
        """Ask for a slot for one new charge: one question to the circuit answers it.

        A person's "up" passes the breaker, but neither the bulkhead nor the retry budget.
        """
        adapter = self._adapters.get(gateway.id)
        if adapter is None:
            return NO_ADAPTER
        override = None if gateway.forced is None else Override(Hold(gateway.forced))
        slot = self._door.circuit.enter(
            gateway.id,
            CHARGE,
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

    def slot(self, gateway_id: str, operation: str) -> Slot:
        slot = self.circuit.enter(gateway_id, operation, max_in_flight=UNHELD, hold_s=self.hold_s)
        assert not isinstance(slot, Refused), f"{operation} was refused: {slot.reason}"
        return slot

    def through(self, slot: Slot, adapter: Adapter, call: Callable[[], Found]) -> Found:
        """Make the call and give the slot back with what it says about the gateway's health.

        If our own code fails, that says nothing about the gateway.
        """
        began = self.clock()
        verdict, name = Verdict.IGNORED, ERROR
        try:
            found = call()
            verdict, name = _verdict(found, adapter), NAMES[type(found)]
            return found
        finally:
            took_s = self.clock() - began
            self.circuit.leave(slot, verdict, took_s)
            self.on_call(slot.gateway_id, slot.operation, name, took_s)


@dataclass(frozen=True, slots=True)
class Granted:
    """A slot for one new charge."""

    slot: Slot
    adapter: Adapter
    door: _Door

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the one call this permit is for, and give the slot back."""
        if self.door.clock() >= budget.send_by:  # our own delay, which no breaker should count
            self.give_back()
            return LATE
        return self.door.through(
            self.slot, self.adapter, lambda: self.adapter.charge(attempt, budget)
        )

    def give_back(self) -> None:
        """Nothing was sent after all."""
        self.door.circuit.leave(self.slot, Verdict.IGNORED, 0.0)


@dataclass(frozen=True, slots=True)
class Guarded:
    """One gateway, for what must always be possible: asking, sending again, cancelling."""

    id: str
    adapter: Adapter
    door: _Door

    @property
    def declaration(self) -> Declaration:
        """What the adapter promises."""
        return self.adapter.declaration

    def compose(self, payment: Payment, reference: str) -> bytes | None:
        """The exact charge request; None: this provider cannot express the payment."""
        return self.adapter.compose(payment, reference)

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request again, under the same key: for lost answers, not for new money."""
        slot = self.door.slot(self.id, REPLAY)
        return self.door.through(slot, self.adapter, lambda: self.adapter.charge(attempt, budget))

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel at the provider and read back what became of it."""
        slot = self.door.slot(self.id, VOID)
        return self.door.through(slot, self.adapter, lambda: self.adapter.void(attempt, budget))

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read the object, by the provider's id or by our reference."""
        slot = self.door.slot(self.id, LOOKUP)
        return self.door.through(slot, self.adapter, lambda: self.adapter.lookup(attempt, budget))

    def read_notice(self, body: bytes) -> Hint | None:
        """Which object a webhook speaks of; None: unreadable."""
        return self.adapter.read_notice(body)


def _verdict(found: Lookup, adapter: Adapter) -> Verdict:
    """Return what an outcome says about the gateway. An issuer's "no" came through a healthy one."""
    match found:
        case Succeeded() | Pending() | RequiresAction() | Declined() | NotFound():
            return Verdict.GOOD
        case Unknown() | NotCharged(proof=Proof.NEVER_SENT):
            return Verdict.BAD
        case NotCharged(proof=Proof.REJECTED):
            # One merchant's odd request must not close the gateway to everybody.
            return Verdict.BAD if adapter.at_fault(found) else Verdict.IGNORED
        case NotCharged():
            return Verdict.GOOD
        case _:
            assert_never(found)
