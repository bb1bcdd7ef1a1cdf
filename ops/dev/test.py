"""python -m ops.dev.test: every test, then what the code covered; what `make test` and CI run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

#: Percent of branches and lines. The domain decides about money, so its bar is higher.
DOMAIN_BAR = 95
BAR = 85

#: The fast ones side by side; the real programs one after the other, on a machine of their own.
SUITES = (
    ("unit, contract and service tests", ["-m", "not e2e", "-n", "2", "--dist", "loadfile"]),
    ("the real programs", ["-m", "e2e"]),
)


def main(arguments: list[str]) -> int:
    """Run both suites and hold the coverage against its bars; 0 only when all of it is green."""
    root = Path(__file__).parents[2]
    environ = os.environ | {"COVERAGE_FILE": str(root / ".coverage")}
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "erase"], cwd=root, env=environ, check=True)
    failed = []
    for name, selection in SUITES:
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        run = [*coverage, "run", "-m", "pytest", *selection, *arguments]
        if subprocess.run(run, cwd=root, env=environ, check=False).returncode:
            failed.append(name)
        print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
    print("\n== coverage", flush=True)
    subprocess.run([*coverage, "combine", "--quiet"], cwd=root, env=environ, check=True)
    for what, bar, only in (("all", BAR, "*"), ("domain", DOMAIN_BAR, "domain/*")):
        report = [*coverage, "report", f"--include={only}", f"--fail-under={bar}", "--format=total"]
        total = subprocess.run(
            report, cwd=root, env=environ, check=False, capture_output=True, text=True
        )
        print(f"{what}: {total.stdout.strip()} % (at least {bar} %)", flush=True)
        if total.returncode:
            failed.append(f"coverage of {what}")
    print("\n" + (f"failed: {', '.join(failed)}" if failed else "all green"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
