"""The screen: what is being measured now, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from time import monotonic
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ops.bench.figures import Figure, Judged, Tell
from ops.cli.show import screen

_COLOURS: Final = {
    Judged.MET: "green",
    Judged.STRETCHED: "bold green",
    Judged.MISSED: "bold red",
    Judged.NOISY: "yellow",
    Judged.UNMEASURED: "dim",
}
#: Of the programs that make a number large, so many are named.
_LARGEST: Final = 3
#: Processor time that is no single program of ours.
_SUMS: Final = frozenset({"cpu_us", "generator_us", "simulator_us"})
#: These numbers of a figure stand in a column of their own; the others are in the file.
_SHOWN: Final = ("cpu_us", "p50_ms", "p95_ms", "p99_ms")


class Display:
    """Shows one run as it goes: a live line on a terminal, a line per step elsewhere."""

    def __init__(self, benches: Sequence[str]) -> None:
        self.console: Console = screen()
        self._began = monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f} benches"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=len(benches))

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the live line until the block ends."""
        if not self.console.is_terminal:
            yield
            return
        with self._progress:
            yield

    def teller(self, bench: str) -> Tell:
        """Return what a bench tells its steps to."""

        def tell(text: str) -> None:
            self._progress.update(self._task, description=f"{bench}: {text}")
            if not self.console.is_terminal:
                self.say(f"{monotonic() - self._began:6.0f} s  {bench}: {text}")

        return tell

    def over(self) -> None:
        """Count one bench as done."""
        self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Say one thing."""
        self.console.print(Text(text), soft_wrap=True)

    def figures(self, figures: Sequence[Figure]) -> None:
        """Print the numbers, and under them what was promised of them, and why they fall short."""
        numbers = _table("figure", "unit")
        for name in ("ours", "bare", "ratio", "quartiles", *_SHOWN):
            numbers.add_column(name, justify="right", no_wrap=True)
        goals = _table("figure", "goal", "is", "judged")
        goals.add_column("why", overflow="fold")
        for one in figures:
            numbers.add_row(*_numbers(one))
            for row in _goals(one):
                goals.add_row(*row)
        self.console.print(numbers)
        self.console.print()
        self.console.print(goals)

    def runs(self, told: Mapping[str, str]) -> None:
        """Print which figures' runs agree; `told` says it of each, by its name."""
        for words in sorted(set(told.values())):
            names = [name for name, said in told.items() if said == words]
            self.say(f"{words}: {', '.join(names)}")


def _table(*columns: str) -> Table:
    made = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        made.add_column(name, no_wrap=True)
    return made


def _numbers(figure: Figure) -> list[str]:
    ratio = figure.ratio
    return [
        figure.name,
        figure.unit,
        _number(median(figure.ours)),
        _number(median(figure.baseline) if figure.baseline else None),
        f"{ratio.middle:.2f}" if ratio else "-",
        f"{ratio.low:.2f}-{ratio.high:.2f}" if ratio else "-",
        *(_number(figure.extra.get(name)) for name in _SHOWN),
    ]


def _goals(figure: Figure) -> Iterator[list[str | Text]]:
    why = "; ".join(filter(None, (figure.noisy, figure.why, _spent(figure))))
    for goal, judged in figure.judged():
        word = Text(judged.value, _COLOURS[judged])
        yield [figure.name, str(goal), _number(figure.value(goal.of)), word, why]
        why = ""
    if why:
        yield [figure.name, "-", "-", "-", why]


def _spent(figure: Figure) -> str:
    """Say which programs the processor time of a missed goal went to."""
    if all(judged is not Judged.MISSED for _, judged in figure.judged()):
        return ""
    by = {
        name.removesuffix("_us"): used
        for name, used in figure.extra.items()
        if name.endswith("_us") and name not in _SUMS
    }
    largest = sorted(by.items(), key=lambda one: -one[1])[:_LARGEST]
    return ", ".join(f"{name} {_number(used)} us" for name, used in largest)


def _number(value: float | None) -> str:
    """Return three figures of a number; large ones whole."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
