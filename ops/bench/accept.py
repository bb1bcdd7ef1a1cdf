"""Accept: checkouts at the door, with everything on, beside one INSERT and one push each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Final

from ops.bench.figures import OURS, RATIO, Figure, Goal, Options, Tell
from ops.bench.load import Outcome, Plan
from ops.bench.meter import all_s
from ops.bench.rig import BARE_DOOR, Rig, a_rig, all_were, head, sent
from ops.bench.turns import Turns

CONNECTIONS: Final = 64
#: Enough to be free whenever something is due, and no more than a real client's pool.
OPEN_CONNECTIONS: Final = 256
WARM_S: Final = 1.0
#: So many keys are known when they are sent again: more than a batch, less than any cache holds.
KNOWN: Final = 500

RATE = (Goal(RATIO, least=2.0),)
CPU = (
    Goal(RATIO, most=0.5, by_the_clock=False),
    Goal(OURS, most=220.0, by_the_clock=False),
)
ALONE = (Goal("slower_ms", most=1.0),)
HALF = (Goal("p99_ms", most=25.0),)
REPLAY = (Goal(RATIO, most=1.0, by_the_clock=False),)

BODY: Final = (
    '{"amount":30000,"currency":"USD","country":"US","order_id":"b-@N@",'
    '"payment_method":{"type":"card","token":"tok_@N@",'
    '"card":{"fingerprint":"fp_@N@","last4":"4242","brand":"visa"}},'
    '"customer":{"email":"payer@N@@shop.example"},'
    '"description":"One order of a load","metadata":{"cart":"@N@","channel":"web"}}'
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to."""

    load: Outcome
    #: Microseconds of processor time per answer, by program; the generator is none of them.
    cpu_us: Mapping[str, float]

    @property
    def total_us(self) -> float:
        """All programs together."""
        return sum(self.cpu_us.values())

    def extra(self) -> dict[str, float]:
        """Return what stands beside the figure."""
        load = self.load
        times = {"p50_ms": load.p50_ms, "p95_ms": load.p95_ms, "p99_ms": load.p99_ms}
        by = {f"{name}_us": value for name, value in self.cpu_us.items() if value}
        generator_us = load.cpu_s / load.done * 1e6
        return {
            "cpu_us": self.total_us,
            "generator_us": generator_us,
            "ceiling_per_s": self._ceiling(generator_us),
            **times,
            **by,
        }

    def _ceiling(self, generator_us: float) -> float:
        """Return the rate at which one program has a processor to itself and is never idle, or all
        processors are busy: what a quiet machine could do at most."""
        processors = os.cpu_count() or 1
        alone = 1e6 / max(self.cpu_us.values())
        return min(alone, processors * 1e6 / (self.total_us + generator_us))


class Doors:
    """Our door and the bare one, each asked while the other stands still."""

    def __init__(self, rig: Rig, ours: Plan, bare: Plan, status: int) -> None:
        self._rig = rig
        self._plans = {True: ours, False: bare}
        self._status = status
        self._firsts = count(1)

    def turn(self, *, ours: bool, **changed: object) -> Turn:
        """Send one turn's load, with some of the plan changed; numbers never come twice."""
        fields = {"first": next(self._firsts) * 10_000_000} | changed
        plan = Plan(
            **{**{f: getattr(self._plans[ours], f) for f in Plan.__struct_fields__}, **fields}
        )
        still = self._rig.bare if ours else self._rig.ours
        with self._rig.frozen(still):
            before = self._rig.used()
            load = all_were(sent(plan), self._status)
            used = self._rig.used() - before
        return Turn(load, {n: us for n, us in used.each_us(load.done).items() if n not in still})

    def warm(self) -> None:
        """Let both open their connections and fill their caches."""
        for ours in (True, False):
            self.turn(ours=ours, seconds=WARM_S)

    def alternate(self, options: Options, **changed: object) -> tuple[list[Turn], list[Turn], str]:
        """Take turns; return ours, the bare ones, and what disturbed them."""
        turns = Turns(all_s)
        fields: dict[str, object] = {"seconds": options.seconds} | changed
        ours, bare = turns.alternate(
            options.rounds,
            lambda: self.turn(ours=True, **fields),
            lambda: self.turn(ours=False, **fields),
        )
        return ours, bare, turns.noise.why


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Measure the door at its limit, alone, at half of its limit, and with keys it knows."""
    tell("starting the door and a bare one")
    with a_rig(options.folder, ["ingress"], bare=[BARE_DOOR]) as rig:
        doors = checkouts(rig)
        doors.warm()
        tell(f"{CONNECTIONS} connections, as fast as answers come")
        ours, bare, noisy = doors.alternate(options)
        yield from rate_and_cpu("accept", ours, bare, noisy, RATE, CPU)
        best = median(turn.load.rate for turn in ours)
        yield from _alone(doors, options, tell)
        yield _half(doors, options, tell, best)
        yield _replay(doors, options, tell)


def rate_and_cpu(
    bench: str,
    ours: list[Turn],
    bare: list[Turn],
    noisy: str,
    rate: tuple[Goal, ...],
    cpu: tuple[Goal, ...],
) -> Iterator[Figure]:
    """Yield the two figures of a closed loop: answers per second, and processor time for each."""
    extra = middle(ours)
    a, b = [t.load.rate for t in ours], [t.load.rate for t in bare]
    yield Figure(f"{bench}.rate", "1/s", a, b, extra, rate, noisy)
    a, b = [t.total_us for t in ours], [t.total_us for t in bare]
    yield Figure(f"{bench}.cpu", "us", a, b, extra, cpu, noisy)


def middle(turns: list[Turn]) -> dict[str, float]:
    """Return the middle of each number that stands beside a figure."""
    names = turns[0].extra()
    return {name: median(turn.extra().get(name, 0.0) for turn in turns) for name in names}


def _alone(doors: Doors, options: Options, tell: Tell) -> Iterator[Figure]:
    tell("one connection alone")
    ours, bare, noisy = doors.alternate(options, connections=1)
    a, b = [t.load.p50_ms for t in ours], [t.load.p50_ms for t in bare]
    slower = median(x - y for x, y in zip(a, b, strict=True))
    extra = middle(ours) | {"slower_ms": slower}
    yield Figure("accept.alone", "ms", a, b, extra, ALONE, noisy)


def _half(doors: Doors, options: Options, tell: Tell, best: float) -> Figure:
    tell(f"half of our limit, {best / 2:.0f}/s on a schedule")
    turns = Turns(all_s)

    def once(number: int) -> Turn:
        return doors.turn(
            ours=True,
            rate=best / 2,
            connections=OPEN_CONNECTIONS,
            seconds=options.seconds,
            seed=options.seed + number,
        )

    found = turns.repeat(options.rounds, once)
    p99 = [turn.load.p99_ms for turn in found]
    why = f"{best / 2:.0f}/s offered"
    return Figure("accept.half", "ms p99", p99, (), middle(found), HALF, turns.noise.why, why)


def _replay(doors: Doors, options: Options, tell: Tell) -> Figure:
    tell("known keys again, beside new ones")
    known = {"first": 1, "cycle": KNOWN}
    doors.turn(ours=True, count=KNOWN, **known)
    turns = Turns(all_s)
    again, new = turns.alternate(
        options.rounds,
        lambda: doors.turn(ours=True, seconds=options.seconds, **known),
        lambda: doors.turn(ours=True, seconds=options.seconds),
    )
    a, b = [t.total_us for t in again], [t.total_us for t in new]
    return Figure("accept.replay", "us", a, b, middle(again), REPLAY, turns.noise.why)


def checkouts(rig: Rig) -> Doors:
    """Return the two doors, to be sent checkouts."""
    json, key = "Content-Type: application/json", "Idempotency-Key: bench-@N@"
    top = rig.head("POST", "/v1/checkout", key)
    ours = Plan(port=rig.port, head=top, body=BODY, connections=CONNECTIONS)
    top = head("POST", "/accept", json, key)
    bare = Plan(port=rig.bare_port, head=top, body=BODY, connections=CONNECTIONS)
    return Doors(rig, ours, bare, 202)
