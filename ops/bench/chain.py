"""The chain: payments from their acceptance to their capture, through ours or through the bare one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from ops.bench.accept import BODY, OPEN_CONNECTIONS
from ops.bench.figures import CannotRun
from ops.bench.load import Outcome, Plan
from ops.bench.meter import Used
from ops.bench.rig import BARE_DOOR, BARE_WORKER, Rig, all_were, eventually, head, sent

OURS: Final = ("ingress", "worker", "clock")
BARE: Final = (BARE_DOOR, BARE_WORKER)
HOUSES: Final = ("sandbox-a", "sandbox-b")
#: Whose payments take two calls.
SPLIT: Final = "stripe-eu"
SIMULATORS: Final = (*HOUSES, SPLIT)
#: Of a backlog, this share in the middle tells the pace: both ends are warming up and thinning out.
FROM, TO = 0.1, 0.9
#: The slowest that a backlog is waited for, in payments a second.
SLOWEST: Final = 5.0
PATIENCE_S: Final = 60.0
#: The number of a turn's first request; no turn is longer.
APART: Final = 10_000_000
#: Payments that open connections and fill caches first.
WARMING: Final = 20

#: Both databases call these columns alike. The order says when its request was due, in microseconds.
_TOOK: Final = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY
       extract(epoch FROM captured_at) * 1000 - split_part(order_id, 'x', 3)::bigint / 1000.0) AS ms
  FROM payments WHERE order_id LIKE %s AND captured_at IS NOT NULL
"""
_PACE: Final = """
SELECT extract(epoch FROM (percentile_disc(%s) WITHIN GROUP (ORDER BY captured_at)
                         - percentile_disc(%s) WITHIN GROUP (ORDER BY captured_at)))::float AS s
  FROM payments WHERE order_id LIKE %s AND captured_at IS NOT NULL
"""
_ENDED: Final = """
SELECT status, count(*) AS n FROM payments WHERE order_id LIKE %s GROUP BY status
"""
#: What is left to do for payments that have ended: seal their audit, publish their events.
_LEFT: Final = """
SELECT (SELECT count(*) FROM outbox_events WHERE published_at IS NULL)
     + (SELECT max(id) FROM audit_logs) - (SELECT max(entry_id) FROM audit_chain) AS n
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one load of payments came to."""

    payments: int
    load: Outcome
    #: Payments a second while only the workers worked; 0 where they worked beside the door.
    pace: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    #: Microseconds per payment by program; simulators are not ours, and apart.
    cpu_us: Mapping[str, float]
    simulator_us: float

    @property
    def total_us(self) -> float:
        """All programs and servers together."""
        return sum(self.cpu_us.values())

    @property
    def sustained(self) -> float:
        """Payments a second, accepted and then worked off on the same processors."""
        return 1 / (1 / self.load.rate + 1 / self.pace)

    def extra(self) -> dict[str, float]:
        """Return what stands beside a figure."""
        by = {f"{name}_us": value for name, value in self.cpu_us.items() if value}
        times = {"p50_ms": self.p50_ms, "p95_ms": self.p95_ms, "p99_ms": self.p99_ms}
        return {"cpu_us": self.total_us, "simulator_us": self.simulator_us, **times, **by}


class Chain:
    """Sends payments through one of the two chains, while the other stands still."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._numbers = count(1)

    def drain(self, number: int, *, ours: bool) -> Run:
        """Accept so many payments while no worker works, then let the workers at them."""
        waiting = ("worker", "clock") if ours else (BARE_WORKER,)
        with self._alone(ours):
            turn = next(self._numbers)
            before = self._rig.used()
            with self._rig.frozen(waiting):
                plan = self._plan(turn, ours, connections=32, count=number)
                load = all_were(sent(plan), 202)
            self.ended(turn, load.done, ours=ours)
            return self._run(turn, load, before, ours, drained=True)

    def live(
        self, rate: float, seconds: float, *, ours: bool, seed: int = 1, body: str = BODY
    ) -> Run:
        """Let payments arrive by chance, so many a second."""
        with self._alone(ours):
            turn = next(self._numbers)
            before = self._rig.used()
            plan = self._plan(
                turn,
                ours,
                connections=OPEN_CONNECTIONS,
                rate=rate,
                seconds=seconds,
                seed=seed,
                body=body,
            )
            load = all_were(sent(plan), 202)
            self.ended(turn, load.done, ours=ours)
            return self._run(turn, load, before, ours, drained=False)

    def ended(self, turn: int, number: int, *, ours: bool) -> None:
        """Wait until so many payments of a turn are captured, sealed and told. Raises CannotRun."""
        label = f"t{turn}x%"

        def look() -> bool:
            found = {r["status"]: r["n"] for r in self._rig.sql(_ENDED, [label], bare=not ours)}
            if bad := set(found) & {"failed", "in_review", "cancelled", "expired"}:
                raise CannotRun(f"payments were to be captured, and are {bad}: {found}")
            return bool(found.get("captured", 0) >= number)

        patience_s = PATIENCE_S + number / SLOWEST
        eventually(look, patience_s, f"{number} payments captured")
        if ours:
            eventually(
                lambda: not self._rig.sql(_LEFT)[0]["n"], patience_s, "entries sealed, events told"
            )

    @contextmanager
    def _alone(self, ours: bool) -> Iterator[None]:
        with self._rig.frozen(BARE if ours else OURS):
            yield

    def _plan(
        self,
        turn: int,
        ours: bool,
        *,
        connections: int,
        count: int = 10**9,
        rate: float = 0.0,
        seconds: float = 3600.0,
        seed: int = 1,
        body: str = BODY,
    ) -> Plan:
        # Letters stand between the numbers, which would else look like a card's now and then.
        headers = ("Content-Type: application/json", "Idempotency-Key: pay-@N@")
        rig = self._rig
        top = (
            rig.head("POST", "/v1/checkout", headers[1]) if ours else head("POST", "/pay", *headers)
        )
        return Plan(
            port=rig.port if ours else rig.bare_port,
            head=top,
            body=body.replace('"order_id":"b-@N@"', f'"order_id":"t{turn}x@N@x@T@"'),
            connections=connections,
            count=count,
            rate=rate,
            seconds=seconds,
            seed=seed,
            first=turn * APART,
        )

    def _run(self, turn: int, load: Outcome, before: Used, ours: bool, *, drained: bool) -> Run:
        used = (self._rig.used() - before).each_us(load.done)
        still = BARE if ours else OURS
        label = f"t{turn}x%"
        (took,) = self._rig.sql(_TOOK, [label], bare=not ours)
        (pace,) = self._rig.sql(_PACE, [TO, FROM, label], bare=not ours)
        p50_ms, p95_ms, p99_ms = map(float, took["ms"])
        return Run(
            payments=load.done,
            load=load,
            pace=(TO - FROM) * load.done / max(pace["s"], 1e-3) if drained else 0.0,
            p50_ms=p50_ms,
            p95_ms=p95_ms,
            p99_ms=p99_ms,
            cpu_us={n: us for n, us in used.items() if n not in (*still, *SIMULATORS)},
            simulator_us=sum(used.get(name, 0.0) for name in SIMULATORS),
        )


def a_chain(rig: Rig) -> Chain:
    """Return the chain, with webhooks off, after a few payments have gone through both ways."""
    quiet_webhooks(rig)
    chain = Chain(rig)
    for ours in (True, False):
        chain.drain(WARMING, ours=ours)
    return chain


def quiet_webhooks(rig: Rig) -> None:
    """Have every simulator behave, and tell nothing."""
    for name in SIMULATORS:
        rig.admin(name, "DELETE", "/faults")
        rig.admin(name, "POST", "/faults", {"fault": "webhooks_off"})
