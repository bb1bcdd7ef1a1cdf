"""When to try again, and whether: full-jitter backoff, fixed schedules and the retry budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_DAY_S: Final = 86_400.0

#: Growth stops being computed here: any sane policy has met its cap long before, and an endless
#: exponent would overflow a float.
_MAX_EXPONENT: Final = 64

#: A provider may ask for this much patience and no more: past it a wrong header would park money.
RETRY_AFTER_CAP_S: Final = 3_600.0

#: How long an outcome may stay unknown before a person looks: dense while an answer is likely,
#: then daily for a week, which outlives every provider's own redelivery of webhooks.
RESOLUTION_DELAYS_S: Final = (5.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0, *(_DAY_S,) * 7)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How the pause between runs grows. Seconds."""

    #: The longest pause after the first run.
    base_s: float = 1.0
    #: Each further run multiplies it by this.
    factor: float = 2.0
    #: And never beyond this.
    cap_s: float = 60.0
    #: No pause is shorter: full jitter may draw zero, and a pause of zero is a hammer.
    floor_s: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.floor_s <= self.base_s <= self.cap_s < math.inf:
            raise ValueError("0 < floor_s <= base_s <= cap_s, all finite")
        if not 1 <= self.factor < math.inf:
            raise ValueError("factor is finite and at least 1")


DEFAULT_BACKOFF: Final = Backoff()


def delay_s(run: int, draw: float, policy: Backoff = DEFAULT_BACKOFF) -> float:
    """Return the pause after the `run`-th run (from 1): floor to min(cap, base * factor^(run-1)).

    `draw` is uniform in [0, 1). The whole interval is drawn from ("full jitter"), because callers
    that failed together must not come back together. Where the interval is a point, it is returned.
    """
    if run < 1:
        raise ValueError("runs are counted from 1")
    if not 0 <= draw < 1:
        raise ValueError("draw is in [0, 1)")
    exponent = min(run - 1, _MAX_EXPONENT)
    ceiling_s = min(policy.cap_s, policy.base_s * policy.factor**exponent)
    return policy.floor_s + draw * (ceiling_s - policy.floor_s)


def honour(delay_s: float, retry_after_s: float | None) -> float:
    """Return when to come back if the provider said `Retry-After` (seconds; None: it did not).

    Our own delay is added, not compared: a provider that tells everyone "30" must not get them all
    back in the same instant. Negative and not-a-number are no wish; the rest is bounded.
    """
    if retry_after_s is None or not retry_after_s > 0:
        return delay_s
    return delay_s + min(retry_after_s, RETRY_AFTER_CAP_S)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Fixed delays, one after the other; by default those after which an outcome is resolved."""

    delays_s: tuple[float, ...] = RESOLUTION_DELAYS_S

    def __post_init__(self) -> None:
        if not all(0 < delay < math.inf for delay in self.delays_s):
            raise ValueError("delays are positive and finite")

    def after(self, n: int) -> float | None:
        """Return the delay after `n` tries (from 0); None: exhausted, the row is to be parked."""
        if n < 0:
            raise ValueError("tries are counted from 0")
        return self.delays_s[n] if n < len(self.delays_s) else None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """How many of a gateway's calls may be retries, so that retries never become the outage."""

    #: Of the calls in the window; a tenth adds at most 11 % of load to a provider in trouble.
    share: float = 0.10
    #: Always allowed in a window: with little traffic a tenth of it would be nothing.
    floor: int = 10
    window_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or self.floor < 0 or not 0 < self.window_s < math.inf:
            raise ValueError("share is in [0, 1], floor >= 0, window_s positive and finite")

    def allows(self, calls: int, retries: int) -> bool:
        """Whether one more retry fits, after `calls` in the window of which `retries` were such."""
        return retries < max(self.floor, self.share * calls)
