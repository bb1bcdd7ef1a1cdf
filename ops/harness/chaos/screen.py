"""The screen: how the storm goes, live on a terminal and line by line elsewhere; and the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.cli.show import screen, table
from ops.harness.chaos.result import Result
from ops.harness.chaos.shop import Tally
from ops.harness.chaos.storm import Storm

#: Without a terminal there is one line this often.
LINE_EVERY_S: Final = 5.0
#: The latest blows that are shown.
LATEST: Final = 6


class Display:
    """Shows one run as it goes."""

    def __init__(self) -> None:
        self.console: Console = screen()
        self._line_at = 0.0

    @contextmanager
    def live(self, tally: Tally, storm: Storm, orders: int) -> Iterator[Callable[[str], None]]:
        """Yield a function that shows the state of things; call it now and then with the phase."""
        if not self.console.is_terminal:
            yield lambda phase: self._line(phase, tally, storm, orders)
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as shown:
            yield lambda phase: shown.update(_board(phase, tally, storm, orders))

    def say(self, text: str) -> None:
        """Say one thing, without a live display."""
        self.console.print(Text(text), soft_wrap=True)

    def tables(self, result: Result) -> None:
        """Print what came of it."""
        for made in _tables(result):
            self.console.print(made)
            self.console.print()
        word = Text("passed", "bold green") if result.passed else Text("FAILED", "bold red")
        self.console.print(word, Text("; ".join(result.failures)), soft_wrap=True)

    def _line(self, phase: str, tally: Tally, storm: Storm, orders: int) -> None:
        if monotonic() < self._line_at:
            return
        self._line_at = monotonic() + LINE_EVERY_S
        last = storm.struck[-1].what if storm.struck else "-"
        errors = tally.errors.total()
        self.say(
            f"{phase}: {tally.sent}/{orders} sent, {tally.over} over, {errors} errors seen by"
            f" clients, {len(storm.struck)} blows, last: {last}"
        )


def _board(phase: str, tally: Tally, storm: Storm, orders: int) -> Group:
    line = Text(f"{phase}  {tally.sent}/{orders} sent, {tally.over} over", "bold")
    errors = ", ".join(f"{what} {n}" for what, n in tally.errors.most_common(5)) or "none"
    blows = [
        Text(f"  {one.what}{f' ({one.why_not})' if one.why_not else ''}", "dim")
        for one in storm.struck[-LATEST:]
    ]
    accepted = Text(f"accepted {len(tally.accepted)}, errors seen by clients: {errors}")
    return Group(line, accepted, Text(f"blows: {len(storm.struck)} of {len(storm.blows)}"), *blows)


def _tables(result: Result) -> Iterator[Table]:
    moved = [(m["gateway"], m["type"], m["n"], m["minor"], m["currency"]) for m in result.moved]
    yield table(("gateway", "movement", "count", "minor units", "currency"), moved)
    yield table(
        ("blow", "times", "p50 s", "p99 s", "max s"),
        [
            (r.what, r.times, f"{r.p50_s:.2f}", f"{r.p99_s:.2f}", f"{r.max_s:.2f}")
            for r in result.recoveries
        ],
    )
    tally, transient = result.tally, result.transient
    rows: list[tuple[str, object]] = [
        *result.verdict.judged,
        *result.verdict.counts.items(),
        ("parked, and should not be", len(result.parked)),
        ("parked, nobody can know", len(result.unknowable)),
        ("waiting for somebody", len(result.verdict.waiting)),
        ("late money given back", len(result.verdict.given_back)),
        ("met a transient fault", transient.met),
        ("of these declined by a bank", transient.declined),
        ("retries that succeeded", f"{transient.rate:.2%}"),
        ("faults struck", sum(result.faults.values())),
        ("faults per order", f"{result.fault_share:.1%}"),
        ("webhooks given up, and sent again", result.resent),
        ("errors seen by clients", tally.errors.total()),
        ("never answered", tally.unanswered),
        ("latest order late by", f"{tally.lag_s:.2f} s"),
        ("took", f"{result.took_s:.0f} s"),
        (
            "processor time, harness / programs",
            f"{result.cpu_s[0]:.0f} s / {result.cpu_s[1]:.0f} s",
        ),
    ]
    rows += [(f"refunds {row['status']}", row["n"]) for row in result.refunds]
    rows += [
        ("migration", f"{one.took_s:.1f} s, {one.tries} tries, waited {one.waited_s:.2f} s")
        for one in result.migrations
    ]
    yield table(("what", "how many"), rows)
    found = [*result.parked, *result.unknowable]
    if found:
        yield table(
            ("parked", "reason", "owner"), [(p.what, p.reason, p.owner) for p in found[:20]]
        )
    faults = [(name, str(one)) for name, all_ in result.verdict.faults.items() for one in all_[:10]]
    if faults:
        yield table(("fault", "which"), faults)
