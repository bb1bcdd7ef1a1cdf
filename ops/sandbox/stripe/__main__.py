"""`python -m ops.sandbox.stripe`: one account at the simulated Stripe."""

import sys

from ops.sandbox.stage.command import main
from ops.sandbox.stripe.account import StripeAccount

if __name__ == "__main__":
    sys.exit(main(StripeAccount))
