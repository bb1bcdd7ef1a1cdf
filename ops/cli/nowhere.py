"""Nowhere: a runtime for commands that apply what is known and reach no provider."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from domain.attempt import Operation
from domain.books import Store
from domain.commands import Command
from domain.fraud.features import Velocity
from domain.policy import Policy
from domain.ports import Gateway, Permit, Refused, Runtime
from domain.routing import GatewayRow


class NoGateways:
    """Nobody can be asked from here."""

    def get(self, gateway_id: str) -> Gateway | None:
        """None: it has no adapter here."""
        return None

    def admit(self, gateway: GatewayRow, operation: Operation, *, retry: bool) -> Permit | Refused:
        """Refuse: nothing is sent from here."""
        return Refused("no_adapter", 0.0)


class NoWindows:
    """The windows are read and fed by workers alone."""

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
        """None: the windows are not readable."""
        return None

    def declined(
        self,
        *,
        payment_id: UUID,
        card: str | None,
        ip: str | None,
        customer: str | None,
        at: datetime,
    ) -> None:
        """Nothing is remembered."""


def nowhere(
    store: Store,
    policy: Policy,
    new_id: Callable[[], UUID],
    monotonic: Callable[[], float],
    draw: Callable[[], float],
) -> Runtime:
    """Return a runtime that only has the books. Whom it would wake, the next sweep wakes."""

    def wake(_command: Command, _id: UUID, _request_id: str) -> None:
        return None

    return Runtime(
        store=store,
        gateways=NoGateways(),
        velocity=NoWindows(),
        policy=policy,
        owner=0,
        new_id=new_id,
        monotonic=monotonic,
        draw=draw,
        wake=wake,
        draining=lambda: False,
    )
