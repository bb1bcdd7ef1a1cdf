"""Ports: what the flows need from the world besides the books. Members are read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.books import Store
from domain.commands import Command
from domain.fraud.features import Velocity
from domain.means import METHODS
from domain.outcome import Lookup, Outcome, Prepared
from domain.policy import Policy
from domain.reconcile import Listing
from domain.routing import GatewayRow
from domain.task import Task
from domain.vaulted import Detachment
from domain.webhook import Hint


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a call may take, on the monotonic clock of this process (seconds)."""

    send_by: float
    deadline: float


class Resolution(StrEnum):
    """How a lost answer is cleared up: law 5."""

    LOOKUP_FIRST = "lookup_first"  # ask; what is not there may be sent again while the key protects
    REPLAY_FIRST = "replay_first"  # send again while the key protects; then ask
    LOOKUP_ONLY = "lookup_only"  # ask; nothing protects a repetition


@dataclass(frozen=True, slots=True)
class Promise:
    """What a provider promises about one operation."""

    #: How long our key protects a repetition; zero: a repetition would be another one.
    key_window: timedelta
    resolution: Resolution = Resolution.LOOKUP_FIRST
    #: Whether a look-up by our reference that finds nothing proves, once `visibility_lag` is over,
    #: that there is nothing.
    authoritative: bool = False
    visibility_lag: timedelta = timedelta(0)
    #: Whether the first call only makes an object, and a second one moves the money.
    split: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """What an adapter promises about its provider."""

    provider: str
    adapter_version: int
    #: An operation that is not here cannot be done there.
    promises: Mapping[Operation, Promise]
    #: Whether a charge that nobody wants any more can be cancelled there.
    can_void: bool
    can_3ds: bool
    methods: frozenset[str] = METHODS
    #: Code to the provider's own exponent; None: every currency, by ISO 4217.
    currencies: Mapping[str, int] | None = None
    #: What the provider's list of movements promises; None: it has none that can be read.
    listing: Listing | None = None

    @property
    def can_hold(self) -> bool:
        """Whether it can hold money first and collect it later."""
        return Operation.CAPTURE in self.promises

    @property
    def can_refund(self) -> bool:
        """Whether it can give money back."""
        return Operation.REFUND in self.promises

    @property
    def can_pay_out(self) -> bool:
        """Whether it can send money out."""
        return Operation.PAYOUT in self.promises


class Gateway(Protocol):
    """One account at a provider, reached through breaker, bulkhead, deadline and metrics."""

    @property
    def declaration(self) -> Declaration:
        """What the adapter promises."""

    def compose(self, task: Task, reference: str) -> bytes | None:
        """The exact request; None: this provider cannot express it. Pure: nothing is sent."""

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        """Send the stored request under the attempt's key. A replay is the same call.

        Of a split charge (`Promise.split`) this is the call that makes the object, `Prepared`,
        while the attempt has no provider's id, and the one that moves the money once it has.
        """

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
        """Send money out; of a split payout, as with a charge."""

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


@dataclass(frozen=True, slots=True)
class Further:
    """A prepared attempt whose call that moves the money may be sent now."""

    attempt: Attempt
    budget: Budget


#: Told that the provider's object is made; None: the call that moves the money may not be sent now.
GoOn: TypeAlias = Callable[[Prepared], Further | None]


class Permit(Protocol):
    """A slot at a gateway, held from before the attempt is written until its answer is there."""

    def send(self, attempt: Attempt, budget: Budget, go_on: GoOn) -> Outcome:
        """Make what this permit is for, a charge or a payout with all its steps, and give the slot
        back."""

    def give_back(self) -> None:
        """Nothing was sent after all."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No slot now: the breaker is open, the bulkhead is full, the retry budget is spent."""

    reason: str
    retry_after_s: float
    #: It is us who are busy there, and the gateway may be well: no other one is asked instead.
    ours: bool = False


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
