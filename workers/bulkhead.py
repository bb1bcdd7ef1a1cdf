"""Bulkhead: how many threads of this process one gateway's work may hold, so that others have some.

The circuit's bound is the provider's: calls under way in all processes. This one is ours: a gateway
that hangs keeps each of its calls for the whole deadline, and would soon have every thread.

New money has half of the threads, and what concerns money that is out there already a quarter of
its own, which new money cannot take. A charge or payout without a place waits on its row: should
the gateway hang, its breaker is open soon, and that sends it elsewhere. Any other run ends before
it has claimed its row, and the sweep announces that again, less often each time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID, uuid4

from domain.breaker import NEW_MONEY, Override, Refusal, Verdict
from domain.commands import Command
from domain.ports import Refused
from ops.telemetry import logs
from workers.circuit_local import ASK_AGAIN_S, Permit

#: Where every call is younger than this, places come free all the time; where one is older,
#: something hangs, and whoever waits there would be one more thread that others miss.
YOUNG_S: Final = 2.0
#: How long a run waits for a place that comes free all the time: a burst at a healthy gateway takes
#: its turn here, instead of going back to the rows. It is less than the time in which a committed
#: attempt must be sent.
PATIENCE_S: Final = 1.0


class Circuit(Protocol):
    """The bounds that all processes share; it never raises because its store is away."""

    def enter(
        self,
        gateway_id: str,
        operation: str,
        *,
        max_in_flight: int,
        hold_s: float,
        retry: bool = False,
        override: Override | None = None,
    ) -> Permit | Refused:
        """Take a slot, or say why there is none."""

    def leave(self, permit: Permit, verdict: Verdict, took_s: float) -> None:
        """Give the slot back and count the call."""


class Places:
    """So many places at each gateway; safe for threads."""

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`count`: places at one gateway."""
        if count < 1:
            raise ValueError("a gateway without a place is never called")
        self.count = count
        self._clock = clock
        self._changed = threading.Condition()
        #: By gateway: who is there, and since when.
        self._taken: dict[str, dict[str, float]] = {}

    def take(self, gateway_id: str) -> str | None:
        """Return the name of a place, for `give`; None: all are taken and stay so for now."""
        with self._changed:
            here = self._taken.setdefault(gateway_id, {})
            until = self._clock() + PATIENCE_S
            while len(here) >= self.count:
                now = self._clock()
                if now >= until or now - min(here.values()) > YOUNG_S:
                    return None
                self._changed.wait(until - now)
            place = uuid4().hex
            here[place] = self._clock()
            return place

    def here(self, gateway_id: str) -> dict[str, float]:
        """Return the places that are taken at a gateway, and since when."""
        with self._changed:
            return dict(self._taken.get(gateway_id, {}))

    def give(self, gateway_id: str, place: str) -> None:
        """Give a place back; twice is once."""
        with self._changed:
            self._taken[gateway_id].pop(place, None)
            self._changed.notify_all()


def of_new_money(threads: int) -> Places:
    """Return the places of charges and payouts in a process with so many threads."""
    return Places(max(1, threads // 2))


def of_known_money(threads: int) -> Places:
    """Return the places of everything about money that is out there already."""
    return Places(max(1, threads // 4))


class Bulkhead:
    """A circuit whose new money must find a place in this process first."""

    def __init__(self, circuit: Circuit, places: Places) -> None:
        self._circuit = circuit
        self._places = places
        #: The places by the permit that holds each.
        self._held: dict[str, str] = {}

    def enter(
        self,
        gateway_id: str,
        operation: str,
        *,
        max_in_flight: int,
        hold_s: float,
        retry: bool = False,
        override: Override | None = None,
    ) -> Permit | Refused:
        """Ask for a slot, as `RedisCircuit.enter`; new money takes a place first."""
        place = None
        if operation in NEW_MONEY:
            place = self._places.take(gateway_id)
            if place is None:
                return Refused(Refusal.BULKHEAD_FULL, ASK_AGAIN_S, ours=True)
        permit: Permit | Refused | None = None
        try:
            permit = self._circuit.enter(
                gateway_id,
                operation,
                max_in_flight=max_in_flight,
                hold_s=hold_s,
                retry=retry,
                override=override,
            )
        finally:
            if place is not None and isinstance(permit, Permit):
                self._held[permit.id] = place
            elif place is not None:
                self._places.give(gateway_id, place)
        return permit

    def leave(self, permit: Permit, verdict: Verdict, took_s: float) -> None:
        """Give the slot back and count the call; the place is free whatever becomes of that."""
        try:
            self._circuit.leave(permit, verdict, took_s)
        finally:
            if (place := self._held.pop(permit.id, None)) is not None:
                self._places.give(permit.gateway_id, place)


class InPlaces:
    """Runs work about money that is out there already, each from a place at its gateway."""

    def __init__(self, places: Places, gateway_of: Callable[[Command, UUID], str | None]) -> None:
        """`gateway_of` names the gateway of a row; None: it calls none that is known before."""
        self._places = places
        self._gateway_of = gateway_of

    def __call__(self, command: Command, row_id: UUID, work: Callable[[], None]) -> None:
        """Do the work of a row. Without a place nothing is done: the row is as due as before, and
        the sweep wakes somebody for it."""
        gateway_id = self._gateway_of(command, row_id)
        if gateway_id is None:
            work()
            return
        place = self._places.take(gateway_id)
        if place is None:
            logs.logger().info("no place at the gateway, later", gateway=gateway_id)
            return
        try:
            work()
        finally:
            self._places.give(gateway_id, place)
