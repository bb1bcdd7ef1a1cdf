"""The circuit breaker as values and pure functions: what counts, who may call, when it changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

#: A window slides in this many steps: one step forgets at most a tenth of the evidence at once.
BUCKETS: Final = 10

#: What a breaker, a bulkhead, a budget or a person may refuse: the start of new money. Resolving,
#: voiding and refunding money that is already out there is never refused, only counted.
NEW_MONEY: Final = frozenset({"charge", "payout"})


class State(StrEnum):
    """What callers meet: everybody passes, nobody does, or a few try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What one call says about the gateway's health."""

    GOOD = "good"
    #: It failed, or nobody knows whether it did (`Unknown`).
    BAD = "bad"
    #: It says nothing: the issuer declined, our own code failed, or nothing was sent.
    IGNORED = "ignored"


class Reason(StrEnum):
    """Why a breaker changed."""

    TOO_MANY_FAILURES = "too_many_failures"
    OPEN_TIME_OVER = "open_time_over"
    PROBE_FAILED = "probe_failed"
    PROBES_SUCCEEDED = "probes_succeeded"


class Refusal(StrEnum):
    """Why a call may not be made now."""

    #: The breaker is open, or a person holds the gateway down.
    OPEN = "open"
    HALF_OPEN_FULL = "half_open_full"
    BULKHEAD_FULL = "bulkhead_full"
    BUDGET = "budget"


class Hold(StrEnum):
    """A person's word, which beats the breaker while it lasts."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Override:
    """A hold and the Unix second at which it ends; None: whoever read it knows it is in force."""

    hold: Hold
    until: float | None = None

    def in_force(self, now: float) -> bool:
        """Whether it still counts at `now` (Unix seconds)."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of one breaker."""

    window_s: float = 30.0
    #: Below this many calls in the window nothing is concluded.
    min_calls: int = 5
    #: From this share of bad calls on, the breaker opens.
    failure_ratio: float = 0.5
    open_s: float = 60.0
    #: A half-open breaker lets this many calls decide.
    probes: int = 5
    #: A good answer that took this long is a bad call: half of the 10 s that a call may last.
    slow_call_s: float = 5.0

    def __post_init__(self) -> None:
        durations = (self.window_s, self.open_s, self.slow_call_s)
        if not all(0 < duration < math.inf for duration in durations):
            raise ValueError("window_s, open_s and slow_call_s are positive and finite")
        if self.min_calls < 1 or self.probes < 1 or not 0 < self.failure_ratio <= 1:
            raise ValueError("min_calls and probes are at least 1, failure_ratio is in (0, 1]")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A step of a window: when it starts, how many calls fell into it, how many were marked."""

    start_ms: int
    calls: int = 0
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Calls and marked calls (failures, retries) over a sliding span of time; bounded in size.

    Whole milliseconds, because buckets meet by equality and floats would not.
    """

    buckets: tuple[Bucket, ...] = ()

    def plus(self, now: float, span_s: float, *, mark: bool) -> Window:
        """Return the window with one more call at `now`, without what has slid out."""
        now_ms, span_ms = to_ms(now), to_ms(span_s)
        start_ms = now_ms - now_ms % bucket_ms(span_s)
        kept = [old for old in self.buckets if now_ms - span_ms < old.start_ms < start_ms]
        same = [old for old in self.buckets if old.start_ms == start_ms] or [Bucket(start_ms)]
        grown = Bucket(start_ms, same[0].calls + 1, same[0].marked + mark)
        return Window((*kept, grown))

    def tally(self, now: float, span_s: float) -> tuple[int, int]:
        """Return (calls, marked) of the buckets that started within the last `span_s`."""
        live = [old for old in self.buckets if old.start_ms > to_ms(now) - to_ms(span_s)]
        return sum(bucket.calls for bucket in live), sum(bucket.marked for bucket in live)


@dataclass(frozen=True, slots=True)
class Circuit:
    """One gateway and operation as it is remembered. A new one is closed."""

    #: Differs after every change: a call counts only for the epoch in which it entered, so that a
    #: failure from before cannot fail a probe.
    epoch: int = 0
    #: When the open time ends; None: closed. Half-open is not stored, it is open time that is over.
    open_until: float | None = None
    #: Calls and failures while closed; kept, not counted, while open, so that people see why.
    window: Window = Window()
    good_probes: int = 0
    bad_probes: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A breaker changed, at a Unix second of the clock that decided."""

    from_state: State
    to_state: State
    reason: Reason
    at: float


def to_ms(seconds: float) -> int:
    """Return whole milliseconds, the precision in which all of this is stored."""
    return round(seconds * 1_000)


def bucket_ms(span_s: float) -> int:
    """Return how long one bucket of a window of `span_s` lasts."""
    return max(1, to_ms(span_s) // BUCKETS)


def state_at(circuit: Circuit, now: float) -> State:
    """Return the state at `now`; time alone turns open into half-open."""
    if circuit.open_until is None:
        return State.CLOSED
    return State.OPEN if now < circuit.open_until else State.HALF_OPEN


def judged(policy: Policy, verdict: Verdict, took_s: float) -> Verdict:
    """Return the verdict with slowness in it. What says nothing about the gateway stays silent."""
    slow = verdict is Verdict.GOOD and took_s >= policy.slow_call_s
    return Verdict.BAD if slow else verdict


def refusal(
    policy: Policy, circuit: Circuit, now: float, *, probes_out: int, hold: Hold | None
) -> Refusal | None:
    """Return why the breaker refuses new money at this gateway now; None: it does not."""
    match hold:
        case Hold.DOWN:
            return Refusal.OPEN
        case Hold.UP:
            return None
        case None:
            pass
        case _:
            assert_never(hold)
    match state_at(circuit, now):
        case State.CLOSED:
            return None
        case State.OPEN:
            return Refusal.OPEN
        case State.HALF_OPEN:
            probe = is_probe(policy, circuit, now, probes_out=probes_out)
            return None if probe else Refusal.HALF_OPEN_FULL


def is_probe(policy: Policy, circuit: Circuit, now: float, *, probes_out: int) -> bool:
    """Whether a call that enters now is one of the few that decide.

    Probes under way and probes that succeeded share the same number of places, so no more than
    `probes` calls decide a half-open period; one that ends without a word gives its place back.
    """
    half_open = state_at(circuit, now) is State.HALF_OPEN
    return half_open and probes_out + circuit.good_probes < policy.probes


def counted(
    policy: Policy, circuit: Circuit, verdict: Verdict, now: float, *, probe: bool
) -> Circuit:
    """Return the circuit with one ended call, which entered in this epoch, in it.

    The very same circuit comes back when the call says nothing: then nothing is to be decided.
    """
    if verdict is Verdict.IGNORED:
        return circuit
    bad = verdict is Verdict.BAD
    if circuit.open_until is None:
        return replace(circuit, window=circuit.window.plus(now, policy.window_s, mark=bad))
    if not probe:
        return circuit
    if bad:
        return replace(circuit, bad_probes=circuit.bad_probes + 1)
    return replace(circuit, good_probes=circuit.good_probes + 1)


def decide(policy: Policy, circuit: Circuit, now: float) -> Change | None:
    """Return the change that the evidence demands, if any. Ask after new evidence only.

    Closed opens at `min_calls` in the window of which `failure_ratio` were bad. Half-open opens
    again on the first bad probe, and closes when `probes` calls were good: all of them, because
    one good answer of a limping provider is chance.
    """
    match state_at(circuit, now):
        case State.OPEN:
            return None
        case State.HALF_OPEN:
            if circuit.bad_probes:
                return Change(State.HALF_OPEN, State.OPEN, Reason.PROBE_FAILED, now)
            if circuit.good_probes >= policy.probes:
                return Change(State.HALF_OPEN, State.CLOSED, Reason.PROBES_SUCCEEDED, now)
            return None
        case State.CLOSED:
            calls, failures = circuit.window.tally(now, policy.window_s)
            if calls >= policy.min_calls and failures / calls >= policy.failure_ratio:
                return Change(State.CLOSED, State.OPEN, Reason.TOO_MANY_FAILURES, now)
            return None


def moved(policy: Policy, circuit: Circuit, change: Change) -> Circuit:
    """Return the circuit after `change`. Becoming half-open changes nothing that is remembered."""
    match change.to_state:
        case State.OPEN:
            return Circuit(circuit.epoch + 1, change.at + policy.open_s, circuit.window)
        case State.CLOSED:
            return Circuit(circuit.epoch + 1)
        case State.HALF_OPEN:
            return circuit
        case other:
            assert_never(other)
