"""The circuit of one process: the same rules, for as long as the shared ones are out of reach."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from domain.backoff import RetryBudget
from domain.breaker import (
    NEW_MONEY,
    Circuit,
    Override,
    Policy,
    Refusal,
    State,
    Verdict,
    Window,
    counted,
    decide,
    is_probe,
    moved,
    refusal,
    state_at,
)
from domain.ports import Refused

_log = logging.getLogger(__name__)

#: When nobody can tell how long a refusal lasts: slots come free within about one provider call.
ASK_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Permit:
    """A slot at a gateway. Give it back with `leave`; if nobody does, it expires."""

    id: str
    gateway_id: str
    operation: str
    epoch: int
    #: Whether all processes know of it; False: this process alone, while Redis was away.
    shared: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted: one slot for at most `hold_s`, with at most `max_in_flight` taken."""

    gateway_id: str
    operation: str
    max_in_flight: int
    hold_s: float
    retry: bool
    override: Override | None


@dataclass(frozen=True, slots=True)
class _Out:
    permit: Permit
    probe: bool
    expires_at: float


class LocalCircuit:
    """Breaker, bulkhead and retry budget per gateway, seen by the threads of this process only.

    Its changes are logged and not told: they are private, and end when the shared state is back.
    """

    def __init__(
        self,
        policy: Policy,
        budget: RetryBudget,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._circuits: dict[tuple[str, str], Circuit] = {}
        self._retries: dict[str, Window] = {}
        self._out: dict[str, _Out] = {}

    def enter(self, ask: Ask) -> Permit | Refused:
        """Take a slot, or say why there is none."""
        with self._lock:
            now = self._clock()
            circuit = self._circuits.get((ask.gateway_id, ask.operation), Circuit())
            here = self._under_way(ask.gateway_id, now)
            ours = (ask.operation, circuit.epoch)
            probes_out = sum(
                out.probe and (out.permit.operation, out.permit.epoch) == ours for out in here
            )
            new_money = ask.operation in NEW_MONEY
            if new_money and (refused := self._refused(ask, circuit, now, len(here), probes_out)):
                return refused
            probe = is_probe(self._policy, circuit, now, probes_out=probes_out)
            permit = Permit(uuid4().hex, ask.gateway_id, ask.operation, circuit.epoch, shared=False)
            self._out[permit.id] = _Out(permit, probe, now + ask.hold_s)
            self._retries[ask.gateway_id] = self._retries.get(ask.gateway_id, Window()).plus(
                now, self._budget.window_s, mark=new_money and ask.retry
            )
            return permit

    def leave(self, permit: Permit, verdict: Verdict) -> None:
        """Give the slot back and count the verdict, once, if the permit had not expired."""
        key = (permit.gateway_id, permit.operation)
        with self._lock:
            now = self._clock()
            out = self._out.pop(permit.id, None)
            circuit = self._circuits.get(key, Circuit())
            if out is None or out.expires_at <= now or circuit.epoch != permit.epoch:
                return
            before = circuit
            circuit = counted(self._policy, circuit, verdict, now, probe=out.probe)
            if circuit is before:
                return  # only new evidence decides: good calls that slid away must not
            if change := decide(self._policy, circuit, now):
                circuit = moved(self._policy, circuit, change)
                _log.warning(
                    "breaker of %s %s in this process alone: %s -> %s, %s",
                    *(*key, change.from_state, change.to_state, change.reason),
                )
            self._circuits[key] = circuit

    def state(self, gateway_id: str, operation: str) -> State:
        """Return the state that this process would act on."""
        with self._lock:
            circuit = self._circuits.get((gateway_id, operation), Circuit())
            return state_at(circuit, self._clock())

    def forget(self) -> None:
        """Start anew: the next outage begins with closed breakers. Calls under way stay counted."""
        with self._lock:
            self._circuits.clear()
            self._retries.clear()

    def _under_way(self, gateway_id: str, now: float) -> list[_Out]:
        self._out = {id_: out for id_, out in self._out.items() if out.expires_at > now}
        return [out for out in self._out.values() if out.permit.gateway_id == gateway_id]

    def _refused(
        self, ask: Ask, circuit: Circuit, now: float, in_flight: int, probes_out: int
    ) -> Refused | None:
        override, wall = ask.override, self._wall()
        held = override is not None and override.in_force(wall)
        hold = override.hold if override is not None and held else None
        why = refusal(self._policy, circuit, now, probes_out=probes_out, hold=hold)
        if why is Refusal.OPEN and hold is None and circuit.open_until is not None:
            return Refused(why, circuit.open_until - now)
        if why is Refusal.OPEN and override is not None and override.until is not None:
            return Refused(why, override.until - wall)
        if why is None and in_flight >= ask.max_in_flight:
            why = Refusal.BULKHEAD_FULL
        if why is None and ask.retry:
            window = self._retries.get(ask.gateway_id, Window())
            if not self._budget.allows(*window.tally(now, self._budget.window_s)):
                why = Refusal.BUDGET
        return None if why is None else Refused(why, ASK_AGAIN_S)
