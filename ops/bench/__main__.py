"""python -m ops.bench: measure everything, or some of it, and write `.paylink/bench/latest.json`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from ops.bench import agreement
from ops.bench.figures import Bench, CannotRun, Figure, Options
from ops.bench.screen import Display
from ops.dev.folder import prepare

BENCHES: Final = ("verify", "accept", "webhooks", "reads", "payment", "inflight", "growth")
RESULTS: Final = Path(".paylink/bench")
LATEST: Final = "latest.json"
#: Data in memory: a disk that others use, too, says more about the hour than about us. The servers
#: are as durable as in production all the same; only what a sync costs is left out.
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
MEMORY_BYTES: Final = 4 * 1024**3
#: What would fill it.
LARGE: Final = frozenset({"growth"})


def main(words: Sequence[str]) -> int:
    """Run what is asked for. 0: all of it was measured, whatever came of it; 1: something was not."""
    given = _parsed(words)
    names = given.only or BENCHES
    display = Display(names)
    figures: list[Figure] = []
    failed: list[str] = []
    display.say(f"{given.rounds} rounds of {given.seconds:g} s each")
    with display.live():
        for name in names:
            place = given.folder or _place(name)
            folder = Path(tempfile.mkdtemp(prefix="paylink-bench-", dir=place))
            options = Options(given.rounds, given.seconds, given.short, folder, given.seed)
            tell = display.teller(name)
            tell(f"data in {place}")
            try:
                bench = cast("Bench", importlib.import_module(f"ops.bench.{name}"))
                for figure in bench.run(options, tell):
                    figures.append(figure)
                    tell(f"{figure.name}: {figure.value('ours'):.4g} {figure.unit}")
            except CannotRun as error:
                failed.append(f"{name} could not be run: {error}")
            except ModuleNotFoundError as error:
                failed.append(f"{name} could not be run: {error} (is the `dev` extra installed?)")
            except Exception:  # noqa: BLE001 - what has been measured is kept, and the rest goes on
                failed.append(f"{name} broke off:\n{traceback.format_exc()}")
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            display.over()
    known = _known()
    before = {
        one.name: agreement.earlier(known.get(one.name, {}), given.rounds, given.seconds)
        for one in figures
    }
    display.figures(figures)
    display.runs({one.name: agreement.told(one, before[one.name]) for one in figures})
    for text in failed:
        display.say(text)
    display.say(f"written to {_write(known, figures, before, given.rounds, given.seconds)}")
    return 1 if failed else 0


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench",
        description="Measure the real programs and bare ones in turns. What misses its goal is "
        "marked and no failure; exit code 1 means that something could not be measured.",
    )
    parser.add_argument("--only", action="append", choices=BENCHES, help="may be given repeatedly")
    parser.add_argument("--short", action="store_true", help="few, small rounds: does all work?")
    parser.add_argument("--rounds", type=int, help="turns of ours and of the baseline each (5)")
    parser.add_argument("--seconds", type=float, help="how long a turn lasts (5)")
    parser.add_argument("--seed", type=int, default=1, help="decides arrivals")
    parser.add_argument("--folder", type=Path, help="where servers keep their data meanwhile")
    given = parser.parse_args(words)
    given.rounds = given.rounds or (2 if given.short else 5)
    given.seconds = given.seconds or (2.0 if given.short else 5.0)
    if given.rounds < 1 or given.seconds <= 0:
        parser.error("rounds and seconds are to be above 0")
    return given


def _place(bench: str) -> Path:
    """Return where there is room: the memory, or the disk for what is large and may be lost."""
    try:
        room = shutil.disk_usage(MEMORY).free >= MEMORY_BYTES and os.access(MEMORY, os.W_OK)
    except OSError:
        room = False
    return MEMORY if room and bench not in LARGE else Path(tempfile.gettempdir())


def _known() -> dict[str, Any]:
    """Return what `latest.json` says; nothing where there is none, or none that can be read."""
    try:
        return cast("dict[str, Any]", json.loads((RESULTS / LATEST).read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _write(
    known: Mapping[str, Any],
    figures: Sequence[Figure],
    before: Mapping[str, Sequence[Mapping[str, Any]]],
    rounds: int,
    seconds: float,
) -> Path:
    """Write the figures; those of an earlier run stay where this one has not measured them."""
    where = prepare(RESULTS) / LATEST
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "seconds": seconds,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    new = {
        figure.name: figure.to_json() | {"run": run, "earlier": before[figure.name]}
        for figure in figures
    }
    half = where.with_suffix(".new")
    half.write_text(json.dumps({**known, **new}, indent=1, sort_keys=True) + "\n")
    half.replace(where)
    return where


if __name__ == "__main__":
    # What stands still for a turn goes on before we end, however we are asked to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
