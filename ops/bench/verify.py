"""Verify: signatures per second of one core, by every kernel, beside `hmac.digest`."""

from __future__ import annotations

import hmac
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Final, TypeAlias

import stripe

from native.verifier import BACKEND, KERNELS, Check, verify, verify_batch
from ops.bench.figures import OURS, RATIO, CannotRun, Figure, Goal, Options, Tell
from ops.bench.turns import Turns, own_cpu_s

#: What webhooks weigh: from a short notice to a payment with all its lines.
SIZES: Final = (512, 1024, 1536, 8192)
#: A batch of this many lasts milliseconds: neither the call nor the clock is part of the figure.
BATCH: Final = 512
#: What one batch of the door can bring.
DOOR_BATCH: Final = 64
#: The library of Stripe is slow: a slice with so many is as long as one of ours with all.
EVENTS: Final = 16
SECRET: Final = b"whsec_" + b"k" * 32
#: Slices of which the fastest tenth begins: what others did to a slice can only make it longer.
FAST: Final = 10

#: Least and stretch by size, of the two kernels that are promised.
PROMISED: Final[Mapping[str, Mapping[int, tuple[float, float | None]]]] = {
    "avx512": {512: (8.0, None), 1536: (5.0, None), 8192: (2.5, None)},
    "sha-ni": {512: (4.5, 5.5), 1536: (2.8, 3.3), 8192: (1.35, 1.5)},
}
PER_SECOND: Final = Goal(OURS, least=500_000, by_the_clock=False)
NOT_SLOWER: Final = Goal(RATIO, least=1.0, by_the_clock=False)
FAR_FASTER: Final = Goal(RATIO, least=20.0, by_the_clock=False)

#: Work, and how many signatures it checks.
Slice: TypeAlias = tuple[Callable[[], None], int]
#: A key, a body, and its signature.
Signed: TypeAlias = tuple[bytes, bytes, bytes]
BASELINE: Final = "hmac.digest"


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Yield a figure for each kernel, for single calls and for texts, by size of the body."""
    if BACKEND != "native":
        raise CannotRun("the C++ verifier is not loaded: run `make build-cpp`")
    turns = Turns(own_cpu_s)
    seconds = options.seconds / (len(SIZES) + 1)
    for size in SIZES:
        tell(f"bodies of {size} bytes by {', '.join(KERNELS)}")
        slices = _slices(_signed(size, options.seed))
        rounds = turns.repeat(options.rounds, partial(_rates, slices, seconds))
        for name in slices:
            if name != BASELINE:
                yield _figure(f"{name}.{size}", rounds, name, BASELINE, _goals(name, size))
    tell("stripe.Webhook.construct_event")
    events = _events(options.seed)
    rounds = turns.repeat(options.rounds, partial(_rates, events, seconds))
    yield _figure("single.construct_event", rounds, "single", "construct_event", (FAR_FASTER,))


def _goals(name: str, size: int) -> tuple[Goal, ...]:
    goals = [NOT_SLOWER] if name == "single" else []
    if (promised := PROMISED.get(name, {}).get(size)) is not None:
        goals.append(Goal(RATIO, least=promised[0], stretch=promised[1], by_the_clock=False))
    if name == KERNELS[0] and size == 1024:
        goals.append(PER_SECOND)
    return tuple(goals)


def _figure(
    what: str,
    rounds: Sequence[Mapping[str, float]],
    ours: str,
    baseline: str,
    goals: Sequence[Goal],
) -> Figure:
    return Figure(
        name=f"verify.{what}",
        unit="1/s of CPU",
        ours=[one[ours] for one in rounds],
        baseline=[one[baseline] for one in rounds],
        goals=goals,
    )


def _signed(size: int, seed: int) -> list[Signed]:
    source = Random(seed)  # noqa: S311 - bodies, no secrets
    bodies = [source.randbytes(size) for _ in range(BATCH)]
    return [(SECRET, body, hmac.digest(SECRET, body, "sha256")) for body in bodies]


def _slices(signed: Sequence[Signed]) -> dict[str, Slice]:
    """Return what is measured in turns: the baseline first."""
    checks = [Check(*one) for one in signed]
    texts = [Check(key, body, signature.hex()) for key, body, signature in signed]
    slices: dict[str, Slice] = {
        BASELINE: (partial(_digested, signed), BATCH),
        "single": (partial(_single, checks), BATCH),
        "hex": (partial(_batch, texts, KERNELS[0]), BATCH),
        "door": (partial(_batch, checks[:DOOR_BATCH], KERNELS[0]), DOOR_BATCH),
    }
    return slices | {name: (partial(_batch, checks, name), BATCH) for name in KERNELS}


def _events(seed: int) -> dict[str, Slice]:
    """Return a single call of ours beside Stripe's own, which also reads what it has verified."""
    body = b'{"id":"evt_1","object":"event","data":{"object":{"note":"' + b"p" * 440 + b'"}}}'
    now_s = int(time.time())
    signature = hmac.digest(SECRET, b"%d.%s" % (now_s, body), "sha256").hex()
    header = f"t={now_s},v1={signature}"
    check = Check(SECRET, b"%d.%s" % (now_s, body), signature)

    def theirs() -> None:
        for _ in range(EVENTS):
            stripe.Webhook.construct_event(body, header, SECRET.decode())

    return {
        "construct_event": (theirs, EVENTS),
        "single": (partial(_single, [check] * BATCH), BATCH),
    }


def _rates(slices: Mapping[str, Slice], seconds: float, _: int) -> dict[str, float]:
    """Do the slices in turns, and return the fast decile of each in signatures per CPU second."""
    took_s: dict[str, list[float]] = defaultdict(list)
    until = time.monotonic() + seconds
    while not took_s or time.monotonic() < until:
        for name, (work, _) in slices.items():
            began = time.thread_time()
            work()
            took_s[name].append(time.thread_time() - began)
    return {
        name: count / sorted(took_s[name])[len(took_s[name]) // FAST]
        for name, (_, count) in slices.items()
    }


def _digested(signed: Sequence[Signed]) -> None:
    for key, message, signature in signed:
        _require(hmac.compare_digest(hmac.digest(key, message, "sha256"), signature))


def _single(checks: Sequence[Check]) -> None:
    for key, message, signature in checks:
        _require(verify(key, message, signature))


def _batch(checks: Sequence[Check], kernel: str) -> None:
    _require(all(verify_batch(checks, kernel=kernel)))


def _require(right: bool) -> None:
    if not right:
        raise AssertionError("a genuine signature was refused")
