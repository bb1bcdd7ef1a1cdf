"""`python -m tests.model`: many histories, one of them step by step, or one that somebody wrote."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.model.hunt import Found, hunt, said, told
from tests.model.phrases import Unreadable
from tests.model.schedule import play


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 1 if a law was broken, 2 for a schedule that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--seeds", default="1000", help="how many, or from..to (default: 1000)")
    what.add_argument("--seed", type=int, help="one history, told step by step")
    what.add_argument("--schedule", type=Path, help="a file in the language of SCHEDULES.md")
    asked = parser.parse_args(arguments)
    if asked.schedule is not None:
        return _play(asked.schedule)
    if asked.seed is not None:
        print("\n".join(told(asked.seed)))
        return _hunt(range(asked.seed, asked.seed + 1))
    first, dots, last = asked.seeds.partition("..")
    return _hunt(range(int(first), int(last)) if dots else range(int(first)))


def _hunt(seeds: range) -> int:
    begun = time.perf_counter()
    try:
        count = hunt(seeds)
    except Found as found:
        print(found, file=sys.stderr)
        return 1
    print(f"{count} histories, no law broken, {time.perf_counter() - begun:.1f} s")
    return 0


def _play(schedule: Path) -> int:
    trace: list[str] = []
    try:
        play(schedule.read_text(encoding="utf-8"), trace)
    except Unreadable as line:
        print(f"this line means nothing: {line}", file=sys.stderr)
        return 2
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told step by step
        print("\n".join(trace))
        print(said(error), file=sys.stderr)
        return 1
    print("\n".join(trace))
    print("no law broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
