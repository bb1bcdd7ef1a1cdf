"""Ports: what the flows need from the world besides the books. Members are read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Store
from domain.commands import Command
from domain.fraud.features import Velocity
from domain.outcome import Lookup, Outcome
from domain.policy import Policy
from domain.routing import GatewayRow
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a call may take, on the monotonic clock of this process (seconds)."""

    send_by: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Declaration:
    """What an adapter promises about its provider."""

    provider: str
    adapter_version: int
    #: How long the provider protects our idempotency key.
    key_window: timedelta
    #: A look-up by our reference sees everything older than the visibility lag.
    lookup_authoritative: bool
    visibility_lag: timedelta
    can_void: bool
    can_3ds: bool
    #: Whether it can hold money first and collect it later, and refund, and send money out.
    can_hold: bool = True
    can_refund: bool = True
    can_pay_out: bool = True


class Gateway(Protocol):
    """One account at a provider, reached through breaker, bulkhead, deadline and metrics."""

    @property
    def declaration(self) -> Declaration:
        """What the adapter promises."""

    def compose(self, task: Task, reference: str) -> bytes | None:
        """The exact request; None: this provider cannot express it. Pure: nothing is sent."""

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request under the attempt's key. A replay is the same call."""

    def cancel(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Cancel a charge that nobody wants any more, and read back what became of the charge."""

    def capture(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Collect from the hold `attempt.target`. `Succeeded` with what was collected."""

    def void(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Let go of the hold `attempt.target`. `Succeeded` with the attempt's own money once it is
        read to be released; `Declined` if it can no longer be."""

    def refund(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Give money of the charge `attempt.target` back."""

    def payout(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send money out."""

    def detach(self, detachment: Detachment, budget: Budget) -> Outcome:
        """Have the provider forget a stored token. `Succeeded` (its money means nothing), or why
        not; forgetting twice is forgetting once."""

    def probe(self, budget: Budget) -> bool:
        """Whether the provider answers at all; moves nothing."""

    def lookup(self, attempt: Attempt, budget: Budget) -> Lookup:
        """Read what became of this attempt (of its operation, not only of its charge), by the
        provider's id or by our reference. A capture that has not happened is `NotFound`."""

    def read_notice(self, body: bytes) -> Hint | None:
        """Which object a webhook speaks of; None: unreadable."""


class Permit(Protocol):
    """A slot at a gateway, held from before the attempt is written until its answer is there."""

    def send(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Make the one call this permit is for (a charge or a payout), and give the slot back."""

    def give_back(self) -> None:
        """Nothing was sent after all."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No slot now: the breaker is open, the bulkhead is full, the retry budget is spent."""

    reason: str
    retry_after_s: float


class Gateways(Protocol):
    """The gateways by id."""

    def get(self, gateway_id: str) -> Gateway | None:
        """The adapter of a configured gateway; None: no longer configured."""

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Permit | Refused:
        """Ask for a slot for one new charge or payout."""


class VelocityWindows(Protocol):
    """Counts over time, in Redis: speed, not truth."""

    def observe(
        self,
        payment_id: UUID,
        *,
        card: str | None,
        ip: str | None,
        customer: str | None,
        amount_minor: int,
        currency: str,
        at: datetime,
    ) -> Velocity | None:
        """Count this payment and return the history before it; None: the windows are not readable."""

    def declined(
        self,
        *,
        payment_id: UUID,
        card: str | None,
        ip: str | None,
        customer: str | None,
        at: datetime,
    ) -> None:
        """Remember an issuer's decline."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything a flow may use, handed in."""

    store: Store
    gateways: Gateways
    velocity: VelocityWindows
    policy: Policy
    #: Names this process in leases; its advisory lock tells whether it lives.
    owner: int
    new_id: Callable[[], UUID]
    #: Seconds on a clock that never goes back.
    monotonic: Callable[[], float]
    #: A draw from [0, 1), for jitter.
    draw: Callable[[], float]
    #: Wake an actor now, after the commit; losing it costs seconds, not work.
    wake: Callable[[Command, UUID, str], None]
    #: Whether this process has been told to stop: no new attempt is begun then.
    draining: Callable[[], bool]
