"""In flight: payments that wait for a provider which does not decide: none lost, memory bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

import urllib3

from ops.bench.accept import BODY
from ops.bench.chain import HOUSES, SLOWEST
from ops.bench.chain import OURS as PROGRAMS
from ops.bench.figures import OURS, CannotRun, Figure, Goal, Options, Tell
from ops.bench.load import Plan
from ops.bench.meter import Trees
from ops.bench.rig import Rig, a_rig, all_were, eventually, sent

PAYMENTS, SHORT_PAYMENTS = 100_000, 2_000
#: Longer than any run: who decides is we, with the provider's lever.
UNDECIDED_S: Final = 1_000_000
#: Accepted at once, before the workers have to catch up: a checkout lives half an hour.
PORTION: Final = 2_000
#: Of the payments, so many are decided in the end, and have to be captured.
DECIDED: Final = 2_000
STILL_S, SHORT_STILL_S = 30.0, 10.0
PATIENCE_S: Final = 120.0

NONE_LOST = (Goal(OURS, most=0.0, by_the_clock=False),)
INGRESS = (Goal(OURS, most=150.0, by_the_clock=False),)
WORKER = (Goal(OURS, most=200.0, by_the_clock=False),)

_WAITING: Final = """
SELECT count(*) AS n FROM payments p
  JOIN payment_attempts a ON a.payment_id = p.id AND a.operation = 'charge' AND a.state = 'pending'
 WHERE p.status = 'processing' AND p.parked_at IS NULL AND a.parked_at IS NULL
   AND a.next_run_at IS NOT NULL
"""
_SOME: Final = """
SELECT a.provider_id, a.gateway_id FROM payment_attempts a
 WHERE a.operation = 'charge' AND a.state = 'pending' ORDER BY a.id LIMIT %s
"""
_CAPTURED: Final = "SELECT count(*) AS n FROM payments WHERE status = 'captured'"
_DUE: Final = """
SELECT count(*) AS n FROM payment_attempts
 WHERE state = 'pending' AND next_run_at < now() + make_interval(secs => %s)
"""
_POLLS: Final = "SELECT coalesce(sum(polls), 0)::bigint AS n FROM payment_attempts"


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Bring payments in flight, look at what they cost there, decide some of them."""
    number = SHORT_PAYMENTS if options.short else PAYMENTS
    undecided = {name: ["--async-delay-s", str(UNDECIDED_S)] for name in HOUSES}
    tell("starting everything, with providers that do not decide")
    with a_rig(options.folder, [*PROGRAMS, *HOUSES], arguments=undecided) as rig:
        for gateway in HOUSES:
            rig.admin(gateway, "POST", "/faults", {"fault": "async", "on": "create"})
            rig.admin(gateway, "POST", "/faults", {"fault": "webhooks_off"})
        largest = _brought(rig, number, tell)
        yield Figure("inflight.ingress", "MiB", [largest["ingress"]], extra=largest, goals=INGRESS)
        yield Figure("inflight.worker", "MiB", [largest["worker"]], extra=largest, goals=WORKER)
        yield _still(rig, number, options, tell)
        yield _none_lost(rig, number, tell)


def _brought(rig: Rig, number: int, tell: Tell) -> dict[str, float]:
    """Bring so many in flight; return the memory of each program's largest process at its peak."""
    largest: dict[str, float] = {}
    for first in range(0, number, PORTION):
        portion = min(PORTION, number - first)
        tell(f"{first + portion} of {number} accepted")
        plan = Plan(
            port=rig.port,
            head=rig.head("POST", "/v1/checkout", "Idempotency-Key: flight-@N@"),
            body=BODY,
            connections=16,
            count=portion,
            first=first,
        )
        all_were(sent(plan), 202)
        eventually(
            lambda: rig.sql(_WAITING)[0]["n"] >= first + portion,  # noqa: B023 - it is over here
            PATIENCE_S + portion / SLOWEST,
            f"{first + portion} payments in flight",
        )
        trees = Trees()
        for name, pid in rig.roots().items():
            largest[name] = max(largest.get(name, 0.0), trees.largest_mib(pid))
    return largest


def _still(rig: Rig, number: int, options: Options, tell: Tell) -> Figure:
    """Measure what it costs that they are there, while nothing new comes."""
    seconds = SHORT_STILL_S if options.short else STILL_S
    tell(f"{seconds:.0f} s in which nothing new comes")
    # Young payments are asked about often. What it costs that they are there is seen afterwards, or,
    # where there are too many for that, together with the asking.
    with suppress(CannotRun):
        eventually(lambda: not rig.sql(_DUE, [seconds])[0]["n"], PATIENCE_S, "nobody to ask about")
    polls, before, began = rig.sql(_POLLS)[0]["n"], rig.used(), monotonic()
    threading.Event().wait(seconds)
    took_s, used = monotonic() - began, rig.used() - before
    polled = rig.sql(_POLLS)[0]["n"] - polls
    by = {f"{name}_us": us for name, us in used.each_us(1).items() if name not in HOUSES}
    each_s = {name: us / took_s for name, us in by.items()}
    extra = {**each_s, "payments": float(number), "polls_per_s": polled / took_s}
    why = "sweeping and asking the provider, all programs and servers"
    return Figure("inflight.still", "us/s", [sum(each_s.values())], (), extra, (), "", why)


def _none_lost(rig: Rig, number: int, tell: Tell) -> Figure:
    """Count those that nobody would look after, and decided ones that were not captured."""
    lost = number - int(rig.sql(_WAITING)[0]["n"])
    some = rig.sql(_SOME, [DECIDED])
    tell(f"{len(some)} of them decided, told by webhook")
    for gateway in HOUSES:
        rig.admin(gateway, "DELETE", "/faults")
    with urllib3.PoolManager(maxsize=1, retries=False) as http:
        for row in some:
            port = rig.stack.sandboxes[row["gateway_id"]][1]
            decided = {"payment": row["provider_id"], "status": "captured"}
            answer = http.request("POST", f"http://127.0.0.1:{port}/settle", json=decided)
            if answer.status >= 300:
                raise CannotRun(f"{row['gateway_id']} would not decide: {answer.data[:200]!r}")
    captured = 0

    def all_captured() -> bool:
        nonlocal captured
        captured = int(rig.sql(_CAPTURED)[0]["n"])
        return captured >= len(some)

    why = f"{number} in flight, {len(some)} decided"
    try:
        eventually(all_captured, PATIENCE_S + len(some) / SLOWEST, "decided payments captured")
    except CannotRun:
        lost += len(some) - captured
    return Figure("inflight.lost", "payments", [float(lost)], goals=NONE_LOST, why=why)
