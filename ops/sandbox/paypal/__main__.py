"""Runs the simulator: `python -m ops.sandbox.paypal --help`."""

import sys

from ops.sandbox.paypal.provider import PayPal
from ops.sandbox.stage.command import main

if __name__ == "__main__":
    sys.exit(main(PayPal))
