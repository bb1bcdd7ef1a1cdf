"""Payments: accepted, screened, charged at the sandbox and captured, beside a bare chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from ops.bench.accept import BODY
from ops.bench.chain import BARE, HOUSES, OURS, SIMULATORS, Chain, Run, a_chain, quiet_webhooks
from ops.bench.costs import costs
from ops.bench.figures import RATIO, Figure, Goal, Options, Tell
from ops.bench.meter import all_s
from ops.bench.rig import Rig, a_rig
from ops.bench.turns import Turns

THROUGHPUT = (Goal(RATIO, least=0.8, stretch=1.2),)
LIVE = (Goal("p95_ms", most=100.0), Goal("p99_ms", most=250.0))
SLOW = (Goal("p95_ms", most=2000.0),)

BACKLOG, SHORT_BACKLOG = 2_000, 200
#: Five times a million payments a day.
SLOW_RATE: Final = 60.0
SLOW_MS: Final = 300
#: Of the requests, so many meet each of these: one in twenty in all, and none moves money.
TRANSIENT: Final = (("unavailable", 0.025), ("rate_limited", 0.025))
#: At Stripe a payment is created, then confirmed: the two calls that move money are apart.
SPLIT_BODY: Final = (
    BODY.replace('"USD"', '"EUR"').replace('"US"', '"FR"').replace("tok_@N@", "pm_card_visa")
)


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Measure a backlog, half of what is sustained, a slow provider, other ways to pay, and costs."""
    tell("starting everything, and a bare chain")
    with a_rig(options.folder, [*OURS, *SIMULATORS], bare=BARE) as rig:
        chain = a_chain(rig)
        backlog = SHORT_BACKLOG if options.short else BACKLOG
        tell(f"a backlog of {backlog}")
        turns = Turns(all_s)
        ours, bare = turns.alternate(
            options.rounds,
            lambda: chain.drain(backlog, ours=True),
            lambda: chain.drain(backlog, ours=False),
        )
        yield from _drained(ours, bare, turns.noise.why)
        half = median(run.sustained for run in ours) / 2
        yield _live(chain, options, tell, half)
        yield _slow(rig, chain, options, tell)
        yield from _others(rig, chain, options, tell, half)
        yield from costs(rig, chain, options, tell)


def middle(runs: Sequence[Run]) -> dict[str, float]:
    """Return the middle of each number that stands beside a figure."""
    return {name: median(run.extra().get(name, 0.0) for run in runs) for name in runs[0].extra()}


def _drained(ours: list[Run], bare: list[Run], noisy: str) -> Iterator[Figure]:
    extra = {name: n for name, n in middle(ours).items() if not name.endswith("_ms")}

    def pair(name: str, unit: str, number: str, goals: tuple[Goal, ...] = ()) -> Figure:
        a, b = ([float(getattr(run, number)) for run in runs] for runs in (ours, bare))
        return Figure(f"payment.{name}", unit, a, b, extra, goals, noisy)

    yield pair("throughput", "1/s", "sustained", THROUGHPUT)
    yield replace(pair("drain", "1/s", "pace"), why="the workers alone, the door at rest")
    yield pair("cpu", "us", "total_us")


def _live(chain: Chain, options: Options, tell: Tell, rate: float) -> Figure:
    tell(f"half of what is sustained, {rate:.0f}/s on a schedule")
    turns, seconds = Turns(all_s), 2 * options.seconds
    ours, bare = turns.alternate(
        options.rounds,
        lambda: chain.live(rate, seconds, ours=True, seed=options.seed),
        lambda: chain.live(rate, seconds, ours=False, seed=options.seed),
    )
    a, b = [run.p95_ms for run in ours], [run.p95_ms for run in bare]
    why = f"{rate:.0f}/s offered"
    return Figure("payment.live", "ms p95", a, b, middle(ours), LIVE, turns.noise.why, why)


def _slow(rig: Rig, chain: Chain, options: Options, tell: Tell) -> Figure:
    tell(f"{SLOW_RATE:.0f}/s at a provider of {SLOW_MS} ms with transient faults")
    for place, gateway in enumerate(HOUSES):
        late = {"fault": "latency", "on": "create", "ms": SLOW_MS}
        rig.admin(gateway, "POST", "/faults", late)
        for number, (fault, share) in enumerate(TRANSIENT):
            dice = {"probability": share, "seed": options.seed + 10 * place + number}
            rig.admin(gateway, "POST", "/faults", {"fault": fault, "on": "create"} | dice)
    found, noisy = _rounds(chain, options, SLOW_RATE, BODY)
    quiet_webhooks(rig)
    why = f"{SLOW_RATE:.0f}/s offered, answers after {SLOW_MS} ms"
    p95 = [run.p95_ms for run in found]
    return Figure("payment.slow", "ms p95", p95, (), middle(found), SLOW, noisy, why)


def _others(rig: Rig, chain: Chain, options: Options, tell: Tell, rate: float) -> Iterator[Figure]:
    tell("two calls a payment")
    found, noisy = _rounds(chain, options, rate / 2, SPLIT_BODY)
    p95, why = [run.p95_ms for run in found], f"created, then confirmed; {rate / 2:.0f}/s offered"
    yield Figure("payment.split", "ms p95", p95, (), middle(found), (), noisy, why)
    tell("decided later, told by webhook")
    for gateway in HOUSES:
        rig.admin(gateway, "DELETE", "/faults")
        rig.admin(gateway, "POST", "/faults", {"fault": "async", "on": "create"})
    found, noisy = _rounds(chain, options, rate / 2, BODY)
    quiet_webhooks(rig)
    p95, why = [run.p95_ms for run in found], f"decided after 1 s; {rate / 2:.0f}/s offered"
    yield Figure("payment.webhook", "ms p95", p95, (), middle(found), (), noisy, why)


def _rounds(chain: Chain, options: Options, rate: float, body: str) -> tuple[list[Run], str]:
    """Let payments arrive for some rounds; return what came of them, and what disturbed them."""
    turns = Turns(all_s)

    def once(number: int) -> Run:
        seed, seconds = options.seed + number, 2 * options.seconds
        return chain.live(rate, seconds, ours=True, seed=seed, body=body)

    return turns.repeat(options.rounds, once), turns.noise.why
