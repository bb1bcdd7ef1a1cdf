"""python -m ops.dev.test: every test, then what the code covered; what `make test` and CI run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

#: Percent of branches and lines. The domain decides about money, so its bar is higher.
BARS = (("all", "*", 85), ("domain", "domain/*", 95))

#: Tells Python to compile everything again and again.
UNKEPT = "PYTHONDONTWRITEBYTECODE"
#: Whole files go to the workers of a suite, in the order of `tests/conftest.py`.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")

#: What the first suite's own processes run is measured. The others are left as they are: measuring
#: would slow them down, and what they show is not a matter of lines. The crash matrix keeps two cores
#: busy by itself, and beside the real programs some cells would not reach their boundary in time; what
#: holds the product to a time has the machine for itself.
SUITES = (
    (
        "unit, contract and service tests",
        "not (e2e or crash or model)",
        ("-n", "3", *BY_FILE, "--cov", "--cov-report=", "--ignore=tests/e2e"),
    ),
    (
        "the model and the crash matrix",
        "crash or model",
        ("-n", "2", *BY_FILE, "tests/crash", "tests/model"),
    ),
    (
        "the real programs",
        "e2e and not timed",
        ("-n", "3", *BY_FILE, "tests/e2e", "tests/ops/bench"),
    ),
    ("the real programs in time", "timed", ("tests/e2e",)),
)


def main(arguments: list[str]) -> int:
    """Run every suite and hold the coverage against its bars; 0 only when all of it is green."""
    root = Path(__file__).parents[2]
    # pytest rewrites some 9,000 asserts. Unless it may keep that, every worker of a suite does it.
    environ = {name: value for name, value in os.environ.items() if name != UNKEPT}
    failed = []
    for name, marked, how in SUITES:
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        run = [sys.executable, "-m", "pytest", "-m", marked, *how, *arguments]
        if subprocess.run(run, cwd=root, check=False, env=environ).returncode:
            failed.append(name)
        print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
    failed += _too_little_covered(root)
    print(f"failed: {', '.join(failed)}" if failed else "all green")
    return 1 if failed else 0


def _too_little_covered(root: Path) -> list[str]:
    """Hold the coverage against its bars, all at once: reading the sources anew takes seconds."""
    command = [sys.executable, "-m", "coverage", "report", "--format=total"]
    reports = [
        subprocess.Popen(
            [*command, f"--include={only}", f"--fail-under={bar}"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _, only, bar in BARS
    ]
    failed = []
    for (what, _, bar), report in zip(BARS, reports, strict=True):
        total, _ = report.communicate()
        share = total.partition("\n")[0]  # a word about failing may follow
        print(f"-- coverage of {what}: {share} %, at least {bar} %", flush=True)
        if report.returncode:
            failed.append(f"coverage of {what}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
