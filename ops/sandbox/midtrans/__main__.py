"""Runs the simulator: python -m ops.sandbox.midtrans --help."""

import sys

from ops.sandbox.midtrans.account import Account
from ops.sandbox.stage.command import main

if __name__ == "__main__":
    sys.exit(main(Account))
