"""Breaker, bulkhead and retry budget in front of every provider call, shared through Redis.

Who decides what: a Lua script counts a call and hands out places in one atomic round trip, so no
count is lost and no place is given twice. Whether the breaker changes is decided in Python by
`domain.breaker.decide` on what the script returned, and made by a compare-and-set on the epoch, so
of all processes that see the same evidence exactly one changes the state and tells it. The third
round trip happens only when the state changes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import uuid4

import msgspec
import redis

from domain.backoff import RetryBudget
from domain.breaker import (
    NEW_MONEY,
    Change,
    Override,
    Policy,
    Reason,
    Refusal,
    State,
    Verdict,
    bucket_ms,
    decide,
    judged,
    to_ms,
)
from domain.ports import Refused
from ops import breakers
from workers.circuit_local import ASK_AGAIN_S, Ask, LocalCircuit, Permit
from workers.circuit_lua import ENTER, LEAVE, SHIFT

__all__ = ["OnChange", "Permit", "RedisCircuit"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: Told gateway, operation and change, once per change of the shared state, by the process that made
#: it. It runs on the calling thread, around a provider call, and must not raise.
OnChange = Callable[[str, str, Change], None]

#: After a failure Redis is left alone for this long, so that an outage costs each process one
#: client timeout per second and not one per call.
PAUSE_S: Final = 1.0

#: A breaker that nobody has called for a day is forgotten, which closes it.
_KEEP_MS: Final = 86_400_000

_DEFAULT_BUDGET: Final = RetryBudget()


class RedisCircuit:
    """The circuits of all gateways. Safe for threads; never raises a Redis error.

    While Redis is away or slower than the client's timeout, breakers start closed and everything is
    counted per process (`LocalCircuit`). Give it a client with short timeouts and without retries.
    """

    def __init__(
        self,
        client: redis.Redis,
        policy: Policy,
        *,
        on_change: OnChange,
        budget: RetryBudget = _DEFAULT_BUDGET,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` and `wall` (Unix seconds) are for the fallback; Redis's clock rules elsewhere."""
        self._client = client
        self._policy = policy
        self._on_change = on_change
        self._budget = budget
        self._clock = clock
        self._local = LocalCircuit(policy, budget, clock, wall)
        self._away_until: float | None = None
        self._enter = client.register_script(ENTER)
        self._leave = client.register_script(LEAVE)
        self._shift = client.register_script(SHIFT)

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
        """Ask for a slot for one call, in one round trip.

        `max_in_flight` bounds the gateway's calls over all operations; `hold_s` is longer than the
        call can last, after which a slot that nobody gave back is free. `retry` asks the retry
        budget too. `override` is a person's word: down refuses, up passes the breaker, neither
        touches bulkhead and budget. Only charges and payouts are refused; the rest is counted.
        """
        ask = Ask(gateway_id, operation, max_in_flight, hold_s, retry, override)
        permit_id = uuid4().hex
        terms = msgspec.json.encode(self._entry_terms(permit_id, ask))
        keys = (
            breakers.circuit_key(gateway_id, operation),
            breakers.probes_key(gateway_id, operation),
            breakers.calls_key(gateway_id),
            breakers.retries_key(gateway_id),
        )
        reply = None if self._resting() else self._shared(lambda: self._enter(keys, [terms]))
        if reply is None:
            return self._local.enter(ask)
        why, now_ms = breakers.text(reply[0]), reply[1]
        if why:
            if why == Refusal.HALF_OPEN_FULL:
                self._decide(gateway_id, operation, now_ms, reply[3])
            return Refused(Refusal(why), reply[2] / 1_000 if reply[2] > 0 else ASK_AGAIN_S)
        epoch, first_probe = reply[2], bool(reply[3])
        if first_probe:
            half_open = Change(State.OPEN, State.HALF_OPEN, Reason.OPEN_TIME_OVER, now_ms / 1_000)
            self._on_change(gateway_id, operation, half_open)
        return Permit(permit_id, gateway_id, operation, epoch, shared=True)

    def leave(self, permit: Permit, verdict: Verdict, took_s: float) -> None:
        """Give the slot back and count the call, which took `took_s`, in one round trip.

        Counted once and only while the permit is good: not after `hold_s`, not if the breaker has
        changed since. A verdict that meets an outage is dropped; its slot expires.
        """
        verdict = judged(self._policy, verdict, took_s)
        if not permit.shared:
            self._local.leave(permit, verdict)
            return
        terms = msgspec.json.encode(
            {
                "id": permit.id,
                "epoch": permit.epoch,
                "verdict": verdict,
                "window_ms": to_ms(self._policy.window_s),
                "bucket_ms": bucket_ms(self._policy.window_s),
                "keep_ms": _KEEP_MS,
            }
        )
        keys = (
            breakers.circuit_key(permit.gateway_id, permit.operation),
            breakers.probes_key(permit.gateway_id, permit.operation),
            breakers.calls_key(permit.gateway_id),
        )
        reply = self._shared(lambda: self._leave(keys, [terms]))
        if reply:
            self._decide(permit.gateway_id, permit.operation, *reply)

    def state(self, gateway_id: str, operation: str) -> State:
        """Return the breaker's state; this process's own while Redis is away."""
        if self._away_until is None:
            try:
                views = breakers.read(self._client, [gateway_id], operation, self._policy)
            except redis.RedisError as error:
                _log.info("circuit: the shared state is not readable: %s", error)
            else:
                return views[gateway_id].state
        return self._local.state(gateway_id, operation)

    def _entry_terms(self, permit_id: str, ask: Ask) -> dict[str, Any]:
        override = ask.override
        until = None if override is None else override.until
        return {
            "id": permit_id,
            "new_money": ask.operation in NEW_MONEY,
            "max_in_flight": ask.max_in_flight,
            "hold_ms": to_ms(ask.hold_s),
            "probes": self._policy.probes,
            "retry": ask.retry,
            "budget_ms": to_ms(self._budget.window_s),
            "budget_bucket_ms": bucket_ms(self._budget.window_s),
            "budget_share": self._budget.share,
            "budget_floor": self._budget.floor,
            "override": "" if override is None else override.hold,
            "override_until": -1 if until is None else to_ms(until),
            "keep_ms": _KEEP_MS,
        }

    def _decide(self, gateway_id: str, operation: str, now_ms: int, flat: Sequence[Any]) -> None:
        """Change the state if the evidence demands it and nobody else was faster."""
        circuit = breakers.decode(dict(zip(flat[::2], flat[1::2], strict=True)))
        change = decide(self._policy, circuit, now_ms / 1_000)
        if change is None:
            return
        terms = {
            "epoch": circuit.epoch,
            "to": change.to_state,
            "open_ms": to_ms(self._policy.open_s),
            "keep_ms": _KEEP_MS,
        }
        keys = (
            breakers.circuit_key(gateway_id, operation),
            breakers.probes_key(gateway_id, operation),
        )
        if self._shared(lambda: self._shift(keys, [msgspec.json.encode(terms)])):
            self._on_change(gateway_id, operation, change)

    def _resting(self) -> bool:
        """Whether Redis failed a moment ago. Leaving asks anyway: a slot there is worth a try."""
        away_until = self._away_until
        return away_until is not None and self._clock() < away_until

    def _shared(self, trip: Callable[[], _T]) -> _T | None:
        """Run a script in one trip; None when Redis does not answer in time or refuses to write.

        Only scripts tell whether it is away: a replica that lost its primary still reads well.
        """
        was_away = self._away_until is not None
        try:
            reply = trip()
        except redis.RedisError as error:
            self._away_until = self._clock() + PAUSE_S
            if not was_away:
                _log.warning("circuit: Redis is away, counting in this process alone: %s", error)
            return None
        if was_away:
            self._away_until = None
            self._local.forget()
            _log.warning("circuit: Redis is back, counting together again")
        return reply
