"""Recovery: how long after each blow the next payment was captured, or accepted, or seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from ops.harness.chaos.rig import Rig
from ops.harness.chaos.storm import Struck

#: What a program sent just before it was killed may still be written down by others.
GRACE_S: Final = 0.1

_PROGRESS: Final = {
    "accepted": """
SELECT extract(epoch FROM created_at)::float8 AS at FROM payments UNION ALL
SELECT extract(epoch FROM created_at)::float8 FROM payouts ORDER BY at""",
    "moved": "SELECT extract(epoch FROM created_at)::float8 AS at FROM transactions ORDER BY at",
    # The clock does no work itself: what only it orders is the sealing of the audit.
    "ordered": "SELECT extract(epoch FROM sealed_at)::float8 AS at FROM audit_chain ORDER BY at",
}
#: By which progress each kind of blow is over. What is not named here takes nothing away.
_ENDED_BY: Final = {
    "kill ingress": "accepted",
    "deploy ingress": "accepted",
    "kill clock": "ordered",
    "deploy clock": "ordered",
    "kill worker": "moved",
    "deploy worker": "moved",
    "kill a worker process": "moved",
    "flush redis": "moved",
    "kill redis": "moved",
    "kill postgres": "moved",
    "stop postgres at once": "moved",
}


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds until the next progress, over all blows of a kind."""

    what: str
    times: int
    p50_s: float
    p99_s: float
    max_s: float


def recoveries(rig: Rig, struck: Iterable[Struck]) -> list[Recovery]:
    """Return how long each kind of blow was felt; the last blow before the load ended may lack one."""
    moments = {name: [row["at"] for row in rig.sql(query)] for name, query in _PROGRESS.items()}
    found: defaultdict[str, list[float]] = defaultdict(list)
    for blow in struck:
        if blow.what not in _ENDED_BY or blow.why_not:
            continue
        after = moments[_ENDED_BY[blow.what]]
        # What was on its way at the moment of the blow is no recovery: it counts from a little later.
        place = bisect_right(after, blow.at + GRACE_S)
        if place < len(after):
            found[blow.what].append(after[place] - blow.at)
    every = [one for times in found.values() for one in times]
    summed = [_summed(what, sorted(times)) for what, times in sorted(found.items())]
    return [*summed, _summed("all", sorted(every))] if every else []


def _summed(what: str, times: Sequence[float]) -> Recovery:
    return Recovery(what, len(times), _share(times, 0.5), _share(times, 0.99), times[-1])


def _share(times: Sequence[float], share: float) -> float:
    return times[ceil(share * len(times)) - 1]
