"""python -m ops.harness.chaos: see `--help`."""

from __future__ import annotations

import sys

from ops.harness.chaos.options import parsed
from ops.harness.chaos.run import run

if __name__ == "__main__":
    sys.exit(run(parsed(sys.argv[1:])))
