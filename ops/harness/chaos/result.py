"""The result: everything that came of a run, and whether it is good enough."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ops.harness.chaos.counts import ENOUGH, Transient
from ops.harness.chaos.migration import Migrated
from ops.harness.chaos.options import Options
from ops.harness.chaos.recovery import Recovery
from ops.harness.chaos.shop import Tally
from ops.harness.chaos.storm import Struck
from ops.harness.verdict import ParkedRow, Verdict

FILE: Final = "chaos.json"
#: A long storm has at least so many scripted faults per order; a short one proves no share.
FAULT_SHARE: Final = 0.2
LONG: Final = 2_000
#: Of each list of findings, so many are written down; the counts are whole.
WRITTEN: Final = 50


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    options: Options
    verdict: Verdict
    tally: Tally
    #: Whether every order was lived to its end, and every row came to rest, in time.
    settled: bool
    #: Parked rows about which nobody can know anything, and those that should not be there.
    unknowable: Sequence[ParkedRow]
    parked: Sequence[ParkedRow]
    transient: Transient
    moved: Sequence[Mapping[str, Any]]
    refunds: Sequence[Mapping[str, Any]]
    recoveries: Sequence[Recovery]
    migrations: Sequence[Migrated]
    struck: Sequence[Struck]
    #: How often each scripted fault struck, by gateway and fault.
    faults: Mapping[tuple[str, str], int]
    took_s: float
    #: Webhooks that providers gave up while the door was away, and sent again afterwards.
    resent: int = field(default=0, kw_only=True)
    #: What the harness itself and all programs used of the processors, seconds.
    cpu_s: tuple[float, float]

    @property
    def fault_share(self) -> float:
        """How many scripted faults struck per order."""
        return sum(self.faults.values()) / self.options.payments

    @property
    def failures(self) -> list[str]:
        """Return what is not good enough, in words; nothing is needed for exit code 0."""
        found = [f"{n} {name}" for name, n in self.verdict.counts.items() if n]
        if self.parked:
            found.append(f"{len(self.parked)} parked although later evidence should settle them")
        if self.verdict.waiting:
            found.append(
                f"{len(self.verdict.waiting)} wait, although everybody has done their part"
            )
        if self.transient.rate < ENOUGH:
            found.append(f"retries succeeded for {self.transient.rate:.1%} only")
        if self.options.payments >= LONG and self.fault_share < FAULT_SHARE:
            found.append(f"only {self.fault_share:.1%} as many faults as orders: too calm a storm")
        if self.tally.unanswered:
            found.append(f"{self.tally.unanswered} requests were never answered")
        if bugs := self.tally.errors["500 internal_error"]:
            found.append(f"{bugs} requests met a fault of ours (500)")
        if self.tally.two_answers:
            found.append(f"{len(self.tally.two_answers)} keys were answered twice, and not alike")
        if self.tally.crashes:
            found.append(f"the harness itself failed: {self.tally.crashes[0]}")
        if not self.settled:
            found.append("it did not settle in time")
        found += [
            f"a migration had statements wait {one.waited_s:.1f} s {one.why}".rstrip()
            for one in self.migrations
            if not one.gentle
        ]
        return found

    @property
    def passed(self) -> bool:
        """Whether everything is as it has to be."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written down."""
        verdict, tally = self.verdict, self.tally
        strikes: Counter[str] = Counter()
        for (_, fault), n in self.faults.items():
            strikes[fault] += n
        return {
            "passed": self.passed,
            "failures": self.failures,
            "seed": self.options.seed,
            "payments": self.options.payments,
            "storm_s": self.options.storm_s,
            "sabotage": self.options.sabotage,
            "took_s": round(self.took_s, 1),
            "cpu_s": {"harness": round(self.cpu_s[0], 1), "programs": round(self.cpu_s[1], 1)},
            **verdict.counts,
            "findings": {
                name: [str(one) for one in found[:WRITTEN]]
                for name, found in verdict.faults.items()
                if found
            },
            "judged": dict(verdict.judged),
            "parked": len(self.parked),
            "parked_unknowable": len(self.unknowable),
            "parked_by_reason": verdict.parked_by_reason,
            "parked_rows": [str(row) for row in [*self.parked, *self.unknowable][:WRITTEN]],
            "waiting": [str(one) for one in verdict.waiting[:WRITTEN]],
            "given_back": [str(one) for one in verdict.given_back[:WRITTEN]],
            "untold": [str(one) for one in verdict.untold],
            "transient": asdict(self.transient) | {"rate": round(self.transient.rate, 4)},
            "moved": list(self.moved),
            "refunds": list(self.refunds),
            "recoveries": [asdict(one) for one in self.recoveries],
            "migrations": [asdict(one) for one in self.migrations],
            "blows": [asdict(one) for one in self.struck],
            "webhooks_sent_again": self.resent,
            "fault_share": round(self.fault_share, 4),
            "faults_struck": dict(strikes.most_common()),
            "faults_by_gateway": {
                f"{gateway} {fault}": n for (gateway, fault), n in sorted(self.faults.items()) if n
            },
            "client": {
                "sent": tally.sent,
                "over": tally.over,
                "accepted": len(tally.accepted),
                "answers": dict(tally.answers.most_common()),
                "errors": dict(tally.errors.most_common()),
                "refused": dict(tally.refused.most_common()),
                "unanswered": tally.unanswered,
                "two_answers": tally.two_answers[:WRITTEN],
                "lag_s": round(tally.lag_s, 2),
            },
        }

    def write(self, folder: Path) -> Path:
        """Write it beside the run's ledgers and logs; returns where."""
        where = folder / FILE
        where.write_text(json.dumps(self.to_json(), indent=2, default=str) + "\n")
        return where
