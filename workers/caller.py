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
from workers.circuit import Permit as Slot
from workers.gateways import Adapter

#: Told gateway, operation, what it came to and how many seconds it took, after every call.
#: It runs between a provider's answer and its storing, and must not raise.
OnCall: TypeAlias = Callable[[str, str, str, float], None]

#: New money; what a breaker, a bulkhead or a budget may refuse.
CHARGE: Final = "charge"
#: What is asked about money that may be out there already, each with its own always open breaker.
REPLAY: Final = "replay"
VOID: Final = "void"
LOOKUP: Final = "lookup"

#: A gateway without an adapter may get one with the next reading of the configuration.
NO_ADAPTER: Final = Refused("no_adapter", 1.0)
#: The bound of calls under way is asked of new money only.
UNASKED: Final = 1

#: What a call came to, as metrics name it.
NAMES: Final[Mapping[type[Lookup], str]] = MappingProxyType(
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
