"""Gateways: one adapter per provider, all with this one face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeAlias, runtime_checkable

from domain.attempt import Operation
from domain.outcome import NotCharged
from domain.ports import Budget, Gateway
from domain.reconcile import Window
from domain.reconcile_books import Listed

#: Told what is wrong (a metric's label) and about which reference. Must not raise.
Alarm: TypeAlias = Callable[[str, str], None]

#: The alarms of a reference under which more than one object moved money, by operation: those that
#: make an object of their own at the provider.
DOUBLES: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.CHARGE: "double_charge",
        Operation.REFUND: "double_refund",
        Operation.PAYOUT: "double_payout",
    }
)


class Unusable(ValueError):
    """A gateway's configuration from which no adapter can be built; the text says what to fix."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an adapter is built from: one gateway's configuration with its secrets opened."""

    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, object]
    alarm: Alarm


class Adapter(Gateway, Protocol):
    """A provider's protocol behind the domain's port. Shared by threads; never raises an answer."""

    def at_fault(self, refusal: NotCharged) -> bool:
        """Whether a documented refusal speaks of the gateway (its key, its limits, its health)
        and not of this one request."""

    def close(self) -> None:
        """Let go of idle connections. Calls under way end as they would have."""


@runtime_checkable
class Lists(Protocol):
    """An adapter that declares a `listing`: its provider lists what moved."""

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of what moved in a window, a refusal included; never raises an answer."""


#: Builds one provider's adapter; raises `Unusable`.
Build: TypeAlias = Callable[[Setup], Adapter]
