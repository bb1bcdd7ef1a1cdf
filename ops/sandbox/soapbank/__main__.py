"""Run the simulator: `python -m ops.sandbox.soapbank --help`."""

import sys

from ops.sandbox.soapbank.bank import Bank
from ops.sandbox.stage.command import main

if __name__ == "__main__":
    sys.exit(main(Bank))
